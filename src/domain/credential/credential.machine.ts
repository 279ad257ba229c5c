import { assertEvent, assign, setup } from "xstate";
import { certainOf, type CredentialEffect, type CredentialEvent } from "./credential.events.js";
import type { CredentialContext } from "./credential.schema.js";
import {
  disproveDoubt,
  doubtCard,
  doubtWritten,
  enrol,
  expireCards,
  isCardAsDesired,
  isEveryCardGone,
  loseAll,
  loseBadge,
  loseCard,
  loseDestroyed,
  mayOpen,
  openIntent,
  proveWritten,
} from "./ledger.js";
import { owe, reassertRevocation, remove, revoke } from "./orders.js";
import { encodeRefusal, enrolRefusal, intentRefusal, isReassertionOwed } from "./refusal.js";

/**
 * The life of a credential on a card. It is stepped, never run: `credential.step.ts` loads a record, asks whether the
 * event is taken, and stores what comes out.
 *
 * Where a credential stands follows from what is known of it, so every event that is taken changes the context and
 * then goes through `settle`, which is left at once and never stored. What a state adds is which events it takes.
 * An event that is not taken is refused. Each transition has a target, because XState takes one that has neither
 * target nor actions for a refusal.
 */
const parts = setup({
  types: {
    context: {} as CredentialContext,
    events: {} as CredentialEvent,
    input: {} as CredentialContext,
  },
  actions: {
    /** An order for the engine; carried out once the record is on disk. */
    owe,
    keepDesired: assign(({ event }) => {
      assertEvent(event, "desired.changed");
      return { desired: event.desired };
    }),
    openJob: assign(({ event }) => {
      assertEvent(event, "encode.requested");
      return { job: { id: event.jobId, encoderId: event.encoderId, intent: null } };
    }),
    closeJob: assign({ job: null }),
    openIntent: assign(({ context, event }) => {
      assertEvent(event, "write.intended");
      const { uid, fingerprint, validUntil, cardNumber } = event;
      const generation = context.generation + 1;
      const intent = { generation, uid, fingerprint, validUntil, cardNumber };
      return { generation, job: context.job && { ...context.job, intent } };
    }),
    /** The open write is proven by the job itself. */
    proveIntent: assign(({ context, event }) => {
      assertEvent(event, "write.verified");
      const intent = openIntent(context);
      if (intent === null) return {};
      const encoderId = context.job?.encoderId ?? null;
      return { ...proveWritten(context, intent, { ...event, encoderId }), job: null };
    }),
    /** Nobody can tell what became of the open write. */
    doubtIntent: assign(({ context }) => {
      const intent = openIntent(context);
      return intent === null ? {} : { ...doubtWritten(context, intent), job: null };
    }),
    /** The doubtful write turns out to have happened. */
    proveDoubt: assign(({ context, event }) => {
      assertEvent(event, ["card.seen", "write.verified"]);
      const cardNumber = event.type === "write.verified" ? event.cardNumber : null;
      const proof = { at: event.at, uid: event.uid, cardNumber, encoderId: null };
      return context.doubt === null ? {} : proveWritten(context, context.doubt, proof);
    }),
    /** The doubtful write turns out not to have happened. */
    disproveDoubt: assign(({ context, event }) => {
      assertEvent(event, "card.seen");
      return disproveDoubt(context, event.left);
    }),
    doubtCard: assign(({ context, event }) => {
      assertEvent(event, "card.torn");
      return doubtCard(context, event.uid);
    }),
    loseCard: assign(({ context, event }) => {
      assertEvent(event, ["card.overwritten", "card.erased"]);
      return loseCard(context, event.uid, event.type === "card.erased" ? "erased" : "overwritten");
    }),
    loseDestroyed: assign(({ context, event }) => {
      assertEvent(event, "card.destroyed");
      return loseDestroyed(context, event.generation);
    }),
    enrol: assign(({ context, event }) => {
      assertEvent(event, "badge.enrolled");
      return enrol(context, event);
    }),
    loseBadge: assign(({ context }) => loseBadge(context)),
    loseAll: assign(({ context }) => loseAll(context)),
    expireCards: assign(({ context, event }) => expireCards(context, certainOf(event))),
    /** The latch: a deleted credential does not become a merely revoked one, and nothing becomes allowed again. */
    deny: assign(({ context }, as: "revoked" | "deleted") =>
      context.denied === "deleted" ? {} : { denied: as, why: as },
    ),
    forget: assign({ forgotten: true }),
  },
  guards: {
    isDeleted: ({ context }) => context.denied === "deleted",
    isDenied: ({ context }) => context.denied !== null,
    isWriting: ({ context }) => openIntent(context) !== null,
    isDeletedWriting: ({ context }) => context.denied === "deleted" && openIntent(context) !== null,
    isDeniedAlive: ({ context }) => context.denied !== null && mayOpen(context),
    isRewriting: ({ context }) => openIntent(context) !== null && context.issued !== null,
    isRepresenting: ({ context }) => context.job !== null && context.issued !== null,
    isPresenting: ({ context }) => context.job !== null,
    isInDoubt: ({ context }) => context.doubt !== null,
    isEveryCardGone: ({ context }) => isEveryCardGone(context),
    isCardAsDesired: ({ context }) => isCardAsDesired(context),
    wasIssued: ({ context }) => context.issued !== null,

    isReassertionOwed: ({ context, event }) => isReassertionOwed(context, event),
    mayEncode: ({ context, event }) =>
      event.type === "encode.requested" && encodeRefusal(context, event) === null,
    mayEnrol: ({ context, event }) =>
      event.type === "badge.enrolled" && enrolRefusal(context, event) === null,
    mayWrite: ({ context, event }) =>
      event.type === "write.intended" && intentRefusal(context, event) === null,
    isProofOfIntent: ({ context, event }) =>
      event.type === "write.verified" &&
      event.jobId === context.job?.id &&
      event.generation === context.job.intent?.generation,
    isProofOfDoubt: ({ context, event }) =>
      event.type === "write.verified" && event.generation === context.doubt?.generation,
    isDoubtIntact: ({ context, event }) => readsDoubt(context, event) === "intact",
    isDoubtIntactAndDesired: ({ context, event }) =>
      readsDoubt(context, event) === "intact" && context.doubt?.fingerprint === context.desired.fingerprint,
    isDoubtNotWritten: ({ context, event }) => readsDoubt(context, event) === "not_written",
    isUntouched: ({ context, event }) => failed(context, event) === "none",
    isUnknown: ({ context, event }) => failed(context, event) === "unknown",
  },
});

