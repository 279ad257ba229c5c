import type { Secret } from "#src/lib/secret";
import type { Call } from "./driver.js";

/** How far an inclusion is, for the person who stands at the lock. */
export type InclusionStep =
  /** The stick listens: what must be done at the lock now, its manual says. */
  | "waiting_for_lock"
  /** A lock answered; keys are agreed upon. */
  | "securing"
  /** It belongs to the network, and is asked what it is and which codes it holds. */
  | "interviewing";

/** The person at the lock. Every method may be called at any time until the inclusion has ended. */
export interface InclusionTalk {
  /**
   * The lock shows `dsk` (eight groups of five digits, the first one left out as `-----`) on its label: the first five
   * digits there are asked for. null: the person does not know them, and the lock is not taken.
   */
  askPin(dsk: string): Promise<Secret<string> | null>;
  step(step: InclusionStep): void;
}

export interface InclusionWish {
  /** Text of the lock's SmartStart QR code: the lock joins by itself once it has power, and no PIN is asked for. */
  readonly qrCode?: Secret<string>;
}

export interface IncludedUnit {
  /** Key of the new unit. */
  readonly unit: string;
  readonly model: string;
  /** For a person, such as "S2 Access Control". */
  readonly security: string;
}

/** A device that locks are brought into and taken out of while it runs, such as a radio stick. */
export interface Inclusion {
  /**
   * Takes one lock in and reads all its codes; answers when it can be used. Waits as long as `call.signal` lets it, and
   * then stops listening. Rejects with `device.refused` when the stick refuses, when the PIN is wrong, or when the lock
   * joined without the security that locks need: the message says what to do, and with effect `unknown` the lock has
   * joined and must be excluded first.
   */
  include(wish: InclusionWish, talk: InclusionTalk, call: Call): Promise<IncludedUnit>;
  /**
   * Takes one lock out, whichever answers, also one of another network; answers the key of the unit that went, null when
   * the lock was not of this network. Waits as long as `call.signal` lets it.
   */
  exclude(call: Call): Promise<string | null>;
}
