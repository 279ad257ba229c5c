import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StripeRead, TrackRead } from "#driver-api";
import { fromHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { trackProblem } from "#src/magstripe/track";
import type { WantedCard } from "./plan.js";
import type { SiteKeys } from "./site-keys.js";
import {
  eraseStripe,
  interpretStripe,
  recordOfStripe,
  stripeText,
  verifyStripe,
  writeStripe,
} from "./stripe.js";

const siteKeys = (version: number, issuer = "0badcafe"): SiteKeys => ({
  version,
  issuer: new Secret(fromHex(issuer)),
  cardMaster: new Secret(fromHex("00112233445566778899aabbccddeeff")),
});
const keys = siteKeys(1);
const wanted: WantedCard = {
  cardCredentialId: "1122334455667788",
  generation: 7,
  content: {
    format: "lockbridge96",
    entrances: ["room-101"],
    validFrom: Date.parse("2026-11-22T14:00:00Z") / 1_000,
    validTo: Date.parse("2026-11-25T11:00:00Z") / 1_000,
    function: "guest",
    isOneTimeUse: false,
    door: 101,
    zones: 3,
  },
};
const stripe = (track: TrackRead): StripeRead => ({ 1: { is: "blank" }, 2: { is: "blank" }, 3: track });
const text = (value: string): StripeRead => stripe({ is: "text", text: value });

function written(keySets: readonly SiteKeys[], read = stripe({ is: "blank" })): string {
  const planned = writeStripe(interpretStripe(read, keySets), keySets, wanted);
  if (!planned.ok) throw new Error(planned.message);
  const [change] = planned.changes;
  if (change?.do !== "write") throw new Error("a write was wanted");
  return change.tracks[0]?.text.reveal() ?? "";
}

test("a blank stripe gets 96 digits, which fit track 3 and read as what was wanted", () => {
  const digits = written([keys]);
  expect(digits).toMatch(/^\d{96}$/);
  expect(trackProblem(3, digits)).toBeNull();
  expect(verifyStripe(text(digits), [keys], wanted)).toEqual({ ok: true });
  expect(interpretStripe(text(digits), [keys])).toMatchObject({
    is: "ours",
    credentialId: wanted.cardCredentialId,
    generation: 7,
    door: 101,
    zones: 3,
  });
});

/** docs/card-format.md gives these digits. */
test("the digits are the fields one after another", () => {
  expect(written([keys]).slice(0, 76)).toBe(
    ["1", "1", "0195939070", "01234605616436508552", "00007", "001", "0"].join("") +
      ["1795356000", "1795604400", "00101", "0000000003"].join(""),
  );
});

test("no payment terminal takes it for a card number: there is no separator", () => {
  expect(written([keys])).not.toMatch(/[=;?]/);
});

test("every digit counts: with any other in its place no lock takes it", () => {
  const digits = written([keys]);
  for (let at = 0; at < digits.length; at++) {
    const other = digits.slice(0, at) + String((Number(digits[at]) + 1) % 10) + digits.slice(at + 1);
    expect({ at, is: interpretStripe(text(other), [keys]).is }).not.toEqual({ at, is: "ours" });
  }
});

describe("what is on a stripe", () => {
  const digits = written([keys]);
  test.each([
    ["nothing", stripe({ is: "blank" }), { is: "blank" }],
    ["another coding", stripe({ is: "unreadable" }), { is: "foreign", reason: "unreadable_stripe" }],
    ["other digits", text("4711"), { is: "foreign", reason: "other_data" }],
    ["other characters", text("47=11"), { is: "foreign", reason: "other_data" }],
    ["as many digits", text("9".repeat(96)), { is: "foreign", reason: "other_data" }],
    ["a record of another site", text(written([siteKeys(1, "deadbeef")])), { is: "foreign" }],
    [
      "a record that is damaged",
      text(`${digits.slice(0, -1)}${(Number(digits.at(-1)) + 1) % 10}`),
      { is: "torn" },
    ],
    ["a record under older keys", text(digits), { is: "ours", keyVersion: 1 }],
  ])("%s", (_, read, state) => {
    expect(interpretStripe(read, [siteKeys(2), keys])).toMatchObject(state);
  });

  test("only what is blank or ours is written or erased", () => {
    for (const read of [stripe({ is: "unreadable" }), text("4711")]) {
      const state = interpretStripe(read, [keys]);
      expect(writeStripe(state, [keys], wanted)).toMatchObject({ ok: false, refusal: "card_foreign" });
      expect(eraseStripe(state)).toMatchObject({ ok: false, refusal: "card_foreign" });
    }
    expect(eraseStripe(interpretStripe(text(digits), [keys]))).toEqual({
      ok: true,
      changes: [{ do: "erase", tracks: [3] }],
    });
    expect(eraseStripe({ is: "blank" })).toEqual({ ok: true, changes: [] });
    expect(writeStripe({ is: "blank" }, [], wanted)).toMatchObject({ ok: false, refusal: "no_keys" });
  });

  test("newer keys or another generation are not what was wanted", () => {
    expect(verifyStripe(text(digits), [siteKeys(2), keys], wanted)).toMatchObject({ ok: false });
    expect(verifyStripe(text(digits), [keys], { ...wanted, generation: 8 })).toMatchObject({ ok: false });
  });
});

test("digits stand for one record or for none, and a record comes back whole", () => {
  const aRecord = fc.uint8Array({ minLength: 48, maxLength: 48 }).map((bytes) => {
    bytes.set([0x4f, 0x43, 0x01, (bytes[3] ?? 0) % 7]);
    bytes[19] = (bytes[19] ?? 0) % 8;
    bytes.fill(0, 34, 40);
    return bytes;
  });
  fc.assert(
    fc.property(aRecord, (record) => {
      expect(recordOfStripe(stripeText(record))).toEqual(record);
    }),
  );
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9=]{0,104}$/), (digits) => {
      interpretStripe(text(digits), [keys]);
    }),
  );
});