/** What a look at a card says about the doubt: nothing, when it is another card. */
function readsDoubt({ doubt }: CredentialContext, event: CredentialEvent): "intact" | "not_written" | null {
  if (event.type !== "card.seen" || doubt === null) return null;
  const isIntact = event.left === doubt.generation;
  // A key server names no card: only the generation itself can be recognised.
  if (doubt.uid === null) return isIntact ? "intact" : null;
  if (doubt.uid !== event.uid) return null;
  return isIntact ? "intact" : "not_written";
}

/** How the running job failed; null when another job is spoken of. */
function failed({ job }: CredentialContext, event: CredentialEvent): "none" | "unknown" | null {
  return event.type === "job.failed" && event.jobId === job?.id ? event.effect : null;
}

/** Orders are made where a job runs, and only there. */
function jobId({ job }: CredentialContext): string {
  if (job === null) throw new Error("no job runs");
  return job.id;
}

interface Scope {
  readonly context: CredentialContext;
  readonly event: CredentialEvent;
}
const abortJob = {
  type: "owe",
  params: ({ context }: Scope): CredentialEffect => ({
    type: "abortJob",
    jobId: jobId(context),
    reason: "credential_deleted",
  }),
} as const;
const jobDone = {
  type: "owe",
  params: ({ context }: Scope): CredentialEffect => ({ type: "jobDone", jobId: jobId(context) }),
} as const;
const countDriverBug = {
  type: "owe",
  params: ({ event }: Scope): CredentialEffect => ({
    type: "countDriverBug",
    reason: event.type === "job.failed" ? event.reason : event.type,
  }),
} as const;
const settle = "#settle";

/** No job runs: a denial only has to be remembered. */
const idle = {
  "revoke.requested": { target: settle, actions: revoke },
  "delete.requested": { target: settle, actions: remove },
  forget: { target: settle, actions: [revoke, "forget"] },
} as const;

const takesBadge = { "badge.enrolled": { guard: "mayEnrol", target: settle, actions: "enrol" } } as const;
const mayStart = {
  "encode.requested": { guard: "mayEncode", target: settle, actions: "openJob" },
  ...takesBadge,
} as const;
const reasserts = {
  "desired.changed": [
    { guard: "isReassertionOwed", target: settle, actions: ["keepDesired", reassertRevocation] },
    { target: settle, actions: "keepDesired" },
  ],
} as const;

