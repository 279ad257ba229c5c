import type { CredentialEvent } from "#src/domain/credential/credential.events";
import { newCredentialRecord, stepCredential } from "#src/domain/credential/credential.step";
import type { CredentialRecord, Desired, Issuance } from "#src/domain/credential/credential.schema";

/**
 * Every situation that a credential can be in, and every event that can meet it there. The table test holds what
 * should come of each pair, `docs/machines/credential.md` shows what does.
 */

/** Instants of the example: the wish begins and ends, and `NOW` lies between. */
export const START = 1_000;
export const NOW = 5_000;
export const END = 10_000;
export const AFTER_END = 11_000;
export const LATER_END = 20_000;

/** Two cards of the credential, and one that never was. */
export const CARD_A = "0a";
export const CARD_B = "0b";
const CARD_C = "0c";

export const DESIRED: Desired = {
  rev: 1,
  fingerprint: "first",
  allowed: true,
  startsAt: START,
  endsAt: END,
};

const BADGE = { format: "H10301", facility: 101, number: 1_337, bitCount: 26, bits: "32829cc0" } as const;

type Body = CredentialEvent extends infer E ? (E extends CredentialEvent ? Omit<E, "at"> : never) : never;

/** An event at `NOW`. */
export function now(body: Body): CredentialEvent {
  return { ...body, at: NOW }; // `Body` is CredentialEvent without its `at`, member by member.
}

/** Steps through `events`, none of which may be refused. */
export function after(record: CredentialRecord, ...events: readonly CredentialEvent[]): CredentialRecord {
  return events.reduce((current, event) => {
    const step = stepCredential(current, event);
    if (step.refused) throw new Error(`${event.type} is refused in ${step.state}: ${step.reason}`);
    return step.next;
  }, record);
}

export const encode = (jobId: string): CredentialEvent =>
  now({ type: "encode.requested", jobId, encoderId: "desk", expectGen: null });

export const intend = (jobId: string, uid: string | null, fingerprint = "first"): CredentialEvent =>
  now({
    type: "write.intended",
    jobId,
    uid,
    fingerprint,
    validUntil: END,
    cardNumber: null,
    dirty: false,
  });

export const verify = (jobId: string, generation: number, uid: string | null): CredentialEvent =>
  now({ type: "write.verified", jobId, generation, uid, cardNumber: "17" });

const enrol = (jobId: string | null): CredentialEvent =>
  now({ type: "badge.enrolled", jobId, encoderId: "desk", badge: BADGE, dirty: false });

export const fail = (jobId: string, effect: "none" | "unknown"): CredentialEvent =>
  now({ type: "job.failed", jobId, effect, reason: "device.lost" });

export const change = (desired: Partial<Desired>): CredentialEvent =>
  now({ type: "desired.changed", desired: { ...DESIRED, rev: 2, ...desired } });

export const converged = (wanted: boolean, fingerprint = "first"): CredentialEvent =>
  now({ type: "slots.converged", fingerprint, wanted });

const revoke = now({ type: "revoke.requested" });
const remove = now({ type: "delete.requested" });
const expiry: CredentialEvent = { type: "expiry.due", at: AFTER_END };
const jobOf = (record: CredentialRecord): string => record.context.job?.id ?? "none";

const fresh = (issuance: Issuance, at = NOW) => newCredentialRecord({ issuance, desired: DESIRED, at });

function presentedSituations(): Readonly<Record<string, CredentialRecord>> {
  const waiting = fresh("presented");
  const presenting = after(waiting, encode("job1"));
  const writing = after(presenting, intend("job1", CARD_A));
  const issued = after(writing, verify("job1", 1, CARD_A));
  const replacing = after(issued, encode("job2"), intend("job2", CARD_B));
  const doubt = after(replacing, fail("job2", "unknown"));
  return {
    waiting_to_be_issued: waiting,
    "issuing.presenting": presenting,
    "issuing.writing": writing,
    issued: issued,
    "issued, two cards live": after(replacing, verify("job2", 2, CARD_B)),
    "issued, a badge": after(waiting, enrol(null)),
    needs_to_be_reissued: after(issued, change({ fingerprint: "second" })),
    "reissuing.presenting, in doubt": after(doubt, encode("job3")),
    "reissuing.writing": replacing,
    "in_doubt, never issued": after(writing, fail("job1", "unknown")),
    "in_doubt, issued before": doubt,
    invalidating: after(issued, revoke),
    "invalidating, write open": after(replacing, revoke),
    "invalidating, in doubt": after(doubt, revoke),
    "invalidated, card overwritten": after(issued, now({ type: "card.overwritten", uid: CARD_A })),
    "invalidated, revoked": after(waiting, revoke),
    deleting: after(replacing, remove),
    "deleted, card live": after(issued, remove),
  };
}

