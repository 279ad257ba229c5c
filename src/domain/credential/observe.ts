import type { Observed } from "../observed.js";
import type { CredentialContext, CredentialRecord } from "./credential.schema.js";
import { outerName } from "./credential.states.js";
import { isEveryCardGone, openIntent, saysWhatIsWanted } from "./ledger.js";

/** What is known of a credential, in Seam's words, with sentences that tell a technician what to do. */
export function observe(record: CredentialRecord): Observed {
  const { context, issuance } = record;
  const state = outerName(record.state);
  const isCard = issuance === "presented";
  const issued = isCard && isStillIssued(record) ? context.issued : null;
  const isSynced = state === "issued";
  const live = liveCards(context);
  return {
    rev: context.desired.rev,
    generation: context.generation,
    state,
    isIssued: isCard ? issued !== null : null,
    issuedAt: issued?.at ?? null,
    cardNumber: issued?.cardNumber ?? null,
    ...(issued?.badge === undefined ? {} : { badge: issued.badge }),
    isSynced,
    syncedAt: isSynced ? context.since : null,
    warnings: warningsOf(record, state).map((warning) => ({ ...warning, createdAt: context.since })),
    errors: errorsOf(context, state),
    liveCards: live.length,
    cardsValidUntil: latestEnd(live),
  };
}

/** A card was written, and neither a denial nor a loss has come true since. */
function isStillIssued({ state, context }: CredentialRecord): boolean {
  if (context.issued === null || state === "invalidated" || state === "deleted") return false;
  return !isEveryCardGone(context);
}

type Ending = Pick<CredentialContext["cards"][number], "uid" | "validUntil">;

/**
 * The physical cards that may still open something, one entry each: a card that was written twice and never read back
 * is listed with both generations. The card of a write that has begun may open already.
 */
function liveCards(context: CredentialContext): readonly Ending[] {
  const intent = openIntent(context);
  const listed: readonly Ending[] = intent === null ? context.cards : [...context.cards, intent];
  const physical = new Map<string, Ending>();
  for (const [index, card] of listed.entries()) {
    const key = card.uid ?? `unnamed ${index}`;
    const known = physical.get(key);
    physical.set(key, known === undefined ? card : { uid: card.uid, validUntil: latestEnd([known, card]) });
  }
  return [...physical.values()];
}

function latestEnd(cards: readonly Ending[]): number | null {
  const ends = cards.map(({ validUntil }) => validUntil).filter((end) => end !== null);
  return ends.length < cards.length || ends.length === 0 ? null : Math.max(...ends);
}

type Warning = Omit<Observed["warnings"][number], "createdAt">;

function warningsOf({ issuance, context }: CredentialRecord, state: string): readonly Warning[] {
  return issuance === "presented" ? cardWarnings(context, state) : codeWarnings(context, state);
}

function cardWarnings(context: CredentialContext, state: string): readonly Warning[] {
  const { issued, desired, denied } = context;
  const warnings: Warning[] = [];
  if (state === "waiting_to_be_issued" || state === "issuing") {
    warnings.push({
      code: "waiting_to_be_issued",
      message: "No card has been made yet. Encode the credential and put a card on the encoder.",
    });
  }
  const isOutdated = issued !== null && (!issued.good || !saysWhatIsWanted(issued, desired));
  if (isOutdated && denied === null && state !== "invalidated") {
    warnings.push({
      code: "needs_to_be_reissued",
      message: issued.good
        ? "The card no longer says what is wanted; it works as it was written. Encode the credential again."
        : "The last card is lost or may not work. Encode the credential again.",
    });
  }
  if (state === "in_doubt") warnings.push(doubtWarning(context));
  if (state === "deleting") warnings.push(BEING_DELETED);
  if (state === "invalidating") warnings.push(revokedWarning(context));
  return warnings;
}

/** Seam has no word for "revoked, and the card is still out there"; of its words this one makes an app look. */
function revokedWarning(context: CredentialContext): Warning {
  const end = latestEnd(liveCards(context));
  const until = end === null ? "has no end date" : `opens until ${new Date(end).toISOString()}`;
  return {
    code: "being_deleted",
    message: `Revoked. The card ${until}: put it on the encoder and erase it, or collect it.`,
  };
}

const BEING_DELETED: Warning = {
  code: "being_deleted",
  message: "The credential is being deleted. Nothing needs to be done.",
};

function doubtWarning({ doubt }: CredentialContext): Warning {
  return {
    code: "unknown_issue_with_acs_credential",
    message:
      typeof doubt?.uid === "string"
        ? `It is not known whether card ${doubt.uid} was written. Put the card back on the encoder; if it no longer exists, declare it destroyed.`
        : "It is not known whether the lock system made the card. Look there; if no card came out, declare it destroyed.",
  };
}

function codeWarnings({ issued }: CredentialContext, state: string): readonly Warning[] {
  if (state === "deleting") return [BEING_DELETED];
  if (state === "issued" && issued !== null && !issued.good) {
    return [
      {
        code: "unknown_issue_with_acs_credential",
        message:
          "The code was changed at a lock, which is allowed there. Change it here to overrule the lock.",
      },
    ];
  }
  return [];
}

function errorsOf({ lagging }: CredentialContext, state: string): Observed["errors"] {
  const isRemoving = state === "invalidating" || state === "deleting";
  return lagging.map(({ entranceId, reason, since }) => ({
    code: isRemoving ? "failed_to_remove_from_device" : "failed_to_set_on_device",
    message: isRemoving
      ? `The code may still open entrance ${entranceId} (${reason}). It is tried again; bring the lock back, or remove the code there by hand.`
      : `The code does not open entrance ${entranceId} yet (${reason}). It is tried again; bring the lock back.`,
    createdAt: since,
  }));
}
