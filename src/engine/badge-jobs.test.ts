import { describe, expect, test } from "vitest";
import { z } from "zod";
import { readBadge } from "#src/cards/badges";
import { encodeWiegand, leftJustified, WIEGAND_FORMATS } from "#src/cards/wiegand";
import type { Inventory } from "#src/domain/inventory";
import type { JsonObject } from "#src/lib/json";
import type { EngineRigOptions } from "#test/support/engine-rig";
import { SITE } from "#test/support/engine-rig";
import { KEYPAD_INVENTORY, KeypadRig, LOCK } from "#test/support/keypad-rig";
import type { Outcome } from "./jobs.js";

const READER = "cccccccc-0000-4000-8000-000000000009";
const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const OTHER_USER = "dddddddd-0000-4000-8000-000000000002";

const INVENTORY: Inventory = {
  ...KEYPAD_INVENTORY,
  systems: KEYPAD_INVENTORY.systems.map((system) =>
    system.id === SITE.system ? { ...system, externalType: "hid_credential_manager_organization" } : system,
  ),
  entrances: KEYPAD_INVENTORY.entrances.map((entrance) =>
    entrance.id === LOCK.doorEntrance ? { ...entrance, opensWithCard: true } : entrance,
  ),
  encoders: [
    ...KEYPAD_INVENTORY.encoders,
    { id: READER, key: "badges", name: "Badge reader", systemId: SITE.system, unit: "bench/reader" },
  ],
};

/** The bits of a badge as a reader sends them. */
function badge(name: string, facility: number | null, number: number) {
  const made = encodeWiegand(
    WIEGAND_FORMATS.find((format) => format.name === name)!,
    { facility, number },
  );
  if (!made.isValid) throw new Error(made.message);
  return { bits: leftJustified(made.bits), bitCount: made.bits.length };
}
const PLAIN = badge("H10301", 101, 1_337);

class Desk extends KeypadRig {
  constructor(options: EngineRigOptions = {}) {
    super({
      inventory: INVENTORY,
      doors: new Map([["bench/door-1", { mode: "card", openMs: 4_000 }]]),
      ...options,
    });
  }

  /** Starts a job at the reader, holds a badge to it, and waits for the end. */
  async at(
    kind: "encode" | "scan" | "scan_to_assign" | "erase",
    held: { bits: Uint8Array; bitCount: number } | null,
    more: { userId?: string; credentialId?: string; overwrite?: boolean } = {},
  ): Promise<Outcome> {
    const { userId = SITE.user, credentialId = null, overwrite = false } = more;
    const started = this.engine.startJob({
      kind,
      encoderId: READER,
      credentialId,
      ...(kind === "scan_to_assign" && { userId }),
      overwrite,
      cause: { opBy: "test" },
    });
    if (!started.ok) throw new Error(started.why);
    await this.clock.advance(200);
    if (held !== null) this.simulator.holdCard("reader", held.bits, held.bitCount);
    const job = this.engine.jobs.get(started.attempt.id);
    if (job !== undefined) await this.clock.until(job.ended, { msMax: 200_000 });
    const { status, result, error } = this.store.attempts.get(started.attempt.id)!; // started above
    if (status === "pending") throw new Error("the attempt did not end");
    return { status, result, error };
  }

  async opensTo(held: { bits: Uint8Array; bitCount: number }): Promise<boolean> {
    const { changes } = this.simulator;
    this.simulator.holdCard("door-1", held.bits, held.bitCount);
    await this.clock.advance(500);
    return this.simulator.changes > changes;
  }

  /** A user whose credentials open the gate. */
  gateUser(): void {
    this.feedUser({ granted_acs_entrance_ids: [LOCK.doorEntrance] });
  }
}

const ready = async (options: EngineRigOptions = {}) => {
  const desk = new Desk(options);
  await desk.ready();
  desk.gateUser();
  return desk;
};

const credential = ({ result }: Outcome) => result as JsonObject;
const idOf = (outcome: Outcome) => z.string().parse(credential(outcome)["acs_credential_id"]);
const BADGE_FACTS = {
  format: "H10301",
  facility_code: 101,
  number: 1_337,
  bit_count: 26,
  bits: "32829cc0",
};

