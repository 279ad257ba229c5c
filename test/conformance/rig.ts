import type { CardTechnology, KeypadLock, Unit } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import type { LineDevice } from "#test/support/memory-line";

/** What a unit can do; the two kinds of keypad lock are told apart, and what a lock may have besides. */
export type Capability =
  | Exclude<keyof Unit, "key" | "keypadLock">
  | `keypadLock:${KeypadLock["codes"] | "schedule" | "checksum" | "readState"}`;

export function capabilitiesOf(unit: Unit): readonly Capability[] {
  const { cardWriter, stripeWriter, keyIssuer, cardReader, signals, keypadLock } = unit;
  const plain = Object.entries({ cardWriter, stripeWriter, keyIssuer, cardReader, signals } as const);
  const present = plain.filter(([, capability]) => capability !== undefined);
  const names = present.map(([name]) => name as Exclude<Capability, `keypadLock:${string}`>);
  if (keypadLock === undefined) return names;
  const besides = (["schedule", "checksum", "readState"] as const).filter((name) => name in keypadLock);
  return [...names, ...[keypadLock.codes, ...besides].map((name) => `keypadLock:${name}` as const)];
}

/** A simulated device on the bench: its end of the line, and the hand at it. */
export interface RigDevice extends LineDevice, RigHand {
  /** How often a card, a slot, a lock or a door was really changed. */
  readonly changes: number;
}

/** What people and things around the device do. Whatever is left out exempts the cases that need it, with a reason. */
export interface RigHand {
  /** Lays one more blank card on the card writer. */
  readonly putCard?: (technology: CardTechnology) => void;
  readonly takeCards?: () => void;
  /** From now on a hand pulls one and the same stripe, blank at first, through whenever the device waits; or no hand does. */
  readonly holdStripe?: (isHeld: boolean) => void;
  /** So many more pulls go wrong. */
  readonly pullBadly?: (times: number) => void;
  /** Lays a blank card into the key issuer. */
  readonly putIssuerCard?: () => void;
  /** Types at the first keypad that leaves the decision to the gateway, and ends the entry as people do there. */
  readonly pressKeys?: (keys: string) => void;
  /** Types a code at the first lock that holds its codes itself. */
  readonly useCode?: (code: string) => void;
  /** Its locks take no window from now on, or do again. */
  readonly refuseWindows?: (isRefusing: boolean) => void;
  /** Holds a card of 26 bits to the first card reader. Bits most significant first, left-justified in four bytes. */
  readonly holdCard?: (bits: Uint8Array) => void;
  /** The device says that it is busy, so many times. */
  readonly beBusy?: (times: number) => void;
  /** The server behind the key issuer goes away, or comes back. */
  readonly setServerAway?: (isAway: boolean) => void;
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
  /**
   * `real`: a library with timers of its own does the work, so no clock can be held still; and so many units are waited
   * for after an opening.
   */
  readonly time?: { readonly is: "real"; readonly units: number };
  /** Cases that this device cannot be put to: id → reason. */
  readonly exempt: Readonly<Record<string, string>>;
  plugIn(clock: Clock): RigDevice;
}
