import { describe, expect, test } from "vitest";
import { isoInstant } from "#src/domain/seam/instant";
import type { JsonObject } from "#src/lib/json";
import { KeypadRig } from "#test/support/keypad-rig";

const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A lock that keeps windows itself, and a code for the day after tomorrow. */
async function scheduler(changes: JsonObject = {}) {
  const rig = new KeypadRig();
  rig.simulator.schedulers.add("lock-1");
  await rig.ready();
  const startsAt = Math.ceil(rig.clock.now() / MINUTE) * MINUTE + 40 * HOUR;
  const endsAt = startsAt + 4 * HOUR;
  const dates = {
    type: "time_bound",
    starts_at: isoInstant(startsAt),
    ends_at: isoInstant(endsAt),
    ...changes,
  };
  return { rig, startsAt, endsAt, dates, window: [startsAt / 1_000, endsAt / 1_000] };
}

const until = (rig: KeypadRig, at: number) => rig.settle(at - rig.clock.now());

test("a lock that keeps windows has the code days ahead, and opens by itself from its start to its end", async () => {
  const { rig, dates, window, startsAt, endsAt } = await scheduler();
  rig.feedCode(A, "4711", dates);
  expect(rig.observed(A)).toMatchObject({ status: "setting", isScheduledOnDevice: false });
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({ 1: "4711" });
  expect(rig.simulator.windowsOf("lock-1")).toEqual({ 1: window });
  expect(rig.simulator.zone).toBe("Europe/Lisbon");
  expect(rig.observed(A)).toMatchObject({
    status: "unset",
    isScheduledOnDevice: true,
    pending: [],
    errors: [],
  });
  rig.simulator.useCode("lock-1", "4711");
  await rig.settle();
  expect(rig.store.events.list({ types: ["lock.access_denied"], limit: 9 })).toMatchObject([
    { reason: { reason_code: "expired_code" } },
  ]);
  await until(rig, startsAt);
  expect(rig.observed(A)).toMatchObject({ status: "set", isScheduledOnDevice: false });
  rig.simulator.useCode("lock-1", "4711");
  await rig.settle();
  expect(rig.store.events.list({ types: ["lock.unlocked"], limit: 9 })).toMatchObject([
    { access_code_id: A },
  ]);
  await until(rig, endsAt);
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({});
  expect(rig.simulator.changes).toBe(2);
  expect(rig.eventsOf(A).filter((type) => type !== "mutations_requested")).toEqual([
    "created",
    "scheduled_on_device",
    "set_on_device",
    "lock.unlocked",
    "removed_from_device",
    "deleted",
  ]);
});

test("a lock that is away at start and end keeps its times all the same", async () => {
  const { rig, dates } = await scheduler();
  const startsAt = rig.clock.now() + HOUR;
  const times = { starts_at: isoInstant(startsAt), ends_at: isoInstant(startsAt + HOUR) };
  rig.feedCode(A, "4711", { ...dates, ...times });
  await rig.settle();
  rig.unplug();
  await until(rig, startsAt + MINUTE);
  expect(rig.status(A)).toBe("set");
  await until(rig, startsAt + HOUR + MINUTE);
  expect(rig.status(A)).toBe("removing");
  await rig.plug();
  expect(rig.held("lock-1")).toEqual({});
});

describe("who sees to the times", () => {
  test("the gateway, where the code asks for it", async () => {
    const { rig, dates, startsAt } = await scheduler({ prefer_native_scheduling: false });
    rig.feedCode(A, "4711", dates);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({});
    expect(rig.observed(A)?.pending).toMatchObject([{ scheduledAt: startsAt - 5 * MINUTE }]);
    await until(rig, startsAt - 4 * MINUTE);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.simulator.windowsOf("lock-1")).toEqual({});
  });

  test("it can be changed while the code lies there, and then the code is taken off until it is time", async () => {
    const { rig, dates } = await scheduler();
    rig.feedCode(A, "4711", dates);
    await rig.settle();
    rig.feedCode(A, "4711", { ...dates, prefer_native_scheduling: false });
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({});
    expect(rig.observed(A)).toMatchObject({ status: "unset", isScheduledOnDevice: false });
  });

  test("the gateway, while nobody knows the time to set the lock's clock by", async () => {
    let quality: "trusted" | "estimated" = "estimated";
    const rig = new KeypadRig({
      time: (clock) => ({ read: () => ({ now: clock.now(), quality, certain: 1 }) }),
    });
    rig.simulator.schedulers.add("lock-1");
    await rig.ready();
    const endsAt = rig.clock.now() + HOUR;
    rig.feedCode(A, "4711", { type: "time_bound", ends_at: isoInstant(endsAt) });
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.simulator.windowsOf("lock-1")).toEqual({});
    quality = "trusted";
    rig.feedCode(A, "4711", { type: "time_bound", ends_at: isoInstant(endsAt), name: "Ada" });
    await rig.settle();
    expect(Object.keys(rig.simulator.windowsOf("lock-1"))).toEqual(["1"]);
    // What the lock was told stays so when nobody knows the time any more, also across a restart.
    quality = "estimated";
    const { changes } = rig.simulator;
    rig.crash();
    await rig.settle(HOUR / 2);
    expect(rig.simulator.changes).toBe(changes);
  });

  test("a code without an end is put there shortly before its start, also where the lock keeps windows", async () => {
    const { rig, startsAt } = await scheduler();
    rig.feedCode(A, "4711", { starts_at: isoInstant(startsAt) });
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({});
    await until(rig, startsAt);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.simulator.windowsOf("lock-1")).toEqual({});
  });

  test("the lock, from when it turns out that it can", async () => {
    const { rig, dates, window } = await scheduler();
    rig.simulator.schedulers.clear();
    rig.unplug();
    await rig.plug();
    rig.feedCode(A, "4711", dates);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({});
    rig.simulator.schedulers.add("lock-1");
    rig.unplug();
    await rig.settle();
    await rig.plug();
    expect(rig.simulator.windowsOf("lock-1")).toEqual({ 1: window });
  });
});