describe("a badge that nobody has", () => {
  test("becomes the card of a new credential of the user, and opens his door until it is revoked", async () => {
    const desk = await ready();
    expect(await desk.opensTo(PLAIN)).toBe(false);
    const outcome = await desk.at("scan_to_assign", PLAIN);
    expect(credential(outcome)).toMatchObject({
      external_type: "hid_credential",
      acs_user_id: SITE.user,
      card_number: "101-1337",
      is_issued: true,
      is_latest_desired_state_synced_with_provider: true,
      lockbridge_metadata: { badge: BADGE_FACTS },
      warnings: [],
    });
    expect(desk.events()).toContain("acs_credential.issued");
    expect(await desk.opensTo(PLAIN)).toBe(true);

    const id = idOf(outcome);
    const row = desk.row(id);
    desk.engine.localChange(
      { kind: "acs_credential", id, spec: { ...row.spec, state: "revoked" }, code: null },
      {},
      "revoked",
    );
    expect(desk.state(id)).toBe("invalidated");
    expect(desk.events()).toContain("acs_credential.invalidated");
    expect(await desk.opensTo(PLAIN)).toBe(false);
  });

  test("is told to the cloud with its bits, and counts as a key that was made without it", async () => {
    const desk = await ready({ offline: { ms: 3_600_000, keys: 1 } });
    await desk.at("scan_to_assign", PLAIN);
    const told = desk.store.journal.read(1, 1_000).map(({ event }) => event);
    const issued = told.findIndex(({ k }) => k === "issued");
    expect(told[issued]).toMatchObject({ observed: { cardNumber: "101-1337", badge: { bits: "32829cc0" } } });
    expect(told.slice(0, issued)).toContainEqual(
      expect.objectContaining({ k: "local_change", kind: "acs_credential" }),
    );
    const { error } = await desk.at("scan_to_assign", badge("H10301", 101, 1_338));
    expect(error?.type).toBe("uncategorized_error");
    // What was made for the badge is undone with it.
    expect(desk.store.objects.count("acs_credential")).toBe(1);
    expect(await desk.opensTo(badge("H10301", 101, 1_338))).toBe(false);
  });

  test("is a Brivo credential in a Brivo account", async () => {
    const systems = INVENTORY.systems.map((system) => ({ ...system, externalType: "brivo_account" }));
    const desk = await ready({ inventory: { ...INVENTORY, systems } });
    expect(credential(await desk.at("scan_to_assign", PLAIN))).toMatchObject({
      external_type: "brivo_credential",
      card_number: "101-1337",
      lockbridge_metadata: { badge: BADGE_FACTS },
    });
  });

  test("becomes the card of the credential that waits for one", async () => {
    const desk = await ready();
    desk.feedCredential(A, { acs_user_id: SITE.user, ends_at: null });
    const outcome = await desk.at("scan_to_assign", PLAIN);
    expect(credential(outcome)).toMatchObject({ acs_credential_id: A, card_number: "101-1337" });
    expect(desk.state(A)).toBe("issued");
  });

  test("is not guessed on one of several that wait; encoding names the one", async () => {
    const desk = await ready();
    desk.feedCredential(A, { acs_user_id: SITE.user });
    desk.feedCredential(B, { acs_user_id: SITE.user });
    const outcome = await desk.at("scan_to_assign", PLAIN);
    expect(outcome.error).toMatchObject({
      type: "uncategorized_error",
      message: expect.stringContaining("[badge.several_credentials]") as string,
    });
    const encoded = await desk.at("encode", PLAIN, { credentialId: B });
    expect(credential(encoded)).toMatchObject({ acs_credential_id: B, card_number: "101-1337" });
    expect([desk.state(A), desk.state(B)]).toEqual(["waiting_to_be_issued", "issued"]);
  });

  test("is out of date with nothing that changes about the credential", async () => {
    const desk = await ready();
    desk.feedCredential(A, { acs_user_id: SITE.user });
    await desk.at("encode", PLAIN, { credentialId: A });
    desk.feedCredential(A, { acs_user_id: SITE.user, ends_at: "2027-11-30T11:00:00.000Z" });
    expect(desk.state(A)).toBe("issued");
  });
});

