import type { Effect } from "#src/lib/effect";
import type { Badge } from "../badge.js";
import type { Desired } from "./credential.schema.js";

/** When it happened; machines read no clock. Epoch ms. */
export interface Instant {
  /** The best knowledge of the time: what is written down. */
  readonly at: number;
  /** What has surely passed: dates are compared with it. Absent: the clock is trusted, and it is `at`. */
  readonly certain?: number;
}

/** The instant that has surely passed. */
export function certainOf({ at, certain }: Instant): number {
  return certain ?? at;
}

/** Everything that can happen to a credential: wishes and facts. */
export type CredentialEvent = Instant &
  (
    | { readonly type: "desired.changed"; readonly desired: Desired }
    | {
        readonly type: "encode.requested";
        readonly jobId: string;
        readonly encoderId: string;
        /** Refused unless it equals the stored generation; null: not checked. */
        readonly expectGen: number | null;
      }
    /** From a scan (`jobId: null`) or a job's first read. `left`: the generation found intact, 0 = none of ours. */
    | {
        readonly type: "card.seen";
        readonly jobId: string | null;
        readonly uid: string;
        readonly left: number;
      }
    | {
        readonly type: "write.intended";
        readonly jobId: string;
        /** null: a key server makes the card. */
        readonly uid: string | null;
        readonly fingerprint: string;
        readonly validUntil: number | null;
        readonly cardNumber: string | null;
        /** The object has an unstepped change: refused. */
        readonly dirty: boolean;
      }
    | {
        readonly type: "write.verified";
        readonly jobId: string;
        readonly generation: number;
        readonly uid: string | null;
        readonly cardNumber: string | null;
      }
    | {
        readonly type: "job.failed";
        readonly jobId: string;
        readonly effect: Effect;
        readonly reason: string;
      }
    /** A badge that was made elsewhere is its card from now on: nothing is written to it. */
    | {
        readonly type: "badge.enrolled";
        /** null: its number was typed in. */
        readonly jobId: string | null;
        readonly encoderId: string | null;
        readonly badge: Badge;
        /** The object has an unstepped change: refused. */
        readonly dirty: boolean;
      }
    /** Its badge is another credential's from now on. */
    | { readonly type: "badge.moved" }
    | { readonly type: "card.overwritten"; readonly uid: string }
    /** Another credential's write to this card was torn: nothing certain is left of ours. */
    | { readonly type: "card.torn"; readonly uid: string }
    | { readonly type: "card.erased"; readonly uid: string }
    /** A person says so. */
    | { readonly type: "card.destroyed"; readonly generation: number }
    /** The lock or the vendor's server proves that every card is dead. */
    | { readonly type: "proof.revoked" }
    | { readonly type: "revoke.requested" }
    | { readonly type: "delete.requested" }
    | { readonly type: "expiry.due" }
    | { readonly type: "forget" }
    | { readonly type: "daemon.restarted" }
    | { readonly type: "window.opened" }
    | { readonly type: "slots.converged"; readonly fingerprint: string; readonly wanted: boolean }
    | { readonly type: "slots.diverged"; readonly allowed: boolean }
    | { readonly type: "slots.blocked"; readonly entranceId: string; readonly reason: string }
    | { readonly type: "slots.unblocked"; readonly entranceId: string }
  );

/** Orders, as plain data. The engine carries them out once the record is on disk. */
export type CredentialEffect =
  /** The job must not begin another write step; its outcome is awaited when an intent is open. */
  | { readonly type: "abortJob"; readonly jobId: string; readonly reason: "credential_deleted" }
  /** The job's work is proven done without writing (the doubt's card was intact). */
  | { readonly type: "jobDone"; readonly jobId: string }
  | { readonly type: "wakeAt"; readonly at: number | null }
  /** The cloud still calls it active: tell it again that it is revoked here. */
  | { readonly type: "reassertRevocation" }
  /** A driver broke its contract; counted. */
  | { readonly type: "countDriverBug"; readonly reason: string }
  /** The record may go; its id is remembered. */
  | { readonly type: "leaveTombstone" };

export type Refusal = { readonly refused: true; readonly state: string; readonly reason: RefusalReason };
/** Why an event was refused, for a person and for the API. */
export type RefusalReason =
  | "busy"
  | "denied"
  | "suspended"
  | "expired"
  | "generation_taken"
  | "in_doubt"
  | "dirty"
  /** A card of it may be about: a badge beside it would be a second one. */
  | "has_card"
  | "needs_no_encoder"
  | "gone"
  | "not_expected_here";
