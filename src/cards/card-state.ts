import type { Look } from "./container.js";
import { type CardRecord, type CardType, decodeRecord, NO_END } from "./record.js";
import type { SiteKeys } from "./site-keys.js";

/** What a card is to this site. */
export type CardState =
  | { readonly is: "blank" }
  | {
      readonly is: "ours";
      /** 8 bytes, lower-case hex. */
      readonly credentialId: string;
      readonly generation: number;
      readonly keyVersion: number;
      readonly type: CardType;
      readonly isOneTimeUse: boolean;
      /** Unix seconds; null = no bound. */
      readonly validFrom: number | null;
      readonly validTo: number | null;
      /** 0 = none. */
      readonly door: number;
      /** Bit n = shared zone n. */
      readonly zones: number;
      readonly record: CardRecord;
    }
  /** Ours by its keys or its beginning, and no lock accepts it: a write or an erase did not end. It can be written. */
  | { readonly is: "torn"; readonly reason: TornReason }
  /** Not ours to write or to erase. */
  | { readonly is: "foreign"; readonly reason: ForeignReason };

export type TornReason = "incomplete" | "unprotected";
export type ForeignReason =
  "unreadable" | "access_conditions" | "locked" | "other_data" | "unreadable_stripe";

/** A sentence for people. */
export const REASONS: Readonly<Record<TornReason | ForeignReason, string>> = {
  incomplete: "the card carries a half-written key; put it on the encoder again",
  unprotected: "the card carries a key without its protection; put it on the encoder again",
  unreadable: "none of this site's keys opens the card",
  access_conditions: "the card's access conditions are not those of a new card",
  locked: "the card is locked against writing for ever",
  other_data: "the card carries other data",
  unreadable_stripe: "the stripe is damaged, or it is written in a way that is not ours; use another card",
};

export function stateOf(look: Look, uid: string, keySets: readonly SiteKeys[]): CardState {
  if (look.access === "none") return { is: "foreign", reason: look.reason };
  const decoded = decodeRecord(look.bytes, uid, keySets);
  if (look.access === "open") {
    if (look.isEmpty) return look.isLocked ? { is: "foreign", reason: "locked" } : { is: "blank" };
    return decoded.is === "ours" || decoded.is === "damaged"
      ? { is: "torn", reason: "unprotected" }
      : { is: "foreign", reason: "other_data" };
  }
  if (decoded.is !== "ours") return { is: "torn", reason: "incomplete" };
  // A record under the keys of another version is the middle of a change of keys, even if its MAC is right.
  if (!look.isProtected || decoded.keyVersion !== look.openedBy?.version)
    return { is: "torn", reason: "unprotected" };
  return ours(decoded);
}

export function ours({
  record,
  keyVersion,
}: {
  readonly record: CardRecord;
  readonly keyVersion: number;
}): Extract<CardState, { is: "ours" }> {
  const { type, credentialId, door, zones, validFrom, validTo } = record;
  return {
    is: "ours",
    keyVersion,
    credentialId,
    generation: record.sequence,
    type,
    isOneTimeUse: record.isSingleUse,
    validFrom: validFrom === 0 ? null : validFrom,
    validTo: validTo === NO_END ? null : validTo,
    door,
    zones,
    record,
  };
}
