import { certainOf, type CredentialEvent, type RefusalReason } from "./credential.events.js";
import type { CredentialContext, CredentialRecord, Desired } from "./credential.schema.js";

/**
 * Why something is refused, for a person and for the API. The guards of the machines are made of the same functions,
 * so that what is refused and what is said about it cannot differ.
 */
type Encode = Extract<CredentialEvent, { type: "encode.requested" }>;
type Intended = Extract<CredentialEvent, { type: "write.intended" }>;
type Enrolled = Extract<CredentialEvent, { type: "badge.enrolled" }>;

/** Has its end surely passed? */
export function hasEnded({ endsAt }: Desired, at: number): boolean {
  return endsAt !== null && endsAt <= at;
}

/** What forbids any write, whatever the event. */
function writeRefusal({ denied, desired }: CredentialContext, at: number): RefusalReason | null {
  if (denied !== null) return "denied";
  if (!desired.allowed) return "suspended";
  return hasEnded(desired, at) ? "expired" : null;
}

export function encodeRefusal(context: CredentialContext, event: Encode): RefusalReason | null {
  const forbidden = writeRefusal(context, certainOf(event));
  if (forbidden !== null) return forbidden;
  return event.expectGen === null || event.expectGen === context.generation ? null : "generation_taken";
}

/** The last look before a card is written. While a card is in doubt no other card may be written. */
export function intentRefusal(context: CredentialContext, event: Intended): RefusalReason | null {
  if (context.job?.id !== event.jobId) return "not_expected_here";
  const forbidden = writeRefusal(context, certainOf(event));
  if (forbidden !== null) return forbidden;
  const { doubt } = context;
  if (doubt !== null && (doubt.uid === null || doubt.uid !== event.uid)) return "in_doubt";
  return event.dirty ? "dirty" : null;
}

/** One credential fits one card: a badge is taken where no other card of it can be about. */
export function enrolRefusal(context: CredentialContext, event: Enrolled): RefusalReason | null {
  if (context.denied === null && context.job !== null && context.job.id !== event.jobId) return "busy";
  const forbidden = writeRefusal(context, certainOf(event));
  if (forbidden !== null) return forbidden;
  if (context.cards.length > 0 || context.doubt !== null || context.job?.intent != null) return "has_card";
  return event.dirty ? "dirty" : null;
}

/** A wish for something that was denied here: the other side still calls it active, and has to hear it again. */
export function isReassertionOwed({ denied }: CredentialContext, event: CredentialEvent): boolean {
  return event.type === "desired.changed" && denied !== null && event.desired.allowed;
}

/** Why the machine does not take `event` in this state. */
export function refusalReason(
  { issuance, state, context }: CredentialRecord,
  event: CredentialEvent,
): RefusalReason {
  if (state === "deleted") return "gone";
  if (event.type === "encode.requested") {
    if (issuance === "automatic") return "needs_no_encoder";
    if (context.denied === null && context.job !== null) return "busy";
    return encodeRefusal(context, event) ?? "not_expected_here";
  }
  if (event.type === "badge.enrolled" && issuance === "presented")
    return enrolRefusal(context, event) ?? "not_expected_here";
  if (event.type === "write.intended" && context.job !== null && context.job.intent === null)
    return intentRefusal(context, event) ?? "not_expected_here";
  return "not_expected_here";
}
