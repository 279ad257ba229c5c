import type { JournalKind } from "../journal.js";
import type { Observed } from "../observed.js";
import type { CredentialEvent } from "./credential.events.js";
import type { CredentialRecord } from "./credential.schema.js";
import { mayOpen, openIntent } from "./ledger.js";
import { observe } from "./observe.js";
import { isReassertionOwed } from "./refusal.js";

export { observe } from "./observe.js";

export type CredentialSeamEvent =
  | "acs_credential.issued"
  | "acs_credential.reissued"
  | "acs_credential.invalidated"
  | "acs_credential.deleted";

export type CredentialJournalKind = Extract<
  JournalKind,
  | "intent"
  | "issued"
  | "reissued"
  | "in_doubt"
  | "settled"
  | "invalidated"
  | "deleted"
  | "revocation_reasserted"
>;

export interface Derived {
  readonly observed: Observed;
  /** What apps are told, in this order. */
  readonly events: readonly CredentialSeamEvent[];
  /** What the journal owes, in this order. */
  readonly journal: readonly CredentialJournalKind[];
}

/** Everything that others are told because of one step. `before` is null for the first record of a credential. */
export function derive(
  before: CredentialRecord | null,
  after: CredentialRecord,
  event: CredentialEvent,
): Derived {
  const issued = issuedNow(before, after);
  const isDeleted = after.state === "deleted" && before?.state !== "deleted";
  const isInvalidated = becameInvalid(before, after);

  const events: CredentialSeamEvent[] = [];
  if (issued !== null) events.push(`acs_credential.${issued}`);
  if (isDeleted) events.push("acs_credential.deleted");
  if (isInvalidated) events.push("acs_credential.invalidated");

  const journal: CredentialJournalKind[] = [];
  if (isIntentNew(before, after)) journal.push("intent");
  if (issued !== null) journal.push(issued);
  if (isDoubtNew(before, after)) journal.push("in_doubt");
  if (issued === null && !isInvalidated && becameCertain(before, after)) journal.push("settled");
  if (isDeleted) journal.push("deleted");
  if (isInvalidated) journal.push("invalidated");
  if (before !== null && isReassertionOwed(before.context, event) && before.state !== "deleting") {
    journal.push("revocation_reasserted");
  }
  const observed = observe(after);
  if (
    journal.length === 0 &&
    !isToldOtherwise(event) &&
    before !== null &&
    !isSameToOthers(observe(before), observed)
  ) {
    journal.push("settled");
  }
  return { observed, events, journal };
}

/** A step of a document ends in `planned`, which carries what is observed; a job tells how it ended. */
function isToldOtherwise({ type }: CredentialEvent): boolean {
  return (
    type === "encode.requested" ||
    type === "desired.changed" ||
    type === "revoke.requested" ||
    type === "delete.requested" ||
    type === "forget"
  );
}

/** A torn card, or a job that came to nothing after `planned` told of it: nobody else tells the cloud. */
function isSameToOthers(before: Observed, after: Observed): boolean {
  return (
    before.state === after.state &&
    before.isIssued === after.isIssued &&
    before.liveCards === after.liveCards &&
    before.generation === after.generation
  );
}

/** A new generation is the last good one now. */
function issuedNow(before: CredentialRecord | null, after: CredentialRecord): "issued" | "reissued" | null {
  const [old, now] = [before?.context.issued ?? null, after.context.issued];
  if (now === null || now.generation === old?.generation) return null;
  return old === null ? "issued" : "reissued";
}

/** Nothing written for it opens any more. A deleted credential is still watched until that is true. */
function becameInvalid(before: CredentialRecord | null, after: CredentialRecord): boolean {
  if (after.state === "invalidated") return before?.state !== "invalidated";
  return after.state === "deleted" && !mayOpen(after.context) && before !== null && mayOpen(before.context);
}

function isIntentNew(before: CredentialRecord | null, after: CredentialRecord): boolean {
  const intent = openIntent(after.context);
  return intent !== null && intent.generation !== (before && openIntent(before.context))?.generation;
}

function isDoubtNew(before: CredentialRecord | null, after: CredentialRecord): boolean {
  const { doubt } = after.context;
  return doubt !== null && doubt.generation !== before?.context.doubt?.generation;
}

/** A doubt is over, a card is dead, or a write that had begun did not happen. */
function becameCertain(before: CredentialRecord | null, after: CredentialRecord): boolean {
  if (before === null || isDoubtNew(before, after)) return false;
  const isDoubtOver = before.context.doubt !== null && after.context.doubt === null;
  const isWriteUndone = openIntent(before.context) !== null && openIntent(after.context) === null;
  const left = new Set(after.context.cards.map(({ generation }) => generation));
  const isCardDead = before.context.cards.some(({ generation }) => !left.has(generation));
  return isDoubtOver || isWriteUndone || isCardDead;
}
