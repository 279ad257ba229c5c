import { assertEvent, assign, setup } from "xstate";
import { certainOf, type CredentialEvent, type Instant } from "./credential.events.js";
import type { CredentialContext, Desired } from "./credential.schema.js";
import { owe, reassertRevocation, remove, revoke } from "./orders.js";
import { hasEnded, isReassertionOwed } from "./refusal.js";

/**
 * The life of a credential that devices take by themselves: a PIN. No card, no job, no doubt: a planner compares what
 * is wanted with what the keypads report and writes until they agree (`slots.converged`). It is stepped like the
 * machine for cards. A transition without a target keeps the state; it has an action, because XState takes one that
 * has neither for a refusal.
 */

/** Should the code be on the keypads at this instant? */
export function isWantedAt(desired: Desired, instant: Instant): boolean {
  const { allowed, startsAt } = desired;
  return allowed && (startsAt === null || startsAt <= instant.at) && !hasEnded(desired, certainOf(instant));
}

type Lagging = CredentialContext["lagging"];

const parts = setup({
  types: {
    context: {} as CredentialContext,
    events: {} as CredentialEvent,
    input: {} as CredentialContext,
  },
  actions: {
    /** An order for the engine; carried out once the record is on disk. */
    owe,
    /** Taken, and nothing changes. */
    nothing: () => undefined,
    keepDesired: assign(({ event }) => {
      assertEvent(event, "desired.changed");
      return { desired: event.desired };
    }),
    /** Every keypad carries the code as wanted. Each time counts as one generation. */
    recordCode: assign(({ context, event }) => {
      const generation = context.generation + 1;
      const { fingerprint } = context.desired;
      const where = { uid: null, cardNumber: null, encoderId: null };
      const issued = { generation, fingerprint, ...where, at: event.at, good: true };
      return { generation, issued, lagging: [], why: null };
    }),
    markChangedOutside: assign(({ context }) => ({
      issued: context.issued && { ...context.issued, good: false },
    })),
    /** What was changed at a lock is as it should be again; that is no new issue. */
    markAsWanted: assign(({ context }) => ({
      issued: context.issued && { ...context.issued, good: true },
      lagging: [],
    })),
    addLagging: assign(({ context, event }) => {
      assertEvent(event, "slots.blocked");
      return { lagging: withLagging(context.lagging, event) };
    }),
    removeLagging: assign(({ context, event }) => {
      assertEvent(event, "slots.unblocked");
      return { lagging: context.lagging.filter(({ entranceId }) => entranceId !== event.entranceId) };
    }),
    clearLagging: assign({ lagging: [] }),
    expire: assign({ why: "expired" }),
    allowAgain: assign({ why: null }),
    /** The latch: a deleted credential does not become a merely revoked one, and nothing becomes allowed again. */
    deny: assign(({ context }, as: "revoked" | "deleted") =>
      context.denied === "deleted" ? {} : { denied: as, why: as },
    ),
    forget: assign({ forgotten: true }),
  },
  guards: {
    isReassertionOwed: ({ context, event }) => isReassertionOwed(context, event),
    isWantedNow: ({ context, event }) => isWantedAt(desiredAfter(context, event), event),
    isOtherCode: ({ context, event }) =>
      context.issued?.fingerprint !== desiredAfter(context, event).fingerprint,
    hasEnded: ({ context, event }) => hasEnded(context.desired, certainOf(event)),
    /** It only expired, and its end lies ahead again. */
    isAllowedAgain: ({ context, event }) => isAllowedAgain(context, event),
    isAllowedAgainNow: ({ context, event }) =>
      isAllowedAgain(context, event) && isWantedAt(desiredAfter(context, event), event),
    /** The keypads agree with an older wish: says nothing about the present one. */
    isStale: ({ context, event }) =>
      event.type === "slots.converged" && event.fingerprint !== context.desired.fingerprint,
    isStillSet: ({ event }) => event.type === "slots.converged" && event.wanted,
    isAllowedChange: ({ event }) => event.type === "slots.diverged" && event.allowed,
  },
});

/** What is wanted once `event` is taken. */
function desiredAfter({ desired }: CredentialContext, event: CredentialEvent): Desired {
  return event.type === "desired.changed" ? event.desired : desired;
}

function isAllowedAgain(context: CredentialContext, event: CredentialEvent): boolean {
  const isOnlyExpired = context.denied === null && context.why === "expired";
  return isOnlyExpired && !hasEnded(desiredAfter(context, event), certainOf(event));
}

function withLagging(lagging: Lagging, blocked: { entranceId: string; reason: string; at: number }): Lagging {
  const { entranceId, reason, at } = blocked;
  const known = lagging.find((entry) => entry.entranceId === entranceId);
  if (known?.reason === reason) return lagging;
  return [...lagging.filter((entry) => entry !== known), { entranceId, reason, since: at }];
}

