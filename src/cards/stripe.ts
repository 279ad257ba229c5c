import type { StripeChange, StripeRead } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { type CardState, ours, REASONS } from "./card-state.js";
import { compare, imageOf, type Planned, refused, type Verified, type WantedCard } from "./plan.js";
import { decodeRecord, RECORD_BYTES } from "./record.js";
import type { SiteKeys } from "./site-keys.js";

/**
 * The record on track 3 of a magnetic stripe: the same fields as on any card of ours, each in decimal digits with leading
 * zeros, without Wiegand bits. A stripe has no UID, so its MAC is bound to none: whoever copies the digits has the card.
 */
const TRACK = 3;
const LAYOUT = "1";

/** In the order of the digits: where the field lies in the 48 bytes, and how many digits it takes. */
const FIELDS = [
  { name: "type", at: 3, bytes: 1, digits: 1 },
  { name: "issuer", at: 4, bytes: 4, digits: 10 },
  { name: "credential id", at: 8, bytes: 8, digits: 20 },
  { name: "sequence", at: 16, bytes: 2, digits: 5 },
  { name: "key version", at: 18, bytes: 1, digits: 3 },
  { name: "flags", at: 19, bytes: 1, digits: 1 },
  { name: "valid from", at: 20, bytes: 4, digits: 10 },
  { name: "valid to", at: 24, bytes: 4, digits: 10 },
  { name: "door", at: 28, bytes: 2, digits: 5 },
  { name: "zones", at: 30, bytes: 4, digits: 10 },
  { name: "MAC", at: 40, bytes: 8, digits: 20 },
] as const;
const HEADER = [0x4f, 0x43, 0x01];
/** No card. */
const BOUND_TO_NONE = "";

export type StripePlanned =
  { readonly ok: true; readonly changes: readonly StripeChange[] } | Extract<Planned, { ok: false }>;

/** The digits of a record without Wiegand bits. */
export function stripeText(record: Uint8Array): string {
  const bytes = Buffer.from(record);
  const digits = FIELDS.map((field) =>
    BigInt(`0x${bytes.toString("hex", field.at, field.at + field.bytes)}`)
      .toString()
      .padStart(field.digits, "0"),
  );
  return LAYOUT + digits.join("");
}

/** The 48 bytes that the digits stand for; null when they stand for none. */
export function recordOfStripe(text: string): Uint8Array | null {
  const length = FIELDS.reduce((sum, { digits }) => sum + digits, LAYOUT.length);
  if (!/^\d+$/.test(text) || text.length !== length || !text.startsWith(LAYOUT)) return null;
  const record = Buffer.alloc(RECORD_BYTES);
  record.set(HEADER);
  let from = LAYOUT.length;
  for (const { at, bytes, digits } of FIELDS) {
    const hex = BigInt(text.slice(from, from + digits)).toString(16);
    if (hex.length > bytes * 2) return null;
    record.write(hex.padStart(bytes * 2, "0"), at, "hex");
    from += digits;
  }
  return new Uint8Array(record);
}

/** What the card is to this site. The other tracks are not looked at. */
export function interpretStripe(read: StripeRead, keySets: readonly SiteKeys[]): CardState {
  const track = read[TRACK];
  switch (track.is) {
    case "blank":
      return { is: "blank" };
    case "unreadable":
      return { is: "foreign", reason: "unreadable_stripe" };
    case "text": {
      const record = recordOfStripe(track.text);
      const decoded = record === null ? null : decodeRecord(record, BOUND_TO_NONE, keySets);
      if (decoded?.is === "ours") return ours(decoded);
      return decoded?.is === "damaged"
        ? { is: "torn", reason: "incomplete" }
        : { is: "foreign", reason: "other_data" };
    }
  }
}

/** Makes the card that is wanted out of a blank, own or torn one. One pull does it, so nothing lies between. */
export function writeStripe(
  state: CardState,
  keySets: readonly SiteKeys[],
  wanted: WantedCard,
): StripePlanned {
  const image = imageOf(keySets, wanted, BOUND_TO_NONE);
  if (!image.ok) return image;
  if (state.is === "foreign") return refused("card_foreign", REASONS[state.reason]);
  const text = new Secret(stripeText(image.record));
  return { ok: true, changes: [{ do: "write", tracks: [{ track: TRACK, text }] }] };
}

/** Leaves track 3 blank, if it is not. */
export function eraseStripe(state: CardState): StripePlanned {
  if (state.is === "foreign") return refused("card_foreign", REASONS[state.reason]);
  return { ok: true, changes: state.is === "blank" ? [] : [{ do: "erase", tracks: [TRACK] }] };
}

export function verifyStripe(read: StripeRead, keySets: readonly SiteKeys[], wanted: WantedCard): Verified {
  return compare(interpretStripe(read, keySets), keySets, wanted);
}