describe("a badge that somebody has", () => {
  test("is handed to another user with its credential", async () => {
    const desk = await ready();
    const first = credential(await desk.at("scan_to_assign", PLAIN));
    desk.feed("acs_user", OTHER_USER, {
      acs_user_id: OTHER_USER,
      acs_system_id: SITE.system,
      full_name: "Bob",
      state: "active",
      created_at: "2026-11-22T10:00:00.000Z",
    });
    const second = credential(await desk.at("scan_to_assign", PLAIN, { userId: OTHER_USER }));
    expect(second).toMatchObject({
      acs_credential_id: first["acs_credential_id"],
      acs_user_id: OTHER_USER,
      card_number: "101-1337",
    });
    expect(await desk.opensTo(PLAIN)).toBe(false);
  });

  test("is taken from another credential only when that is asked for, which ends that one", async () => {
    const desk = await ready();
    desk.feedCredential(A, { acs_user_id: SITE.user });
    desk.feedCredential(B, { acs_user_id: SITE.user });
    await desk.at("encode", PLAIN, { credentialId: A });
    const refused = await desk.at("encode", PLAIN, { credentialId: B });
    expect(refused.error?.type).toBe("credential_cannot_be_reissued");
    expect(refused.error?.message).toContain("badge 101-1337 belongs to another credential");
    expect(desk.state(B)).toBe("waiting_to_be_issued");
    await desk.at("encode", PLAIN, { credentialId: B, overwrite: true });
    expect([desk.state(A), desk.state(B)]).toEqual(["invalidated", "issued"]);
    expect(await desk.opensTo(PLAIN)).toBe(true);
  });

  test("whose credential was revoked goes to whoever it is given to next", async () => {
    const desk = await ready();
    desk.feedCredential(A, { acs_user_id: SITE.user });
    await desk.at("encode", PLAIN, { credentialId: A });
    desk.feedCredential(A, { acs_user_id: SITE.user, state: "revoked" });
    const next = credential(await desk.at("scan_to_assign", PLAIN));
    expect(next["acs_credential_id"]).not.toBe(A);
    expect(await desk.opensTo(PLAIN)).toBe(true);
  });
});

describe("37 bits, which may be two formats", () => {
  const held = badge("H10304", 1_001, 123_456);

  test("are refused as long as both may be meant", async () => {
    const desk = await ready();
    const { error } = await desk.at("scan_to_assign", held);
    expect(error?.message).toContain("fit H10304 (1001-123456) and H10302 (524935744)");
    expect(error?.message).toContain("[badge.ambiguous]");
    expect(desk.store.objects.count("acs_credential")).toBe(0);
  });

  test.each([
    ["H10304", "1001-123456"],
    ["H10302", "524935744"],
  ])("are %s where the configuration says so", async (name, number) => {
    const formats = WIEGAND_FORMATS.filter((format) => format.name === name);
    const desk = await ready({ badgeFormats: new Map([[SITE.system, formats]]) });
    expect(credential(await desk.at("scan_to_assign", held))).toMatchObject({ card_number: number });
    expect(await desk.opensTo(held)).toBe(true);
  });
});

test("badges of two formats that bear one number are two badges", async () => {
  const desk = await ready();
  const longer = badge("H10306", 101, 1_337);
  await desk.at("scan_to_assign", PLAIN);
  expect(await desk.opensTo(longer)).toBe(false);
  const second = credential(await desk.at("scan_to_assign", longer));
  expect(second).toMatchObject({ card_number: "101-1337" });
  expect(await desk.opensTo(longer)).toBe(true);
  expect(await desk.opensTo(PLAIN)).toBe(true);
});

