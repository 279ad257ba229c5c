import type { JsonObject } from "#src/lib/json";
import type { Badge } from "../badge.js";
import { badgeFacts } from "./badge.js";
import { isoInstant } from "./instant.js";

/** What a scan found, in plain facts. Times are epoch milliseconds. */
export interface ScanFacts {
  /** What the card itself says; null for a blank one, null in a field that cannot be read. */
  readonly card: {
    readonly cardNumber: string | null;
    /** null: it says none. */
    readonly validity: { readonly startsAt: number | null; readonly endsAt: number | null } | null;
    readonly isIssued: boolean | null;
    /** Of a badge that was made elsewhere: its bits, and what they mean or why nobody can tell. */
    readonly badge?: Badge | (Pick<Badge, "bits" | "bitCount"> & { readonly problem: string });
    /** Left out by a side that has not seen the card. */
    readonly verdict?: CardVerdict;
  } | null;
  /** The credential that the card carries, as it is wanted now; null when none is known. */
  readonly seam: {
    readonly credential: JsonObject;
    readonly startsAt: number | null;
    readonly endsAt: number | null;
    /** It is the card that was written last for this credential. */
    readonly isNewest: boolean;
    readonly isRevoked: boolean;
    readonly isSynced: boolean;
  } | null;
}

/** What Seam has no words for: whose the card is and whether it opens anything, in a word and in a sentence. */
export interface CardVerdict {
  readonly state:
    | "valid"
    | "not_yet_valid"
    | "expired"
    | "suspended"
    | "replaced"
    | "revoked"
    /** Of this site, or a badge, and no credential here has it. */
    | "unknown"
    /** A write or an erase did not end. */
    | "torn"
    | "foreign"
    | "blank";
  readonly message: string;
  /** Name of the user. */
  readonly holder: string | null;
}

/** The result of a `SCAN_CREDENTIAL` attempt. A blank card gives null for both sides. */
export function renderScan({ card, seam }: ScanFacts): JsonObject {
  return {
    acs_credential_on_encoder:
      card === null
        ? null
        : {
            card_number: card.cardNumber,
            created_at: null,
            is_issued: card.isIssued,
            starts_at: instantOrNull(card.validity?.startsAt ?? null),
            ends_at: instantOrNull(card.validity?.endsAt ?? null),
            ...ownFacts(card),
          },
    acs_credential_on_seam: seam?.credential ?? null,
    warnings: card === null ? [] : warningsOf(card, seam),
  };
}

function ownFacts({ badge, verdict }: NonNullable<ScanFacts["card"]>): JsonObject {
  if (badge === undefined && verdict === undefined) return {};
  const facts = badge === undefined ? {} : { badge: badgeFacts(badge) };
  return { lockbridge_metadata: { ...verdict, ...facts } };
}

function warningsOf(card: NonNullable<ScanFacts["card"]>, seam: ScanFacts["seam"]): JsonObject[] {
  if (seam === null) {
    return [
      {
        warning_code: "acs_credential_on_seam_not_found",
        warning_message: "No credential here matches what is on this card.",
      },
    ];
  }
  const message = differenceOf(card, seam);
  return message === null
    ? []
    : [{ warning_code: "acs_credential_on_encoder_out_of_sync", warning_message: message }];
}

/** A sentence on what the card says otherwise than wanted, or null. Cards keep whole seconds. */
function differenceOf(
  card: NonNullable<ScanFacts["card"]>,
  seam: NonNullable<ScanFacts["seam"]>,
): string | null {
  if (seam.isRevoked) return "The credential was revoked after this card was made.";
  const { validity } = card;
  const differing = [
    ...(validity === null || seconds(validity.startsAt) === seconds(seam.startsAt) ? [] : ["begins"]),
    ...(validity === null || seconds(validity.endsAt) === seconds(seam.endsAt) ? [] : ["ends"]),
  ];
  if (differing.length > 0)
    return `The card ${differing.join(" and ")} at another time than the credential: encode it again.`;
  if (!seam.isNewest) return "A newer card was written for this credential.";
  return seam.isSynced ? null : "The credential has changed since this card was written: encode it again.";
}

function seconds(epochMs: number | null): number | null {
  return epochMs === null ? null : Math.floor(epochMs / 1000);
}

function instantOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : isoInstant(epochMs);
}
