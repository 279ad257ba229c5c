import { transition } from "xstate";
import { canonicalJson } from "#src/lib/json";
import { automaticMachine, isWantedAt } from "./automatic.machine.js";
import { certainOf, type CredentialEffect, type CredentialEvent, type Refusal } from "./credential.events.js";
import { presentedMachine } from "./credential.machine.js";
import {
  type CredentialContext,
  type CredentialRecord,
  type Desired,
  type Issuance,
  RECORD_VERSION,
} from "./credential.schema.js";
import { nameOf, valueOf } from "./credential.states.js";
import { mayOpen } from "./ledger.js";
import { refusalReason } from "./refusal.js";
import { wakeAt } from "./wake.js";

export { CredentialRecordError, parseCredentialRecord } from "./credential.migrations.js";

export interface CredentialStep {
  readonly refused: false;
  readonly next: CredentialRecord;
  /** To be carried out once `next` is on disk. */
  readonly effects: readonly CredentialEffect[];
  /** false: taken, and nothing is to be stored. */
  readonly changed: boolean;
}

/**
 * What one event does to one credential. Pure: the same record and event give the same answer, and nothing happens.
 * Throws only on a record that `parseCredentialRecord` does not let pass.
 */
export function stepCredential(record: CredentialRecord, event: CredentialEvent): CredentialStep | Refusal {
  const outcome = advance(record, event);
  if (outcome === null) {
    return { refused: true, state: record.state, reason: refusalReason(record, event) };
  }
  const since = outcome.state === record.state ? record.context.since : event.at;
  const next = { ...record, state: outcome.state, context: { ...outcome.context, since } };
  return {
    refused: false,
    next,
    effects: [...outcome.effects, ...owedTo(record, next, event)],
    // Comparing costs as much as stepping, so it is done for those who ask.
    get changed() {
      return canonicalJson(next) !== canonicalJson(record);
    },
  };
}

interface Outcome {
  readonly state: string;
  readonly context: CredentialContext;
  readonly effects: readonly CredentialEffect[];
}

/** Load, ask, step. Null: the event is not taken here. */
function advance({ issuance, state, context }: CredentialRecord, event: CredentialEvent): Outcome | null {
  const stored = { value: valueOf(issuance, state), context };
  switch (issuance) {
    case "presented": {
      const before = presentedMachine.resolveState(stored);
      if (!before.can(event)) return null;
      const [after, actions] = transition(presentedMachine, before, event);
      return { state: nameOf(after.value), context: after.context, effects: ordersIn(actions) };
    }
    case "automatic": {
      const before = automaticMachine.resolveState(stored);
      if (!before.can(event)) return null;
      const [after, actions] = transition(automaticMachine, before, event);
      return { state: nameOf(after.value), context: after.context, effects: ordersIn(actions) };
    }
  }
}

type Action = { readonly type: string; readonly params: unknown };

/** Changes of the context are done already; what is left are orders, and `nothing`. */
function ordersIn(actions: readonly Action[]): readonly CredentialEffect[] {
  // The machines declare `owe` with a CredentialEffect as its parameter; XState types its parameters loosely.
  return actions.filter(({ type }) => type === "owe").map(({ params }) => params as CredentialEffect);
}

/** Orders that follow from where the credential stands, whatever brought it there. */
function owedTo(
  before: CredentialRecord,
  after: CredentialRecord,
  event: CredentialEvent,
): CredentialEffect[] {
  const effects: CredentialEffect[] = [];
  const at = wakeAt(after, certainOf(event));
  // A wake-up that has come is gone: it is set anew even where the instant is the same.
  const hasCome = event.type === "expiry.due" || event.type === "window.opened";
  if (hasCome || at !== wakeAt(before, certainOf(event))) effects.push({ type: "wakeAt", at });
  if (mayGo(after) && (event.type === "forget" || !mayGo(before))) effects.push({ type: "leaveTombstone" });
  return effects;
}

/** Nobody keeps it any more, and nothing of it opens a door. */
function mayGo({ state, context }: CredentialRecord): boolean {
  return context.forgotten && (state === "invalidated" || state === "deleted") && !mayOpen(context);
}

/** The first record of a credential. */
export function newCredentialRecord(first: {
  readonly issuance: Issuance;
  readonly desired: Desired;
  /** Epoch ms that has surely passed. */
  readonly at: number;
}): CredentialRecord {
  const { issuance, desired, at } = first;
  const isWanted = issuance === "automatic" && isWantedAt(desired, { at });
  return {
    version: RECORD_VERSION,
    issuance,
    state: isWanted ? "issuing" : "waiting_to_be_issued",
    context: {
      desired,
      denied: null,
      forgotten: false,
      generation: 0,
      issued: null,
      cards: [],
      doubt: null,
      job: null,
      why: null,
      since: at,
      lagging: [],
    },
  };
}
