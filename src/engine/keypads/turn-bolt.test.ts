import { expect, test } from "vitest";
import { gatewayModel } from "#src/api/gateway-model";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";
import { startBolt } from "./turn-bolt.js";

const BY = { opBy: "test" };

test("a door is locked and unlocked, and the lock's own word is told as an event", async () => {
  const rig = await new KeypadRig().ready();
  for (const [to, isLocked] of [
    ["lock_door", true],
    ["unlock_door", false],
  ] as const) {
    const { id, status } = startBolt(rig.engine, { lockId: LOCK.plain, act: to, cause: BY });
    expect(status).toBe("pending");
    await rig.settle();
    expect(rig.store.attempts.get(id)).toMatchObject({
      status: "success",
      actionType: to.toUpperCase(),
      result: { was_confirmed_by_device: true },
      deviceId: LOCK.plain,
    });
    expect(rig.simulator.locked.get("lock-1")).toBe(isLocked);
    expect(rig.store.keypads.lock(LOCK.plain)?.observed.locked).toBe(isLocked);
  }
  expect(rig.events().filter((type) => type.startsWith("lock."))).toEqual(["lock.locked", "lock.unlocked"]);
});

test("a door that the gateway opens is unlocked for as long as its rules say, is told so, and cannot be locked", async () => {
  const rig = await new KeypadRig({
    doors: new Map([["bench/door-1", { mode: "pin", openMs: 4_000 }]]),
  }).ready();
  const { id } = startBolt(rig.engine, { lockId: LOCK.door, act: "unlock_door", cause: BY });
  await rig.settle();
  expect(rig.store.attempts.get(id)?.status).toBe("success");
  expect(rig.simulator.lastGrantMs).toBe(4_000);
  const told = rig.store.events.list({ where: { device_id: LOCK.door }, types: ["lock.unlocked"], limit: 9 });
  expect(told).toMatchObject([{ event_type: "lock.unlocked", method: "remote" }]);
  const by = { name: "desk", role: "technician", seesPins: true } as const;
  const { locks, devices } = gatewayModel(rig.engine, { isSandbox: false });
  expect(devices.get(LOCK.door)).toMatchObject({ can_remotely_lock: false, can_remotely_unlock: true });
  expect(() => locks.lockDoor(LOCK.door, by)).toThrow(
    expect.objectContaining({ status: 400, type: "device_cannot_do_this" }),
  );
});

test("a lock that is away: the attempt ends and says what to do", async () => {
  const rig = await new KeypadRig().ready();
  rig.unplug();
  await rig.settle();
  const { id } = startBolt(rig.engine, { lockId: LOCK.plain, act: "lock_door", cause: BY });
  await rig.settle();
  expect(rig.store.attempts.get(id)).toMatchObject({ status: "error", error: { type: "device_offline" } });
});

test("a silent lock ends the attempt too", async () => {
  const rig = await new KeypadRig().ready();
  rig.simulator.faults.isSilent = true;
  const { id } = startBolt(rig.engine, { lockId: LOCK.plain, act: "lock_door", cause: BY });
  await rig.settle(200_000);
  expect(rig.store.attempts.get(id)?.status).toBe("error");
});

test("who used a code at the lock is told: ours, somebody else's, nobody's", async () => {
  const rig = await new KeypadRig().ready();
  const id = "11111111-0000-4000-8000-000000000001";
  rig.feedCode(id, "4711");
  rig.simulator.changeSlotAtLock("lock-1", 9, "8080");
  await rig.settle();
  for (const pin of ["4711", "8080", "0000"]) rig.simulator.useCode("lock-1", pin);
  await rig.settle();
  const told = rig.store.events
    .list({ where: { device_id: LOCK.plain }, limit: 99 })
    .filter(({ event_type: type }) => type.startsWith("lock."));
  expect(told).toMatchObject([
    { event_type: "lock.unlocked", method: "keycode", access_code_id: id, access_code_is_managed: true },
    { event_type: "lock.unlocked", method: "keycode", access_code_is_managed: false },
    { event_type: "lock.access_denied", reason: { reason_code: "unknown_code" } },
  ]);
  expect(JSON.stringify(told)).not.toMatch(/4711|8080/);
});