function automaticSituations(): Readonly<Record<string, CredentialRecord>> {
  const waiting = fresh("automatic", START - 1);
  const issuing = fresh("automatic");
  const issued = after(issuing, converged(true));
  const ended = { ...DESIRED, endsAt: NOW - 1 };
  const short = newCredentialRecord({ issuance: "automatic", desired: ended, at: START });
  const expired = after(short, { ...converged(true), at: START }, now({ type: "expiry.due" }));
  return {
    waiting_to_be_issued: waiting,
    "waiting_to_be_issued, suspended": after(
      issued,
      change({ allowed: false, fingerprint: "off" }),
      converged(false, "off"),
    ),
    issuing: issuing,
    issued: issued,
    reissuing: after(issued, change({ fingerprint: "second" })),
    "invalidating, expired": expired,
    "invalidating, revoked": after(issued, revoke),
    "invalidated, expired": after(expired, converged(false)),
    "invalidated, revoked": after(waiting, revoke),
    deleting: after(issued, remove),
    deleted: after(waiting, remove),
  };
}

export const SITUATIONS = { presented: presentedSituations(), automatic: automaticSituations() } as const;

/** The last event is the one that is asked about; those before it lead up to it, refused or not. */
export type Row = (record: CredentialRecord) => readonly CredentialEvent[];
const one =
  (event: CredentialEvent): Row =>
  () => [event];
const suspended = (record: CredentialRecord) =>
  change({ fingerprint: record.context.desired.fingerprint, allowed: false });
const wish =
  (desired: Partial<Desired>): Row =>
  (record) => [change({ ...record.context.desired, rev: 2, ...desired })];

/** Events that both kinds of credential meet. */
const COMMON: Readonly<Record<string, Row>> = {
  "expiry.due, too early": one(now({ type: "expiry.due" })),
  "expiry.due": one(expiry),
  "revoke.requested": one(revoke),
  "delete.requested": one(remove),
  forget: one(now({ type: "forget" })),
  "daemon.restarted": one(now({ type: "daemon.restarted" })),
  "encode.requested": one(encode("new")),
};

const CARDS: Readonly<Record<string, Row>> = {
  "card.seen, doubtful card intact": (record) => [
    now({
      type: "card.seen",
      jobId: null,
      uid: record.context.doubt?.uid ?? CARD_B,
      left: record.context.doubt?.generation ?? 2,
    }),
  ],
  "card.seen, doubtful card not written": (record) => [
    now({ type: "card.seen", jobId: null, uid: record.context.doubt?.uid ?? CARD_B, left: 0 }),
  ],
  "card.seen, other card": one(now({ type: "card.seen", jobId: null, uid: CARD_C, left: 1 })),
  "write.intended, other card": (record) => [intend(jobOf(record), CARD_C)],
  "write.intended, doubtful card": (record) => [intend(jobOf(record), CARD_B)],
  "write.intended, by a key server": (record) => [intend(jobOf(record), null)],
  "write.intended, dirty": (record) => [{ ...intend(jobOf(record), CARD_B), dirty: true } as CredentialEvent],
  "write.intended, suspended": (record) => [suspended(record), intend(jobOf(record), CARD_B)],
  "write.intended, past the end": (record) => [{ ...intend(jobOf(record), CARD_B), at: END }],
  "write.intended, other job": one(intend("other", CARD_B)),
  "write.verified": (record) => [
    verify(jobOf(record), record.context.generation, record.context.job?.intent?.uid ?? CARD_A),
  ],
  "write.verified, late": (record) => [
    verify("job0", record.context.doubt?.generation ?? 9, record.context.doubt?.uid ?? CARD_B),
  ],
  "write.verified, other generation": (record) => [verify(jobOf(record), 9, CARD_B)],
  "job.failed, nothing written": (record) => [fail(jobOf(record), "none")],
  "job.failed, unknown": (record) => [fail(jobOf(record), "unknown")],
  "job.failed, other job": one(fail("other", "unknown")),
  "card.overwritten, card A": one(now({ type: "card.overwritten", uid: CARD_A })),
  "card.overwritten, card B": one(now({ type: "card.overwritten", uid: CARD_B })),
  "card.erased, every card": () => [
    now({ type: "card.erased", uid: CARD_A }),
    now({ type: "card.erased", uid: CARD_B }),
  ],
  "card.erased, other card": one(now({ type: "card.erased", uid: CARD_C })),
  "card.torn, card A": one(now({ type: "card.torn", uid: CARD_A })),
  "card.torn, card B": one(now({ type: "card.torn", uid: CARD_B })),
  "badge.enrolled": (record) => [enrol(record.context.job?.id ?? null)],
  "badge.enrolled, other job": one(enrol("other")),
  "badge.enrolled, dirty": (record) => [
    { ...enrol(record.context.job?.id ?? null), dirty: true } as CredentialEvent,
  ],
  "badge.enrolled, suspended": (record) => [suspended(record), enrol(record.context.job?.id ?? null)],
  "badge.moved": one(now({ type: "badge.moved" })),
  "card.destroyed, generation 1": one(now({ type: "card.destroyed", generation: 1 })),
  "card.destroyed, generation 2": one(now({ type: "card.destroyed", generation: 2 })),
  "proof.revoked": one(now({ type: "proof.revoked" })),
};

