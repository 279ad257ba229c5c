import { expect, test } from "vitest";
import { gatewayModel } from "#src/api/gateway-model";
import { isoInstant } from "#src/domain/seam/instant";
import { Secret } from "#src/lib/secret";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";

const A = "11111111-0000-4000-8000-000000000001";
const C = "22222222-0000-4000-8000-000000000001";
const HOUR = 3_600_000;

/** The gate of the rig, whose codes the gateway keeps. */
class Gate extends KeypadRig {
  /** Types the PIN; true: the door opened. */
  async enter(pin: string): Promise<boolean> {
    const { changes } = this.simulator;
    this.simulator.pressKeys("door-1", pin);
    await this.clock.advance(500);
    return this.simulator.changes > changes;
  }

  /** What was told of the gate: `unlocked`, or why not. */
  told(): unknown[] {
    return this.store.events
      .list({ where: { device_id: LOCK.door }, limit: 99 })
      .filter(({ event_type: type }) => type.startsWith("lock."))
      .map(({ event_type: type, reason }) =>
        type === "lock.unlocked" ? "unlocked" : (reason as { reason_code: string }).reason_code,
      );
  }
}

test("a code is there at once, opens the door, and is gone at once", async () => {
  const gate = await new Gate().ready();
  gate.feedCode(A, "4711", { device_id: LOCK.door });
  expect(gate.status(A)).toBe("set");
  expect(await gate.enter("4711")).toBe(true);
  expect(await gate.enter("4712")).toBe(false);
  gate.feedCode(A, null, { device_id: LOCK.door, state: "deleted" });
  expect(gate.store.objects.get("access_code", A)?.gone).toBe(true);
  expect(await gate.enter("4711")).toBe(false);
  expect(gate.told()).toEqual(["unlocked", "unknown_code", "unknown_code"]);
  expect(gate.eventsOf(A)).toEqual([
    "created",
    "set_on_device",
    "lock.unlocked",
    "mutations_requested",
    "removed_from_device",
    "deleted",
  ]);
});

test("opens to the minute, not when the code is kept for it", async () => {
  const gate = await new Gate().ready();
  const startsAt = gate.clock.now() + 4 * 60_000;
  gate.feedCode(A, "4711", {
    device_id: LOCK.door,
    type: "time_bound",
    starts_at: isoInstant(startsAt),
    ends_at: isoInstant(startsAt + HOUR),
  });
  expect(await gate.enter("4711")).toBe(false);
  await gate.clock.advance(4 * 60_000);
  expect(await gate.enter("4711")).toBe(true);
  await gate.clock.advance(HOUR);
  expect(await gate.enter("4711")).toBe(false);
  expect(gate.told()).toEqual(["expired_code", "unlocked", "expired_code"]);
});

test("a credential that opens once opens once, also when the process dies right after", async () => {
  const gate = await new Gate().ready();
  gate.feedPin(C, "4711", { allowed_acs_entrance_ids: [LOCK.doorEntrance], is_one_time_use: true });
  expect(gate.state(C)).toBe("issued");
  expect(await gate.enter("4711")).toBe(true);
  gate.crash();
  await gate.settle();
  expect(await gate.enter("4711")).toBe(false);
  expect(gate.state(C)).toBe("invalidated");
});

test("five wrong PINs close the keypad, and a restart does not open it again", async () => {
  const gate = await new Gate().ready();
  gate.feedCode(A, "4711", { device_id: LOCK.door });
  for (const pin of ["0001", "0002", "0003", "0004", "0005"]) expect(await gate.enter(pin)).toBe(false);
  expect(await gate.enter("4711")).toBe(false);
  const [last] = gate.store.events.list({ where: { device_id: LOCK.door }, limit: 1, newestFirst: true });
  const { message } = (last as unknown as { reason: { message: string } }).reason;
  expect(message).toMatch(/the door takes none for (59|60) s\.$/);
  gate.crash();
  await gate.clock.advance(1_000);
  expect(await gate.enter("4711")).toBe(false);
  expect(gate.told().at(-1)).toBe("too_many_attempts");
  await gate.clock.advance(5 * 60_000);
  expect(await gate.enter("4711")).toBe(true);
});

test("a store that takes nothing more keeps nobody out, but for codes that open once", async () => {
  const gate = await new Gate().ready();
  gate.feedCode(A, "4711", { device_id: LOCK.door });
  gate.feedPin(C, "2222", { allowed_acs_entrance_ids: [LOCK.doorEntrance], is_one_time_use: true });
  const whole = gate.store.transaction.bind(gate.store);
  gate.store.transaction = () => {
    throw new Error("disk full");
  };
  expect(await gate.enter("4711")).toBe(true);
  expect(await gate.enter("2222")).toBe(false);
  gate.store.transaction = whole;
  expect(await gate.enter("2222")).toBe(true);
});

test("no PIN is told, kept or logged", async () => {
  const gate = await new Gate().ready();
  await gate.enter("471147");
  const { events, journal, meta } = gate.store;
  const text = JSON.stringify([
    events.list({ limit: 99 }),
    journal.read(1, 99),
    meta.get(`door_state:${LOCK.door}`),
  ]);
  expect(text).not.toContain("471147");
});

test("a keypad without slots is never full: its code has no error, and who asked for it hears that it is set", async () => {
  const gate = await new Gate().ready();
  gate.feedCode(A, "4711", { device_id: LOCK.door });
  await gate.settle();
  expect(gate.observed(A)).toMatchObject({ status: "set", errors: [], warnings: [] });
  const { accessCodes } = gatewayModel(gate.engine, { isSandbox: false });
  const by = { name: "desk", role: "technician", seesPins: true } as const;
  const { attempt } = accessCodes.create({ deviceId: LOCK.door, code: new Secret("2222") }, by);
  expect(gate.store.attempts.get(attempt["action_attempt_id"] as string)?.status).toBe("success");
});
