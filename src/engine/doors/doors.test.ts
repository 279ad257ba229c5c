import { describe, expect, test, vi } from "vitest";
import { fromHex } from "#src/lib/hex";
import type { DoorRules } from "#src/engine/doors/doors";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { isoInstant } from "#src/domain/seam/instant";
import { SITE } from "#test/support/engine-rig";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";

const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const GATE = LOCK.doorEntrance;
const HOUR = 3_600_000;

/** The gate has a keypad of the reference device that only reports. */
class DoorRig extends KeypadRig {
  constructor(mode: DoorRules["mode"] = "pin") {
    super({
      doors: new Map([["bench/door-1", { mode, openMs: 4_000 }]]),
    });
  }

  /** A code for the gate. */
  code(id: string, pin: string, changes: JsonObject = {}): void {
    this.feedCode(id, pin, { device_id: LOCK.door, ...changes });
  }

  /** A card credential for the gate, with a PIN of its own. */
  feedCardWithPin(id: string, pin: string): void {
    const spec = {
      acs_credential_id: id,
      acs_system_id: SITE.system,
      acs_user_id: null,
      access_method: "card",
      allowed_acs_entrance_ids: [GATE],
      starts_at: null,
      ends_at: null,
      is_one_time_use: false,
      has_code: true,
      state: "active",
      created_at: isoInstant(this.clock.now()),
    };
    const document = {
      kind: "acs_credential",
      id,
      epoch: 1,
      rev: 9_000,
      spec,
      code: new Secret(pin),
    } as const;
    this.engine.storePage([document], [], { epoch: { n: 1, id: "e" }, rev: 9_000 }, Number.MAX_SAFE_INTEGER);
  }

  async type(keys: string): Promise<this> {
    this.simulator.pressKeys("door-1", keys);
    await this.clock.advance(500);
    return this;
  }

  async hold(hex: string, bitCount: number): Promise<void> {
    this.simulator.holdCard("door-1", fromHex(hex), bitCount);
    await this.clock.advance(500);
  }

  get opened(): number | null {
    const ms = this.simulator.lastGrantMs;
    this.simulator.lastGrantMs = null;
    return ms;
  }

  /** The last event of the gate, without what every event has. */
  get last(): object | undefined {
    const [event] = this.store.events.list({ where: { device_id: LOCK.door }, limit: 1, newestFirst: true });
    return event;
  }

  get denial(): string | undefined {
    return (this.last as { reason?: { reason_code: string } } | undefined)?.reason?.reason_code;
  }

  /** How often the gate was reported to have opened or not. */
  told(type: string): number {
    const all = this.store.events.list({ where: { device_id: LOCK.door }, limit: 1_000 });
    return all.filter(({ event_type }) => event_type === type).length;
  }
}

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

describe("a card", () => {
  const issue = async (rig: DoorRig) => {
    rig.feedCredential(A, { allowed_acs_entrance_ids: [GATE] });
    const card = rig.put();
    await rig.job("encode", A);
    rig.take();
    return Buffer.from(card.uid).toString("hex");
  };

  test("that was made here opens by its serial number, until it is revoked", async () => {
    const rig = await new DoorRig("pin_or_card").ready();
    const uid = await issue(rig);
    await rig.hold(uid, 32);
    expect(rig.opened).toBe(4_000);
    expect(rig.last).toMatchObject({ event_type: "lock.unlocked", method: "card", acs_credential_id: A });
    rig.feedCredential(A, { allowed_acs_entrance_ids: [GATE], state: "revoked" });
    await rig.hold(uid, 32);
    expect([rig.opened, rig.denial]).toEqual([null, "blocklisted_code"]);
  });

  test("that is for another entrance opens nothing here", async () => {
    const rig = await new DoorRig("card").ready();
    rig.feedCredential(A, { allowed_acs_entrance_ids: [SITE.room101] });
    const card = rig.put();
    await rig.job("encode", A);
    rig.take();
    await rig.hold(Buffer.from(card.uid).toString("hex"), 32);
    expect([rig.opened, rig.denial]).toEqual([null, "blocklisted_code"]);
  });

  test("opens after a restart; at a door for PINs it does not", async () => {
    const rig = await new DoorRig("card").ready();
    const uid = await issue(rig);
    rig.crash();
    await rig.hold(uid, 32);
    expect(rig.opened).toBe(4_000);
    const other = await new DoorRig("pin").ready();
    await other.hold(uid, 32);
    expect([other.opened, other.denial]).toEqual([null, "credential_error"]);
  });

  test("and its PIN, one after the other, where both are wanted", async () => {
    const rig = await new DoorRig("card_and_pin").ready();
    rig.feedCardWithPin(A, "2468");
    const card = rig.put();
    await rig.job("encode", A);
    rig.take();
    const uid = Buffer.from(card.uid).toString("hex");
    await rig.type("2468");
    expect([rig.opened, rig.denial]).toEqual([null, "credential_error"]);
    await rig.hold(uid, 32);
    expect(rig.opened).toBeNull();
    await rig.type("2468");
    expect(rig.opened).toBe(4_000);
    expect(rig.last).toMatchObject({ method: "card", acs_credential_id: A, acs_entrance_id: GATE });
    await rig.hold(uid, 32);
    await rig.type("2469");
    expect([rig.opened, rig.denial]).toEqual([null, "unknown_code"]);
    await rig.hold(uid, 32);
    await rig.clock.advance(21_000);
    await rig.type("2468");
    expect(rig.opened).toBeNull();
  });

  test("that nobody has, and bits that are no card, are denied", async () => {
    const rig = await new DoorRig("card").ready();
    await issue(rig);
    await rig.hold("04deadbeef", 40);
    await rig.hold("80a1b2c0", 26);
    expect([rig.opened, rig.denial, rig.told("lock.access_denied")]).toEqual([null, "unknown_code", 2]);
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