const SLOTS: Readonly<Record<string, Row>> = {
  "window.opened": one(now({ type: "window.opened" })),
  "slots.converged, code set": (record) => [converged(true, record.context.desired.fingerprint)],
  "slots.converged, code off": (record) => [converged(false, record.context.desired.fingerprint)],
  "slots.converged, on an older wish": one(converged(true, "older")),
  "slots.diverged, allowed": one(now({ type: "slots.diverged", allowed: true })),
  "slots.diverged, not allowed": one(now({ type: "slots.diverged", allowed: false })),
  "slots.blocked": one(now({ type: "slots.blocked", entranceId: "pool", reason: "device.lost" })),
  "slots.unblocked": one(now({ type: "slots.unblocked", entranceId: "pool" })),
};

/** The events that a credential of this kind knows; those of the other kind are refused in every state. */
export const ROWS: Readonly<Record<Issuance, Readonly<Record<string, Row>>>> = {
  presented: {
    "desired.changed, same card": wish({}),
    "desired.changed, other card": wish({ fingerprint: "third" }),
    "desired.changed, as on card A": wish({ fingerprint: "first" }),
    "desired.changed, suspended": wish({ allowed: false }),
    ...COMMON,
    "encode.requested, other generation": one({ ...encode("new"), expectGen: 9 } as CredentialEvent),
    "encode.requested, suspended": (record) => [suspended(record), encode("new")],
    "encode.requested, past the end": one({ ...encode("new"), at: END }),
    ...CARDS,
  },
  automatic: {
    "desired.changed, same code": wish({}),
    "desired.changed, other code": wish({ fingerprint: "third", allowed: true }),
    "desired.changed, start ahead": wish({ fingerprint: "third", startsAt: NOW + 1 }),
    "desired.changed, suspended": wish({ fingerprint: "off", allowed: false }),
    "desired.changed, later end": wish({ fingerprint: "longer", endsAt: LATER_END }),
    ...COMMON,
    ...SLOTS,
  },
};

/** Events of the other kind. */
export const FOREIGN: typeof ROWS = { presented: SLOTS, automatic: CARDS };

/** `=` taken, same state · a state's name: taken, goes there · `– reason`: refused. */
export function cell(record: CredentialRecord, row: Row): string {
  const events = row(record);
  const last = events.at(-1);
  if (last === undefined) throw new Error("a row needs an event");
  const prepared = events.slice(0, -1).reduce((current, event) => {
    const step = stepCredential(current, event);
    return step.refused ? current : step.next;
  }, record);
  const step = stepCredential(prepared, last);
  if (step.refused) return `– ${step.reason}`;
  return step.next.state === record.state ? "=" : step.next.state;
}
