import { DriverError, type Unit } from "#driver-api";
import type { CardState } from "#src/cards/card-state";
import type { PlanRefusal, WantedCard } from "#src/cards/plan";
import type { CardProfile } from "#src/cards/profile";
import type { EngineDeps } from "./engine-deps.js";
import { type Job, JobEnd, type Jobs } from "./jobs.js";

/** A card at the encoder, and what was read from it: one that lies there, or one that is pulled through. */
export interface CardOnEncoder {
  /** What the card is known by, lower-case hex. */
  readonly uid: string;
  readonly profile: CardProfile;
  readonly state: CardState;
  /** What makes the wanted card of it. Only what is blank or ours is ever written. */
  planWrite(wanted: WantedCard): CardWork;
  /** What leaves it as it was delivered. */
  planErase(): CardWork;
}

export type CardWork =
  | {
      readonly ok: true;
      /** There is nothing to do: the card is so already. */
      readonly isNothing: boolean;
      /**
       * Does it and reads the card as a lock would; says its steps. Rejects, with effect `unknown`, when the card does
       * not hold what was written: what the encoder answered proves nothing.
       */
      perform(): Promise<void>;
    }
  | { readonly ok: false; readonly refusal: PlanRefusal; readonly message: string };

export interface CardSession {
  readonly deps: EngineDeps;
  readonly jobs: Jobs;
  readonly job: Job;
  readonly unit: Unit;
}

/** Why a card cannot be made, or made blank; the code says whether another card would help. */
export function notPlanned({ refusal, message }: Extract<CardWork, { ok: false }>): JobEnd {
  const isTheCards = refusal === "card_foreign" || refusal === "card_locked";
  const isTheSites = refusal === "no_keys" || refusal === "issuer" || refusal === "key_version";
  const code = isTheCards ? "card.unwritable" : isTheSites ? "no_keys" : refusal;
  return new JobEnd("incompatible_card_format", `${message} [${code}]`);
}

/**
 * A failure to read says that reading changed nothing. But the card was written before, and nobody knows what is on
 * it until it is read.
 */
export function unread(error: unknown): never {
  if (!(error instanceof DriverError) || error.effect === "unknown") throw error;
  throw new DriverError(error.code, "unknown", "the card was written but could not be read back", error);
}

export function notAsWritten(what: string): DriverError {
  return new DriverError("card.unwritable", "unknown", what);
}
