import type { CardTechnology, Unit } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import type { LineDevice } from "#test/support/memory-line";

export type Capability = Exclude<keyof Unit, "key">;

/** A simulated device on the bench: its end of the line, and the hand that lays cards on it. */
export interface RigDevice extends LineDevice {
  /** How often a card, a slot, a lock or a door was really changed. */
  readonly changes: number;
  /** Lays one more blank card on the card writer. */
  putCard?(technology: CardTechnology): void;
  takeCards?(): void;
  /** Lays a blank card into the key issuer. */
  putIssuerCard?(): void;
}

/**
 * How one driver is put on the bench: `drivers/<id>/conformance.ts` exports it as `rig`. Every capability that the
 * simulated device has is listed; a case that needs another one is skipped.
 */
export interface DriverRig {
  /** What stands under the device in the configuration. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly capabilities: readonly Capability[];
  /** Kinds of card that `putCard` can lay down; empty without a card writer. */
  readonly cards: readonly CardTechnology[];
  /** Cases that this device cannot be put to: id → reason. */
  readonly exempt: Readonly<Record<string, string>>;
  plugIn(clock: Clock): RigDevice;
}
