import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Inventory } from "#src/domain/inventory";
import type { AcsCredentialSpec } from "#src/domain/spec";
import { type CardContent, cardNumberOf, contentOf, fingerprint } from "./content.js";
import { type CardProfile, cardProfileSchema, profileFor } from "./profile.js";

const CLASSIC: CardProfile = { key: "classic", format: "lockbridge48", container: "classic", sector: 1 };
const NTAG: CardProfile = { key: "ntag", format: "lockbridge48", container: "ntag", page: 4 };

const entrance = (id: string, door: number | null, zone: number | null, systemId = "main") => ({
  id,
  key: id,
  name: `Entrance ${id}`,
  systemId,
  door,
  zone,
  keypad: null,
});
const inventory: Inventory = {
  workspaceId: "workspace",
  connectedAccountId: "account",
  siteName: "Harbour Hotel",
  timeZone: "Europe/Lisbon",
  systems: [],
  encoders: [],
  locks: [],
  entrances: [
    entrance("101", 101, null),
    entrance("102", 102, null),
    entrance("101-annex", 101, null),
    entrance("pool", null, 3),
    entrance("garage", null, 31),
    entrance("staff", null, null),
    entrance("elsewhere", 7, null, "other"),
  ],
};
const spec: AcsCredentialSpec = {
  acs_credential_id: "credential",
  acs_system_id: "main",
  acs_user_id: "user",
  access_method: "card",
  allowed_acs_entrance_ids: ["pool", "101", "garage"],
  starts_at: "2026-11-22T14:00:00Z",
  ends_at: "2026-11-25T11:00:00.000+00:00",
  is_one_time_use: false,
  has_code: false,
  state: "active",
  created_at: "2026-11-20T00:00:00Z",
};

function made(change: Partial<AcsCredentialSpec>, profile: CardProfile = CLASSIC): CardContent {
  const outcome = contentOf({ ...spec, ...change }, profile, inventory);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.content;
}

test("the card says door, zones and whole seconds", () => {
  expect(made({})).toEqual({
    format: "lockbridge48",
    entrances: ["101", "garage", "pool"],
    validFrom: 1795356000,
    validTo: 1795604400,
    function: "guest",
    isOneTimeUse: false,
    door: 101,
    zones: 2 ** 31 + 8,
  });
});

test("parts of seconds never widen the window", () => {
  const { validFrom, validTo } = made({
    starts_at: "2026-11-22T14:00:00.001Z",
    ends_at: "2026-11-25T11:00:00.999Z",
  });
  expect([validFrom, validTo]).toEqual([1795356001, 1795604400]);
});

test("no bounds, no doors, one use", () => {
  expect(
    made({ starts_at: null, ends_at: null, allowed_acs_entrance_ids: ["staff"], is_one_time_use: true }),
  ).toEqual({
    format: "lockbridge48",
    entrances: ["staff"],
    validFrom: null,
    validTo: null,
    function: "one_shot",
    isOneTimeUse: true,
    door: 0,
    zones: 0,
  });
});

test("two entrances with one door number are one door", () => {
  expect(made({ allowed_acs_entrance_ids: ["101", "101-annex"] }).door).toBe(101);
});

describe("refusals", () => {
  test.each<[string, Partial<AcsCredentialSpec>, string]>([
    ["two guest doors", { allowed_acs_entrance_ids: ["101", "102"] }, "several_doors"],
    ["an unknown entrance", { allowed_acs_entrance_ids: ["101", "gone"] }, "entrance_unknown"],
    ["an entrance of another system", { allowed_acs_entrance_ids: ["elsewhere"] }, "entrance_unknown"],
    ["an end before the start", { ends_at: "2026-11-22T13:00:00Z" }, "validity"],
    [
      "a window without a whole second",
      { starts_at: "2026-11-22T14:00:00.1Z", ends_at: "2026-11-22T14:00:00.9Z" },
      "validity",
    ],
    ["an end that the card cannot say", { ends_at: "2106-02-07T06:28:15Z" }, "validity"],
    ["a start that the card cannot say", { starts_at: "1969-12-31T00:00:00Z" }, "validity"],
    ["what is no date", { ends_at: "soon" }, "validity"],
  ])("%s", (_, change, refusal) => {
    expect(contentOf({ ...spec, ...change }, CLASSIC, inventory)).toMatchObject({ ok: false, refusal });
  });
});

describe("fingerprint", () => {
  const print = (change: Partial<AcsCredentialSpec>, profile: CardProfile = CLASSIC) =>
    fingerprint(made(change, profile));

  test("is the same for whatever is not on the card, and for every container of the layout", () => {
    fc.assert(
      fc.property(
        fc.record({
          acs_credential_id: fc.string(),
          acs_user_id: fc.option(fc.string()),
          has_code: fc.boolean(),
          state: fc.constantFrom("active", "suspended", "revoked"),
          display_name: fc.string(),
          full_name: fc.string(),
          code: fc.string(),
          generation: fc.nat(),
          allowed_acs_entrance_ids: fc.shuffledSubarray(["pool", "101", "garage"], { minLength: 3 }),
          starts_at: fc.constantFrom("2026-11-22T14:00:00Z", "2026-11-22T15:00:00.000+01:00"),
        }),
        fc.constantFrom(CLASSIC, NTAG),
        (change, profile) => {
          expect(print(change, profile)).toBe(print({}));
        },
      ),
    );
  });

  test("differs with each thing that is on it", () => {
    const prints = [
      print({}),
      print({ ends_at: "2026-11-25T11:00:01Z" }),
      print({ ends_at: null }),
      print({ starts_at: null }),
      print({ is_one_time_use: true }),
      print({ allowed_acs_entrance_ids: ["101"] }),
    ];
    expect(new Set(prints).size).toBe(prints.length);
  });
});

test("the card's number is its credential id", () => {
  expect(cardNumberOf("1122334455667788")).toBe("1122334455667788");
});

describe("profiles", () => {
  const card = (technology: "mifare_classic_4k" | "ntag216" | "unknown") => ({ uid: "deadbeef", technology });
  const all = ["mifare_classic_1k", "mifare_classic_4k", "ntag213", "ntag215", "ntag216"] as const;

  test("the first that encoder and card can both do", () => {
    expect(profileFor([CLASSIC, NTAG], card("ntag216"), all)).toBe(NTAG);
    const second = { ...CLASSIC, key: "second", sector: 2 };
    expect(profileFor([NTAG, second, CLASSIC], card("mifare_classic_4k"), all)).toBe(second);
    expect(profileFor([CLASSIC, NTAG], card("ntag216"), ["mifare_classic_1k"])).toBeUndefined();
    expect(profileFor([CLASSIC], card("ntag216"), all)).toBeUndefined();
    expect(profileFor([CLASSIC, NTAG], card("unknown"), [...all, "unknown"])).toBeUndefined();
  });

  test.each([
    [{ container: "classic", sector: 15 }, true],
    [{ container: "ntag", page: 28 }, true],
    [{ container: "classic", sector: 0 }, false],
    [{ container: "classic", sector: 16 }, false],
    [{ container: "ntag", page: 3 }, false],
    [{ container: "ntag", page: 29 }, false],
    [{ container: "desfire" }, false],
    [{ container: "classic", sector: 1, page: 4 }, false],
  ])("configuration %o is accepted: %s", (entry, isAccepted) => {
    expect(cardProfileSchema.safeParse({ format: "lockbridge48", ...entry }).success).toBe(isAccepted);
  });
});
