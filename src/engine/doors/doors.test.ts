import { describe, expect, test, vi } from "vitest";
import { isoInstant } from "#src/domain/seam/instant";
import { Secret } from "#src/lib/secret";
import { DoorRig } from "#test/support/door-rig";
import { type EngineRigOptions, SITE } from "#test/support/engine-rig";
import { LOCK } from "#test/support/keypad-rig";

const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const GATE = LOCK.doorEntrance;
const HOUR = 3_600_000;

describe("a PIN", () => {
  test("opens the door at once, and is told without the PIN", async () => {
    const rig = await new DoorRig().ready();
    rig.code(A, "4711");
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
    expect(rig.last).toMatchObject({
      event_type: "lock.unlocked",
      method: "keycode",
      access_code_id: A,
      access_code_is_managed: true,
    });
    expect(JSON.stringify(rig.store.events.list({ limit: 1_000 }))).not.toContain("4711");
    expect(JSON.stringify(rig.store.journal.read(1, 1_000))).not.toContain("4711");
    expect(rig.status(A)).toBe("set");
  });

  test("that nobody has is denied", async () => {
    const rig = await new DoorRig().ready();
    await rig.type("4711");
    expect(rig.opened).toBeNull();
    expect(rig.last).toMatchObject({
      event_type: "lock.access_denied",
      method: "keycode",
      reason: { reason_code: "unknown_code" },
    });
  });

  test("of another lock is nobody's here", async () => {
    const rig = await new DoorRig().ready();
    rig.feedCode(A, "4711");
    await rig.settle();
    await rig.type("4711");
    expect([rig.opened, rig.denial]).toEqual([null, "unknown_code"]);
    rig.feedPin(B, "2468");
    await rig.type("2468");
    expect([rig.opened, rig.denial]).toEqual([null, "unknown_code"]);
  });

  test("changed, it opens; the old one does not, from the moment the change is stored", async () => {
    const rig = await new DoorRig().ready();
    rig.code(A, "4711");
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
    rig.code(A, "4712");
    await rig.type("4711");
    expect(rig.opened).toBeNull();
    await rig.type("4712");
    expect(rig.opened).toBe(4_000);
    const row = rig.store.objects.get("access_code", A)!; // it is there
    rig.store.transaction(() => rig.store.objects.put({ ...row, code: new Secret("4713"), dirty: true }));
    await rig.type("4712");
    expect([rig.opened, rig.denial]).toEqual([null, "unknown_code"]);
  });

  test.each(["revoked", "deleted", "suspended"])("%s, it opens nothing any more", async (state) => {
    const rig = await new DoorRig().ready();
    rig.code(A, "4711");
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
    rig.code(A, "4711", { state });
    await rig.type("4711");
    expect(rig.opened).toBeNull();
  });

  test("opens from its start to its end, to the second, and early or late is said", async () => {
    const rig = await new DoorRig().ready();
    const now = rig.clock.now();
    rig.code(B, "0815");
    rig.code(A, "4711", {
      type: "time_bound",
      starts_at: isoInstant(now + HOUR),
      ends_at: isoInstant(now + 2 * HOUR),
    });
    await rig.type("4711");
    expect([rig.opened, rig.last]).toMatchObject([null, { access_code_id: A }]);
    rig.clock.jumpTo(now + HOUR - 1_000);
    await rig.type("4711");
    expect([rig.opened, rig.denial]).toEqual([null, "expired_code"]);
    rig.clock.jumpTo(now + HOUR);
    rig.engine.keypads.turn();
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
    rig.clock.jumpTo(now + 2 * HOUR);
    await rig.type("4711");
    expect([rig.opened, rig.denial]).toEqual([null, "expired_code"]);
  });

  test("whose end nobody knows to have passed still opens", async () => {
    const time: EngineRigOptions["time"] = (clock) => ({
      read: () => ({ now: clock.now(), quality: "unknown", certain: 0 }),
    });
    const rig = await new DoorRig("pin", SITE.system, { time }).ready();
    const now = rig.clock.now();
    const [startsAt, endsAt] = [isoInstant(now - 2 * HOUR), isoInstant(now - HOUR)];
    rig.code(A, "4711", { type: "time_bound", starts_at: startsAt, ends_at: endsAt });
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
  });

  test("of a credential opens its entrance, and its event names the credential", async () => {
    const rig = await new DoorRig().ready();
    rig.feedPin(A, "2468", { allowed_acs_entrance_ids: [GATE] });
    await rig.type("2468");
    expect(rig.opened).toBe(4_000);
    expect(rig.last).toMatchObject({ event_type: "lock.unlocked", acs_credential_id: A });
    expect(rig.state(A)).toBe("issued");
    rig.feedPin(A, "2468", { allowed_acs_entrance_ids: [GATE], state: "revoked" });
    await rig.type("2468");
    expect(rig.opened).toBeNull();
  });

  test("of a credential whose document names somebody who is not there yet opens nothing", async () => {
    const rig = await new DoorRig().ready();
    rig.feedPin(A, "2468", { allowed_acs_entrance_ids: [GATE] });
    const nobody = "dddddddd-0000-4000-8000-0000000000ff";
    rig.feedPin(A, "2468", { allowed_acs_entrance_ids: [GATE], acs_user_id: nobody });
    expect(rig.row(A).blocked).toContain("missing");
    await rig.type("2468");
    expect([rig.opened, rig.denial]).toEqual([null, "blocklisted_code"]);
  });

  test("of two is denied", async () => {
    const rig = await new DoorRig().ready();
    rig.code(A, "4711");
    rig.feedPin(B, "4711", { allowed_acs_entrance_ids: [GATE] });
    await rig.type("4711");
    expect([rig.opened, rig.denial]).toEqual([null, "credential_error"]);
  });

  test("for one use opens once, also after a restart", async () => {
    const rig = await new DoorRig().ready();
    rig.code(A, "4711", { is_one_time_use: true });
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
    await rig.type("4711");
    expect([rig.opened, rig.denial]).toEqual([null, "unknown_code"]);
    rig.crash();
    await rig.type("4711");
    expect(rig.opened).toBeNull();
  });

  test("opens after a restart, without a word from anybody", async () => {
    const rig = await new DoorRig().ready();
    rig.code(A, "4711");
    rig.crash();
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
  });
});

