import type { Inventory, InventoryEntrance } from "#src/domain/inventory";
import type { AcsCredentialSpec } from "#src/domain/spec";
import { fingerprintOf } from "#src/lib/json";
import type { CardProfile } from "./profile.js";
import { NO_END } from "./record.js";

/** What one profile puts on the card of one credential, before a card, a key or a generation is known. */
export interface CardContent {
  readonly format: CardProfile["format"];
  /** Ids, sorted; without those that the gateway opens by itself. */
  readonly entrances: readonly string[];
  /** Unix seconds; null = no bound. */
  readonly validFrom: number | null;
  readonly validTo: number | null;
  readonly function: "guest" | "one_shot";
  readonly isOneTimeUse: boolean;
  /** How the entrances are said on the card: number of the guest door, 0 = none, and a bit for each shared zone. */
  readonly door: number;
  readonly zones: number;
}

export type ContentOutcome =
  | { readonly ok: true; readonly content: CardContent }
  | {
      readonly ok: false;
      readonly refusal: "entrance_unknown" | "several_doors" | "validity";
      readonly message: string;
    };

type Wish = Pick<
  AcsCredentialSpec,
  "acs_system_id" | "allowed_acs_entrance_ids" | "starts_at" | "ends_at" | "is_one_time_use"
>;

/** Exactly what `profile` puts on the card for this credential. Names, users, PINs and generations are not on it. */
export function contentOf(spec: Wish, profile: CardProfile, inventory: Inventory): ContentOutcome {
  const entrances = [...new Set(spec.allowed_acs_entrance_ids)].sort();
  const known = inventory.entrances.filter(
    ({ id, systemId }) => systemId === spec.acs_system_id && entrances.includes(id),
  );
  const unknown = entrances.find((id) => !known.some((entrance) => entrance.id === id));
  if (unknown !== undefined)
    return refused("entrance_unknown", `the credential's system has no entrance ${unknown}`);

  const guestDoors = known.filter(({ door }) => door !== null);
  const doors = [...new Set(guestDoors.map(({ door }) => door ?? 0))];
  if (doors.length > 1) {
    const names = guestDoors.map(({ name }) => name).join(", ");
    return refused("several_doors", `one card opens one guest door, and these are several: ${names}`);
  }

  const validity = validityOf(spec);
  if (validity === null)
    return refused("validity", "a card says a start before its end, both between 1970 and 2106");

  return {
    ok: true,
    content: {
      format: profile.format,
      entrances: entrances.filter(
        (id) => !known.some((entrance) => entrance.id === id && isDecided(entrance)),
      ),
      ...validity,
      function: spec.is_one_time_use ? "one_shot" : "guest",
      isOneTimeUse: spec.is_one_time_use,
      door: doors[0] ?? 0,
      zones: known.reduce((bits, { zone }) => (zone === null ? bits : bits | (1 << zone)), 0) >>> 0,
    },
  };
}

/** The gateway decides there, and asks no card what it opens. */
function isDecided({ door, zone, opensWithCard }: InventoryEntrance): boolean {
  return opensWithCard === true && door === null && zone === null;
}

/**
 * Tells whether two contents make the same card. Door and zones are left out: they follow from the entrances, and
 * an entrance with issued cards keeps its numbers.
 */
export function fingerprint(content: CardContent): string {
  const { format, entrances, validFrom, validTo, isOneTimeUse } = content;
  return fingerprintOf({ format, entrances, validFrom, validTo, function: content.function, isOneTimeUse });
}

/** The number that people and the API know our own card by: its credential id, 8 bytes in lower-case hex. */
export function cardNumberOf(cardCredentialId: string): string {
  return cardCredentialId.toLowerCase();
}

/** Whole seconds inside the wished window: a card never opens outside it. */
function validityOf({ starts_at, ends_at }: Wish): Pick<CardContent, "validFrom" | "validTo"> | null {
  const validFrom = starts_at === null ? null : Math.ceil(Date.parse(starts_at) / 1000);
  const validTo = ends_at === null ? null : Math.floor(Date.parse(ends_at) / 1000);
  const isSayable = (seconds: number | null) => seconds === null || (seconds > 0 && seconds < NO_END);
  if (!isSayable(validFrom) || !isSayable(validTo)) return null;
  return (validFrom ?? 0) < (validTo ?? NO_END) ? { validFrom, validTo } : null;
}

function refused(
  refusal: Extract<ContentOutcome, { ok: false }>["refusal"],
  message: string,
): ContentOutcome {
  return { ok: false, refusal, message };
}