/** A job waits for a card: no intent, so nothing can have been written. */
const presenting = parts.createStateConfig({
  on: {
    "card.seen": [
      // The person asked for a card with the desired content and holds it: nothing is left to write.
      { guard: "isDoubtIntactAndDesired", target: settle, actions: ["proveDoubt", jobDone, "closeJob"] },
      { guard: "isDoubtIntact", target: settle, actions: "proveDoubt" },
      { guard: "isDoubtNotWritten", target: settle, actions: "disproveDoubt" },
    ],
    "write.intended": { guard: "mayWrite", target: settle, actions: "openIntent" },
    ...takesBadge,
    "job.failed": [
      { guard: "isUntouched", target: settle, actions: "closeJob" },
      { guard: "isUnknown", target: settle, actions: [countDriverBug, "closeJob"] },
    ],
    "revoke.requested": { target: settle, actions: [abortJob, "closeJob", revoke] },
    "delete.requested": { target: settle, actions: [abortJob, "closeJob", remove] },
    forget: { target: settle, actions: [abortJob, "closeJob", revoke, "forget"] },
  },
});

/** How the open write can end, in whatever state it is awaited. */
const outcome = {
  "write.verified": { guard: "isProofOfIntent", target: settle, actions: "proveIntent" },
  "job.failed": [
    { guard: "isUntouched", target: settle, actions: "closeJob" },
    { guard: "isUnknown", target: settle, actions: "doubtIntent" },
  ],
} as const;

/** The intent is durable: the card may change at any moment. A denial stops the job where it can, and waits. */
const writing = parts.createStateConfig({
  on: {
    ...outcome,
    "revoke.requested": { target: settle, actions: [abortJob, revoke] },
    "delete.requested": { target: settle, actions: [abortJob, remove] },
    forget: { target: settle, actions: [abortJob, revoke, "forget"] },
  },
});

export const presentedMachine = parts.createMachine({
  id: "presented",
  context: ({ input }) => input,
  initial: "waiting_to_be_issued",
  /** Facts are taken in every state; what is wanted may change in every state. */
  on: {
    "desired.changed": { target: settle, actions: "keepDesired" },
    "card.overwritten": { target: settle, actions: "loseCard" },
    "card.erased": { target: settle, actions: "loseCard" },
    "card.torn": { target: settle, actions: "doubtCard" },
    "card.destroyed": { target: settle, actions: "loseDestroyed" },
    "badge.moved": { target: settle, actions: "loseBadge" },
    "proof.revoked": { target: settle, actions: "loseAll" },
    "expiry.due": { target: settle, actions: "expireCards" },
    // A job that had not begun to write never happened; one that had is unknown. Neither is ever run again.
    "daemon.restarted": [
      { guard: "isWriting", target: settle, actions: "doubtIntent" },
      { target: settle, actions: "closeJob" },
    ],
  },
  states: {
    /** The first that fits. */
    settle: {
      id: "settle",
      always: [
        { guard: "isDeletedWriting", target: "deleting" },
        { guard: "isDeleted", target: "deleted" },
        { guard: "isDeniedAlive", target: "invalidating" },
        { guard: "isDenied", target: "invalidated" },
        { guard: "isRewriting", target: "reissuing.writing" },
        { guard: "isWriting", target: "issuing.writing" },
        { guard: "isRepresenting", target: "reissuing.presenting" },
        { guard: "isPresenting", target: "issuing.presenting" },
        { guard: "isInDoubt", target: "in_doubt" },
        { guard: "isEveryCardGone", target: "invalidated" },
        { guard: "isCardAsDesired", target: "issued" },
        { guard: "wasIssued", target: "needs_to_be_reissued" },
        { target: "waiting_to_be_issued" },
      ],
    },
    waiting_to_be_issued: { on: { ...idle, ...mayStart } },
    issuing: { initial: "presenting", states: { presenting, writing } },
    issued: { on: { ...idle, ...mayStart } },
    needs_to_be_reissued: { on: { ...idle, ...mayStart } },
    reissuing: { initial: "presenting", states: { presenting, writing } },
    in_doubt: {
      on: {
        ...idle,
        ...mayStart,
        "card.seen": [
          { guard: "isDoubtIntact", target: settle, actions: "proveDoubt" },
          { guard: "isDoubtNotWritten", target: settle, actions: "disproveDoubt" },
        ],
        // A device that answers after its deadline is a look at the card, and never the success of a job.
        "write.verified": { guard: "isProofOfDoubt", target: settle, actions: "proveDoubt" },
      },
    },
    invalidating: {
      on: {
        ...idle,
        ...outcome,
        ...reasserts,
        "write.verified": [
          outcome["write.verified"],
          { guard: "isProofOfDoubt", target: settle, actions: "proveDoubt" },
        ],
        "card.seen": { guard: "isDoubtNotWritten", target: settle, actions: "disproveDoubt" },
      },
    },
    invalidated: {
      on: { ...idle, ...mayStart, ...reasserts },
    },
    deleting: { on: { ...idle, ...outcome } },
    deleted: { on: { ...reasserts, forget: idle.forget } },
  },
});