describe("guessing", () => {
  test("20 wrong PINs in a row: after five none is looked at for a minute, a restart does not help", async () => {
    const rig = await new DoorRig().ready();
    rig.code(A, "4711");
    for (let guess = 0; guess < 20; guess++) await rig.type(String(1_000 + guess));
    expect([rig.opened, rig.denial]).toEqual([null, "too_many_attempts"]);
    await rig.type("4711");
    expect(rig.opened).toBeNull();
    rig.crash();
    await rig.type("4711");
    expect([rig.opened, rig.denial]).toEqual([null, "too_many_attempts"]);
    await rig.clock.advance(60_000);
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
    expect(rig.store.doors.lockout(LOCK.door)).toBeUndefined();
  });
});

describe("a disk that is full", () => {
  test("closes no door, forgets nothing that still fits in memory, and opens nothing twice", async () => {
    const rig = await new DoorRig().ready();
    rig.code(A, "4711");
    rig.code(B, "0815", { is_one_time_use: true });
    await rig.clock.advance(100);
    const full = vi.spyOn(rig.store, "transaction").mockImplementation(() => {
      throw new Error("the disk is full");
    });
    await rig.type("4711");
    expect(rig.opened).toBe(4_000);
    await rig.type("0815");
    expect(rig.opened).toBeNull();
    for (let guess = 0; guess < 6; guess++) await rig.type("9999");
    await rig.type("4711");
    expect(rig.opened).toBeNull();
    full.mockRestore();
    rig.engine.keypads.doors.turn();
    expect([rig.told("lock.unlocked"), rig.told("lock.access_denied")]).toEqual([1, 8]);
    await rig.clock.advance(60_000);
    await rig.type("0815");
    expect(rig.opened).toBe(4_000);
  });
});