describe("a window is part of what lies in the slot", () => {
  test("a changed one is written again in the same slot, an unchanged one never", async () => {
    const { rig, dates, startsAt, endsAt } = await scheduler();
    rig.feedCode(A, "4711", dates);
    rig.feedCode(B, "4712", { ...dates, starts_at: isoInstant(rig.clock.now()) });
    await rig.settle();
    expect(rig.simulator.changes).toBe(2);
    rig.feedCode(A, "4711", { ...dates, name: "Ada" });
    await rig.settle(25 * HOUR);
    for (let times = 0; times < 3; times++) {
      rig.crash();
      await rig.settle();
    }
    expect(rig.simulator.changes).toBe(2);
    rig.feedCode(A, "4711", { ...dates, ends_at: isoInstant(endsAt + HOUR) });
    expect(rig.observed(A)).toMatchObject({ status: "setting", isScheduledOnDevice: false });
    await rig.settle();
    expect(rig.simulator.windowsOf("lock-1")[1]).toEqual([startsAt / 1_000, (endsAt + HOUR) / 1_000]);
    expect(rig.simulator.changes).toBe(3);
  });

  test("one that somebody takes away at the lock is told, and put back", async () => {
    const { rig, dates, window } = await scheduler();
    rig.feedCode(A, "4711", dates);
    await rig.settle();
    rig.simulator.changeWindowAtLock("lock-1", 1, null);
    await rig.settle();
    expect(rig.simulator.windowsOf("lock-1")).toEqual({ 1: window });
    expect(rig.eventsOf(A)).toContain("modified_external_to_seam");
  });

  test("the process dies while a code with a window is written: it is there once, with its window", async () => {
    const { rig, dates, window } = await scheduler();
    rig.simulator.faults.isSilent = true;
    rig.feedCode(A, "4711", dates);
    await rig.clock.advance(100);
    rig.crash();
    rig.simulator.faults.isSilent = false;
    await rig.settle(60_000);
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.simulator.windowsOf("lock-1")).toEqual({ 1: window });
  });
});

test("a window that the lock turns down is left to the gateway, which says so", async () => {
  const { rig, dates, startsAt, endsAt } = await scheduler();
  rig.simulator.refusesWindows = true;
  rig.feedCode(A, "4711", dates);
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({});
  expect(rig.simulator.changes).toBe(0);
  expect(rig.observed(A)).toMatchObject({
    status: "unset",
    errors: [],
    warnings: [
      {
        code: "unknown_issue_with_access_code",
        message: expect.stringContaining("The gateway puts") as string,
      },
    ],
  });
  const { done } = rig.simulator;
  rig.crash();
  await rig.settle(HOUR);
  expect(rig.simulator.changes).toBe(0);
  expect(rig.simulator.done - done).toBeLessThan(400);
  await until(rig, startsAt);
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({ 1: "4711" });
  expect(rig.observed(A)).toMatchObject({ status: "set", warnings: [{}] });
  // Another window is another question.
  rig.simulator.refusesWindows = false;
  rig.feedCode(A, "4711", { ...dates, ends_at: isoInstant(endsAt + HOUR) });
  await rig.settle();
  expect(rig.observed(A)).toMatchObject({ status: "set", warnings: [] });
  expect(rig.simulator.windowsOf("lock-1")).toEqual({ 1: [startsAt / 1_000, (endsAt + HOUR) / 1_000] });
});

test("a lock that refuses once is asked again, and keeps the window", async () => {
  const { rig, dates, window } = await scheduler();
  rig.simulator.refusesWindows = true;
  rig.feedCode(A, "4711", dates);
  await rig.clock.advance(1_000);
  rig.simulator.refusesWindows = false;
  await rig.settle();
  expect(rig.simulator.windowsOf("lock-1")).toEqual({ 1: window });
  expect(rig.observed(A)).toMatchObject({ isScheduledOnDevice: true, errors: [], warnings: [] });
});

test("a lock whose clock lost the time gets it before its windows are judged, and every day", async () => {
  const { rig, dates, startsAt } = await scheduler();
  rig.feedCode(A, "4711", dates);
  await rig.settle();
  rig.simulator.forgetTime();
  await rig.settle(25 * HOUR);
  await rig.settle();
  expect(rig.simulator.zone).toBe("Europe/Lisbon");
  await until(rig, startsAt);
  rig.simulator.useCode("lock-1", "4711");
  await rig.settle();
  expect(rig.store.events.list({ types: ["lock.unlocked"], limit: 9 })).toHaveLength(1);
  expect(rig.simulator.changes).toBe(1);
});

test("a credential of the access system is put there by the gateway, as ever", async () => {
  const { rig, startsAt } = await scheduler();
  rig.feedPin(B, "777777", { starts_at: isoInstant(startsAt), ends_at: isoInstant(startsAt + HOUR) });
  await rig.settle();
  expect([rig.held("lock-1"), rig.held("lock-2")]).toEqual([{}, {}]);
  await until(rig, startsAt);
  await rig.settle();
  expect(rig.simulator.windowsOf("lock-1")).toEqual({});
  expect(rig.held("lock-1")).toEqual({ 1: "777777" });
});
