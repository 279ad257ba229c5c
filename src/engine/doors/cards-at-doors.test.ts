import { describe, expect, test } from "vitest";
import { SimulatedClassic } from "#drivers/reference/simulator";
import { encodeWiegand, leftJustified, WIEGAND_FORMATS } from "#src/cards/wiegand";
import { isoInstant } from "#src/domain/seam/instant";
import { toHex } from "#src/lib/hex";
import type { JsonObject } from "#src/lib/json";
import { DoorRig } from "#test/support/door-rig";
import { SITE } from "#test/support/engine-rig";
import { LOCK } from "#test/support/keypad-rig";

const A = "11111111-0000-4000-8000-000000000001";
const GATE = LOCK.doorEntrance;
const HOUR = 3_600_000;

describe("a card", () => {
  /** Makes a card with this serial number, for the gate unless `changes` say otherwise. */
  const issue = async (rig: DoorRig, changes: JsonObject = {}, uid = "04a1b2c3") => {
    rig.feedCredential(A, { allowed_acs_entrance_ids: [GATE], ...changes });
    rig.put(new SimulatedClassic(Buffer.from(uid, "hex")));
    await rig.job("encode", A);
    rig.take();
    return uid;
  };

  test.each([
    ["as it is", "04a1b2c3"],
    ["from its other end", "04a1b2c3", "c3b2a104"],
    ["of digits only", "12345678"],
  ])("that was made here opens by its serial number %s, until it is revoked", async (_, uid, read = uid) => {
    const rig = await new DoorRig("pin_or_card").ready();
    await issue(rig, {}, uid);
    await rig.hold(read, 32);
    expect(rig.opened).toBe(4_000);
    expect(rig.last).toMatchObject({ event_type: "lock.unlocked", method: "card", acs_credential_id: A });
    rig.feedCredential(A, { allowed_acs_entrance_ids: [GATE], state: "revoked" });
    await rig.hold(read, 32);
    expect([rig.opened, rig.denial]).toEqual([null, "blocklisted_code"]);
    expect(rig.last).toMatchObject({ method: "card", acs_credential_id: A });
    // Nothing takes a revocation back.
    rig.feedCredential(A, { allowed_acs_entrance_ids: [GATE] });
    await rig.hold(read, 32);
    expect([rig.opened, rig.denial]).toEqual([null, "blocklisted_code"]);
  });

  test("of a credential that was deleted is nobody's, though it may be about", async () => {
    const rig = await new DoorRig("card").ready();
    const uid = await issue(rig);
    rig.feedCredential(A, { allowed_acs_entrance_ids: [GATE], state: "deleted" });
    expect(rig.row(A).gone).toBe(true);
    await rig.hold(uid, 32);
    expect([rig.opened, rig.denial]).toEqual([null, "unknown_code"]);
  });

  test.each([
    ["without a keypad", [SITE.room101]],
    ["with a keypad of its own", [SITE.room101, LOCK.plainEntrance]],
  ])("that is for another entrance %s opens nothing here", async (_, entrances) => {
    const rig = await new DoorRig("card").ready();
    await rig.hold(await issue(rig, { allowed_acs_entrance_ids: entrances }), 32);
    expect([rig.opened, rig.denial]).toEqual([null, "blocklisted_code"]);
  });

  test("opens from its start to its end", async () => {
    const rig = await new DoorRig("card").ready();
    const now = rig.clock.now();
    const [startsAt, endsAt] = [now + HOUR, now + 2 * HOUR];
    const uid = await issue(rig, { starts_at: isoInstant(startsAt), ends_at: isoInstant(endsAt) });
    const opens: boolean[] = [];
    for (const at of [startsAt - 1_000, startsAt, endsAt - 1_000, endsAt]) {
      rig.clock.jumpTo(at);
      await rig.hold(uid, 32);
      opens.push(rig.opened !== null);
      rig.clock.jumpTo(now);
    }
    expect(opens).toEqual([false, true, true, false]);
    expect(rig.denial).toBe("expired_code");
  });

  test("for one use opens once, also after a restart", async () => {
    const rig = await new DoorRig("card").ready();
    const uid = await issue(rig, { is_one_time_use: true });
    await rig.hold(uid, 32);
    expect(rig.opened).toBe(4_000);
    await rig.hold(uid, 32);
    rig.crash();
    await rig.hold(uid, 32);
    expect([rig.opened, rig.denial]).toEqual([null, "blocklisted_code"]);
  });

  test("opens by the number that lies on it, where the reader can read that", async () => {
    const rig = await new DoorRig("card").ready();
    await issue(rig);
    await rig.hold(rig.row(A).cardCredentialId ?? "", 64);
    expect(rig.opened).toBe(4_000);
  });

  test("by the number that a vendor's system gave it, and by no number that begins alike", async () => {
    const rig = await new DoorRig("card", SITE.issuerSystem).ready();
    const format = WIEGAND_FORMATS.find(({ name }) => name === "H10301")!; // it is there
    const badge = (number: number) => {
      const made = encodeWiegand(format, { facility: 12, number });
      if (!made.isValid) throw new Error(made.message);
      return toHex(leftJustified(made.bits));
    };
    rig.simulator.cardNumber = "12-345";
    rig.simulator.hopper.push(Buffer.from("04112233445566", "hex"));
    rig.feedCredential(A, { acs_system_id: SITE.issuerSystem, allowed_acs_entrance_ids: [GATE] });
    await rig.job("encode", A, false, SITE.issuer);
    await rig.hold(badge(345), 26);
    expect(rig.opened).toBe(4_000);
    expect(rig.last).toMatchObject({ method: "card", acs_credential_id: A });
    for (const other of [34, 3_456]) {
      await rig.hold(badge(other), 26);
      expect([rig.opened, rig.denial]).toEqual([null, "unknown_code"]);
    }
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

  test("has a PIN, which opens nothing by itself", async () => {
    const rig = await new DoorRig("pin_or_card").ready();
    rig.feedCardWithPin(A, "2468");
    rig.put();
    await rig.job("encode", A);
    await rig.type("2468");
    expect([rig.opened, rig.denial]).toEqual([null, "unknown_code"]);
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

  test.each([
    ["revoked", "blocklisted_code"],
    ["suspended", "blocklisted_code"],
  ])("that is %s between card and PIN opens nothing", async (state, reason) => {
    const rig = await new DoorRig("card_and_pin").ready();
    rig.feedCardWithPin(A, "2468");
    rig.put(new SimulatedClassic(Buffer.from("04a1b2c3", "hex")));
    await rig.job("encode", A);
    rig.take();
    await rig.hold("04a1b2c3", 32);
    rig.feedCardWithPin(A, "2468", { state });
    await rig.type("2468");
    expect([rig.opened, rig.denial]).toEqual([null, reason]);
  });

  test("that nobody has, and bits that are no card, are denied", async () => {
    const rig = await new DoorRig("card").ready();
    await issue(rig);
    await rig.hold("04deadbeef", 40);
    await rig.hold("80a1b2c0", 26);
    expect([rig.opened, rig.denial, rig.told("lock.access_denied")]).toEqual([null, "unknown_code", 2]);
  });
});