const same = { actions: "nothing" } as const;
const keep = { actions: "keepDesired" } as const;
const reassert = { guard: "isReassertionOwed", actions: ["keepDesired", reassertRevocation] } as const;

/** Keypads that lag are shown as errors. */
const lags = {
  "slots.blocked": { actions: "addLagging" },
  "slots.unblocked": { actions: "removeLagging" },
} as const;

/** The code is, or may be, on a keypad: what ends it has to be carried out there first. */
const onKeypads = {
  ...lags,
  "expiry.due": [{ guard: "hasEnded", target: "invalidating", actions: "expire" }, same],
  "revoke.requested": { target: "invalidating", actions: revoke },
  "delete.requested": { target: "deleting", actions: remove },
  forget: { target: "invalidating", actions: [revoke, "forget"] },
} as const;

/** The keypads are being brought in line with the wish. */
const converging = {
  ...onKeypads,
  "desired.changed": keep,
  "slots.converged": [
    { guard: "isStale", actions: "nothing" },
    { guard: "isStillSet", target: "issued", actions: "recordCode" },
    { target: "waiting_to_be_issued", actions: "clearLagging" },
  ],
  "slots.diverged": same,
} as const;

export const automaticMachine = parts.createMachine({
  id: "automatic",
  context: ({ input }) => input,
  initial: "waiting_to_be_issued",
  on: { "daemon.restarted": same },
  states: {
    waiting_to_be_issued: {
      on: {
        "desired.changed": [{ guard: "isWantedNow", target: "issuing", actions: "keepDesired" }, keep],
        "window.opened": [{ guard: "isWantedNow", target: "issuing" }, same],
        "slots.converged": same,
        "slots.blocked": same,
        "slots.unblocked": same,
        "expiry.due": [{ guard: "hasEnded", target: "invalidated", actions: "expire" }, same],
        "revoke.requested": { target: "invalidated", actions: revoke },
        "delete.requested": { target: "deleted", actions: remove },
        forget: { target: "invalidated", actions: [revoke, "forget"] },
      },
    },
    issuing: { on: { ...converging, "window.opened": same } },
    issued: {
      on: {
        ...onKeypads,
        "desired.changed": [{ guard: "isOtherCode", target: "reissuing", actions: "keepDesired" }, keep],
        "window.opened": same,
        "slots.converged": [
          { guard: "isStale", actions: "nothing" },
          { guard: "isStillSet", actions: "markAsWanted" },
          same,
        ],
        "slots.diverged": [
          { guard: "isAllowedChange", actions: "markChangedOutside" },
          { target: "reissuing", actions: "markChangedOutside" },
        ],
      },
    },
    reissuing: { on: converging },
    invalidating: {
      on: {
        ...lags,
        "desired.changed": [reassert, keep],
        "slots.converged": [
          { guard: "isStillSet", actions: "nothing" },
          // The end was moved into the future while the codes were leaving the locks.
          { guard: "isAllowedAgainNow", target: "issuing", actions: ["allowAgain", "clearLagging"] },
          {
            guard: "isAllowedAgain",
            target: "waiting_to_be_issued",
            actions: ["allowAgain", "clearLagging"],
          },
          { target: "invalidated", actions: "clearLagging" },
        ],
        "slots.diverged": same,
        "expiry.due": same,
        "revoke.requested": { actions: revoke },
        "delete.requested": { target: "deleting", actions: remove },
        forget: { actions: [revoke, "forget"] },
      },
    },
    invalidated: {
      on: {
        "desired.changed": [
          reassert,
          { guard: "isAllowedAgainNow", target: "issuing", actions: ["keepDesired", "allowAgain"] },
          { guard: "isAllowedAgain", target: "waiting_to_be_issued", actions: ["keepDesired", "allowAgain"] },
          keep,
        ],
        "slots.converged": same,
        // Somebody put the code back at the lock: the planner takes it off again.
        "slots.diverged": same,
        "expiry.due": same,
        "revoke.requested": { actions: revoke },
        "delete.requested": { target: "deleted", actions: remove },
        forget: { actions: [revoke, "forget"] },
      },
    },
    deleting: {
      on: {
        ...lags,
        "desired.changed": keep,
        "slots.converged": [
          { guard: "isStillSet", actions: "nothing" },
          { target: "deleted", actions: "clearLagging" },
        ],
        "slots.diverged": same,
        "expiry.due": same,
        "revoke.requested": same,
        "delete.requested": same,
        forget: { actions: "forget" },
      },
    },
    deleted: {
      on: {
        "desired.changed": [reassert, keep],
        "slots.converged": same,
        "expiry.due": same,
        forget: { actions: "forget" },
      },
    },
  },
});
