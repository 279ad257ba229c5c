import type { CardSeen, ReadBack, ReadPlan, WritePlan } from "#driver-api";
import { type CardState, REASONS, stateOf } from "./card-state.js";
import { classicSector } from "./classic.js";
import type { Container, Sight } from "./container.js";
import type { CardContent } from "./content.js";
import { desfireFile } from "./desfire.js";
import { ntagPages } from "./ntag.js";
import type { LaidProfile } from "./profile.js";
import { type CardRecord, encodeRecord, KEY_VERSION_MAX, NO_END, SEQUENCE_MAX } from "./record.js";
import type { SiteKeys } from "./site-keys.js";

/**
 * From content, keys and one card to what a driver reads and writes, and back. Nothing here is stored or sent. Key
 * sets come newest first; the newest writes and all of them read. Take them once for a whole job, so that reading,
 * writing and verifying mean the same keys. The profile must be one that `profileFor` found for this card.
 *
 * Every plan may end after any of its steps. What the card is then, `interpret` says, and a new plan for it leads to
 * the same end; it reads as the new card only after the last step.
 */
export interface WantedCard {
  /** 8 bytes, hex: made at random with the credential. */
  readonly cardCredentialId: string;
  /** From 1. */
  readonly generation: number;
  readonly content: CardContent;
}

export type PlanRefusal =
  "no_keys" | "issuer" | "key_version" | "generation" | "card_foreign" | "card_locked";

export type Planned =
  | { readonly ok: true; readonly plan: WritePlan }
  | { readonly ok: false; readonly refusal: PlanRefusal; readonly message: string };

/** What to read to know what the card is: newest own keys, older ones, then those of a new card. */
export function readPlan(profile: LaidProfile, card: CardSeen, keySets: readonly SiteKeys[]): ReadPlan {
  return containerOf(profile, card).readPlan(keySets);
}

/** What to read after a write: as a lock reads, with `newest`, the keys that wrote, alone. */
export function verifyPlan(profile: LaidProfile, card: CardSeen, newest: SiteKeys): ReadPlan {
  return containerOf(profile, card).verifyPlan(newest);
}

/** What the card is. Any read-back is something. */
export function interpret(
  profile: LaidProfile,
  card: CardSeen,
  keySets: readonly SiteKeys[],
  readBack: ReadBack,
): CardState {
  return stateOf(containerOf(profile, card).look(keySets, readBack), card.uid, keySets);
}

/** Makes the card that is wanted out of a blank, own or torn one. */
export function writePlan(
  profile: LaidProfile,
  card: CardSeen,
  keySets: readonly SiteKeys[],
  readBack: ReadBack,
  wanted: WantedCard,
): Planned {
  const image = imageOf(keySets, wanted, card.uid);
  if (!image.ok) return image;
  return planFrom(profile, card, keySets, readBack, (sight) => sight.write(image.keys, image.record));
}

export type Image =
  | { readonly ok: true; readonly keys: SiteKeys; readonly record: Uint8Array }
  | Extract<Planned, { ok: false }>;

/** The 48 bytes that the newest keys make of what is wanted, bound to the card `uid` (hex; empty: to no card). */
export function imageOf(keySets: readonly SiteKeys[], wanted: WantedCard, uid: string): Image {
  const [newest] = keySets;
  if (newest === undefined)
    return refused("no_keys", "this site has no card keys: create or import them (lockbridge keys)");
  if (newest.issuer.reveal().every((byte) => byte === 0))
    return refused("issuer", "the site's keys have issuer id 0, which no site has: create new keys");
  if (newest.version < 1 || newest.version > KEY_VERSION_MAX)
    return refused("key_version", `a card can say key versions 1–${KEY_VERSION_MAX}, not ${newest.version}`);
  if (wanted.generation < 1 || wanted.generation > SEQUENCE_MAX)
    return refused(
      "generation",
      `a card can say generations 1–${SEQUENCE_MAX}, not ${wanted.generation}: make a new credential`,
    );
  return { ok: true, keys: newest, record: encodeRecord(recordOf(wanted), uid, newest) };
}

/** Leaves a card of ours as it was delivered; one that is blank gets what an interrupted erase may have left undone. */
export function erasePlan(
  profile: LaidProfile,
  card: CardSeen,
  keySets: readonly SiteKeys[],
  readBack: ReadBack,
): Planned {
  return planFrom(profile, card, keySets, readBack, (sight) => sight.erase());
}

export type Verified =
  | { readonly ok: true }
  /** What is not as wanted: the state of the card, its key version, or a field of the record. */
  | { readonly ok: false; readonly differs: "state" | "keyVersion" | keyof CardRecord };

/** Compares what `verifyPlan` read with what was to be written. */
export function verify(
  profile: LaidProfile,
  card: CardSeen,
  keySets: readonly SiteKeys[],
  readBack: ReadBack,
  wanted: WantedCard,
): Verified {
  return compare(interpret(profile, card, keySets, readBack), keySets, wanted);
}

/** Is the card what is wanted, under the newest keys? */
export function compare(state: CardState, keySets: readonly SiteKeys[], wanted: WantedCard): Verified {
  if (state.is !== "ours") return { ok: false, differs: "state" };
  if (state.keyVersion !== keySets[0]?.version) return { ok: false, differs: "keyVersion" };
  const expected = recordOf(wanted);
  const fields = Object.keys(expected) as (keyof CardRecord)[]; // made above, with exactly these keys
  const differs = fields.find((field) => state.record[field] !== expected[field]);
  return differs === undefined ? { ok: true } : { ok: false, differs };
}

function containerOf(profile: LaidProfile, card: CardSeen): Container {
  switch (profile.container) {
    case "classic":
      return classicSector(profile, card);
    case "ntag":
      return ntagPages(profile, card);
    case "desfire":
      return desfireFile(profile, card);
  }
}

/** Only what is blank or ours is ever written. */
function planFrom(
  profile: LaidProfile,
  card: CardSeen,
  keySets: readonly SiteKeys[],
  readBack: ReadBack,
  make: (sight: Sight) => WritePlan,
): Planned {
  const look = containerOf(profile, card).look(keySets, readBack);
  const state = stateOf(look, card.uid, keySets);
  if (state.is === "foreign") return refused("card_foreign", REASONS[state.reason]);
  if (look.access === "none" || look.isLocked) return refused("card_locked", REASONS.locked);
  return { ok: true, plan: make(look) };
}

function recordOf({ cardCredentialId, generation, content }: WantedCard): CardRecord {
  return {
    type: content.function,
    credentialId: cardCredentialId.toLowerCase(),
    sequence: generation,
    overridesDeadbolt: false,
    allowsPassage: false,
    isSingleUse: content.isOneTimeUse,
    validFrom: content.validFrom ?? 0,
    validTo: content.validTo ?? NO_END,
    door: content.door,
    zones: content.zones,
    wiegand: null,
  };
}

export function refused(refusal: PlanRefusal, message: string): Extract<Planned, { ok: false }> {
  return { ok: false, refusal, message };
}
