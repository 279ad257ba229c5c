import { expect, test } from "vitest";
import { isoInstant } from "#src/domain/seam/instant";
import type { JsonObject } from "#src/lib/json";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";

const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The gate of the rig, whose codes the gateway keeps. */
class Gate extends KeypadRig {
  code(id: string, pin: string | null, changes: JsonObject = {}): void {
    this.feedCode(id, pin, { device_id: LOCK.door, ...changes });
  }

  hourOf(id: string, pin: string): void {
    const ends_at = isoInstant(this.clock.now() + HOUR);
    this.code(id, pin, { type: "time_bound", starts_at: isoInstant(this.clock.now()), ends_at });
  }

  /** Types the PIN; what was told of it. */
  async enter(pin: string): Promise<unknown> {
    this.simulator.pressKeys("door-1", pin);
    await this.clock.advance(500);
    const [last] = this.store.events.list({
      where: { device_id: LOCK.door },
      types: ["lock.unlocked", "lock.access_denied"],
      limit: 1,
      newestFirst: true,
    });
    const { event_type: type, reason, access_code_id: id } = { reason: null, access_code_id: null, ...last };
    return type === "lock.unlocked"
      ? "unlocked"
      : [(reason as { reason_code?: string } | null)?.reason_code, id];
  }

  isGone(id: string): boolean {
    return this.store.objects.get("access_code", id)?.gone === true;
  }
}

test("who comes after the code's end is told that its time is over, and is no guesser", async () => {
  const gate = await new Gate().ready();
  gate.hourOf(A, "4711");
  gate.code(B, "2222");
  expect(await gate.enter("4711")).toBe("unlocked");
  await gate.clock.advance(HOUR);
  await gate.settle();
  expect(gate.isGone(A)).toBe(true);
  for (let times = 0; times < 6; times++) expect(await gate.enter("4711")).toEqual(["expired_code", A]);
  expect(gate.store.doors.lockout(LOCK.door)).toBeUndefined();
  expect(await gate.enter("2222")).toBe("unlocked");
});

test("a day later it is nobody's, and so it is when the code was deleted", async () => {
  const gate = await new Gate().ready();
  gate.hourOf(A, "4711");
  gate.code(B, "2222");
  gate.code(B, null, { state: "deleted" });
  await gate.settle();
  expect(await gate.enter("2222")).toEqual(["unknown_code", null]);
  await gate.clock.advance(HOUR + DAY);
  await gate.settle();
  expect(await gate.enter("4711")).toEqual(["unknown_code", null]);
});

test("whoever has the PIN after that comes in by it", async () => {
  const gate = await new Gate().ready();
  gate.hourOf(A, "4711");
  await gate.clock.advance(HOUR);
  await gate.settle();
  gate.code(B, "4711");
  expect(await gate.enter("4711")).toBe("unlocked");
});
