import type { CredentialRecord } from "./credential.schema.js";

/**
 * When the mere passing of time changes something, or null. The engine then sends `expiry.due` or `window.opened`.
 *
 * A card: when the one in doubt is dead by its date, else when the last of them is. A code: its start while it waits,
 * then its end. `at` is the instant that has surely passed; an end that lies before it is due at once.
 */
export function wakeAt(record: CredentialRecord, at: number): number | null {
  return record.issuance === "presented" ? cardsEndAt(record) : nextBoundAt(record, at);
}

function cardsEndAt({ context: { cards, doubt } }: CredentialRecord): number | null {
  if (doubt !== null) return doubt.validUntil;
  return cards.reduce<number | null>(
    (latest, { validUntil }) =>
      latest === null || validUntil === null ? null : Math.max(latest, validUntil),
    cards.length === 0 ? null : 0,
  );
}

const SCHEDULED: readonly string[] = ["waiting_to_be_issued", "issuing", "issued", "reissuing"];

function nextBoundAt({ state, context }: CredentialRecord, at: number): number | null {
  const { allowed, startsAt, endsAt } = context.desired;
  if (!SCHEDULED.includes(state)) return null;
  const isStartAhead = allowed && startsAt !== null && startsAt > at;
  return state === "waiting_to_be_issued" && isStartAhead ? startsAt : endsAt;
}
