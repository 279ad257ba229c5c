import type { z } from "zod";
import type { Clock } from "#src/lib/deadline";
import type { Secret } from "#src/lib/secret";
import type { CardWriter, KeyIssuer } from "./card.js";
import type { Inclusion } from "./inclusion.js";
import type { DriverErrorCode } from "./errors.js";
import type { CardReader, KeypadLock, Signals } from "./keypad.js";
import type { HidSettings, Lines, SerialSettings, TransportKind } from "./line.js";
import type { StripeWriter } from "./stripe.js";

/** Every call that waits carries a signal. The caller states the deadline; a driver has none of its own but its protocol's. */
export interface Call {
  readonly signal: AbortSignal;
}

/** Fixed message, data in fields; raw frames never, where a code or a key may be inside. */
export interface DriverLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface DriverContext<K extends TransportKind> {
  readonly line: Lines[K];
  readonly clock: Clock;
  readonly log: DriverLog;
  /**
   * The site's keys for a device or unit that calls itself `id` (hex), 16 bytes each, one a version of the site keys:
   * the one that it should have, then older ones. Empty where the site has no keys; left out where nobody keeps any.
   */
  readonly keys?: (id: string) => Promise<readonly Secret<Uint8Array>[]>;
  /**
   * For a driver that `keepsFiles`: a folder that only this device uses and only this program may read. It outlives
   * restarts; a driver copes with its loss.
   */
  readonly folder?: string;
}

/** One brand. It gets an open line, never a port name; it keeps no global state and registers nothing. */
export interface Driver<Config = unknown, K extends TransportKind = TransportKind> {
  /** The folder's name, and the name used in configuration. */
  readonly id: string;
  readonly transport: K;
  /** Line settings for `transport: "serial"`. */
  readonly serial?: SerialSettings;
  /** Lengths of the reports for `transport: "hid"`. */
  readonly hid?: HidSettings;
  /**
   * Runs in a process of its own, which opens the line itself: for a library that is big, keeps much memory or may take
   * its process down. The driver does not notice: it gets line, clock, log and keys as ever. What it is given and what
   * it answers crosses as plain data, so it is made of plain objects, bytes, maps, `Secret` and functions.
   */
  readonly hosted?: true;
  /** The npm package that it works with, where that is installed only on gateways that need it. */
  readonly library?: string;
  /** Milliseconds that an opening may take, 45 s at most; 15 s unless it is given. For a library that loads for long. */
  readonly opensWithinMs?: number;
  /** Its library keeps files of its own: the driver is given a folder for them. */
  readonly keepsFiles?: true;
  /** Parsed before `open`; holds what lies beside `driver` and `port` under the device in the configuration. */
  readonly config: z.ZodType<Config>;
  /**
   * Starts the conversation and asks the device what it is. Rejects with DriverError: `device.silent` when nothing
   * answers, `device.wrong` when something else does.
   */
  open(config: Config, context: DriverContext<K>, call: Call): Promise<Device>;
}

export interface Identity {
  readonly model: string;
  readonly firmware: string;
  /** The device's own serial number, when its protocol tells one. */
  readonly serial?: string;
}

/** What is wrong with one unit, for the person who must act: what it is, and what to do. */
export interface UnitTrouble {
  readonly unit: string;
  /** Why the unit is not there; null: it works, and somebody should look at it all the same. */
  readonly code: DriverErrorCode | null;
  readonly message: string;
}

/** One open device. The supervisor makes one call at a time; `close` may come at any moment, and twice. */
export interface Device {
  readonly identity: Identity;
  /**
   * Those that can be used now; at least one when it was opened, unless locks can be included. A simple encoder has one,
   * with key `main`. A unit that was away and came back is the same object: whoever listens to it goes on hearing it.
   */
  readonly units: readonly Unit[];
  /** Of its units, those that are not there included. Left out where nothing is ever wrong with one of them alone. */
  readonly troubles?: readonly UnitTrouble[];
  /** Units came or went, or something else is wrong with one. The returned function takes the listener off. */
  onUnitsChange?(listener: () => void): () => void;
  /** Where locks are included and excluded while it runs. */
  readonly inclusion?: Inclusion;
  /** Asks for a sign of life; rejects with DriverError. Cheap: sent when idle. */
  ping(call: Call): Promise<void>;
  /** Never rejects, ends every pending call with `device.lost`, leaves no timer. Does not close the line. */
  close(): Promise<void>;
}

/** One encoder, keypad or lock of a device. A capability is there or it is not. */
export interface Unit {
  readonly key: string;
  readonly cardWriter?: CardWriter;
  readonly stripeWriter?: StripeWriter;
  readonly keyIssuer?: KeyIssuer;
  readonly cardReader?: CardReader;
  readonly keypadLock?: KeypadLock;
  readonly signals?: Signals;
}

/** Keeps the types of one driver together; the list erases them. */
export function defineDriver<Config, K extends TransportKind>(driver: Driver<Config, K>): Driver<Config, K> {
  return driver;
}