describe("what a scan says of a badge", () => {
  test("that is somebody's", async () => {
    const desk = await ready();
    await desk.at("scan_to_assign", PLAIN);
    expect(credential(await desk.at("scan", PLAIN))).toMatchObject({
      acs_credential_on_encoder: {
        card_number: "101-1337",
        is_issued: true,
        starts_at: null,
        ends_at: null,
        lockbridge_metadata: { badge: BADGE_FACTS },
      },
      acs_credential_on_seam: { acs_user_id: SITE.user, card_number: "101-1337" },
      warnings: [],
    });
  });

  test("that is nobody's, or that nobody can read", async () => {
    const desk = await ready();
    expect(credential(await desk.at("scan", PLAIN))).toMatchObject({
      acs_credential_on_encoder: { card_number: "101-1337", is_issued: null },
      acs_credential_on_seam: null,
      warnings: [{ warning_code: "acs_credential_on_seam_not_found" }],
    });
    const odd = { bits: Uint8Array.of(0x80, 0), bitCount: 9 };
    expect(readBadge(odd, WIEGAND_FORMATS).is).toBe("unknown");
    expect(credential(await desk.at("scan", odd))).toMatchObject({
      acs_credential_on_encoder: {
        card_number: null,
        lockbridge_metadata: { badge: { bits: "8000", bit_count: 9, format: null } },
      },
      acs_credential_on_seam: null,
    });
  });
});

describe("trouble at the reader", () => {
  test("no badge comes", async () => {
    const desk = await ready();
    const { error } = await desk.at("scan_to_assign", null);
    expect(error).toMatchObject({ type: "no_credential_on_encoder" });
  });

  test("a badge with a wrong parity bit, or of a length that nobody configured", async () => {
    const desk = await ready();
    const torn = { ...PLAIN, bits: Uint8Array.from(PLAIN.bits, (byte, i) => (i === 0 ? byte ^ 0x80 : byte)) };
    expect((await desk.at("scan_to_assign", torn)).error?.message).toContain(
      "parity bit is wrong [badge.unknown]",
    );
    const odd = { bits: Uint8Array.of(0x80, 0), bitCount: 9 };
    expect((await desk.at("scan_to_assign", odd)).error?.message).toContain(
      "no format of so many is configured",
    );
  });

  test("the reader is unplugged while a badge is waited for", async () => {
    const desk = await ready();
    const ended = desk.at("scan_to_assign", null);
    await desk.clock.advance(1_000);
    desk.unplug();
    expect((await ended).error?.type).toBe("encoder_not_online");
  });

  test("it erases nothing", async () => {
    const desk = await ready();
    const outcome = await desk.at("erase", PLAIN);
    expect(outcome.error?.message).toContain("cannot erase cards");
  });

  test("a credential whose card may be about takes no badge beside it", async () => {
    const desk = await ready();
    desk.feedCredential(A);
    desk.put();
    await desk.job("encode", A);
    const { error } = await desk.at("encode", PLAIN, { credentialId: A });
    expect(error?.message).toContain("[has_card]");
    expect(desk.state(A)).toBe("issued");
  });

  test("two jobs at one reader have a badge each, and the encoder beside it works meanwhile", async () => {
    const desk = await ready();
    desk.feedCredential(A);
    const start = () =>
      desk.engine.startJob({
        kind: "scan",
        encoderId: READER,
        credentialId: null,
        overwrite: false,
        cause: {},
      });
    const jobs = [start(), start()].map((started) => (started.ok ? started.attempt.id : ""));
    await desk.clock.advance(200);
    desk.put();
    expect((await desk.job("encode", A)).status).toBe("success");
    for (const held of [PLAIN, badge("H10301", 7, 8)]) {
      desk.simulator.holdCard("reader", held.bits, held.bitCount);
      await desk.clock.advance(1_000);
    }
    const numbers = jobs.map((id) => {
      const result = desk.store.attempts.get(id)?.result as JsonObject | null;
      return (result?.["acs_credential_on_encoder"] as JsonObject | undefined)?.["card_number"];
    });
    expect(numbers).toEqual(["101-1337", "7-8"]);
  });

  test("a restart forgets no badge", async () => {
    const desk = await ready();
    await desk.at("scan_to_assign", PLAIN);
    const [row] = desk.store.objects.list("acs_credential", { limit: 9 });
    desk.crash();
    expect(desk.state(row?.id ?? "")).toBe("issued");
    await desk.clock.advance(5_000);
    expect(await desk.opensTo(PLAIN)).toBe(true);
  });
});
