import type { Effect } from "#src/lib/effect";

/** What a driver can fail with, and what the caller may do about it. The list is closed. */
export const DRIVER_ERRORS = {
  /** The line is gone: unplugged, port closed, process at the other end died. */
  "device.lost": "reopen",
  /** The device did not answer within its time, after the resends its protocol allows. */
  "device.silent": "reopen",
  /** One unit of the device does not answer, and the others do. */
  "unit.silent": "report",
  /** What came back is not an answer of this protocol. */
  "reply.malformed": "reopen",
  /** The device answers, but is not what the configuration says. */
  "device.wrong": "report",
  "device.busy": "retry",
  /** The device understood and said no. */
  "device.refused": "report",
  /** The vendor's server behind the device cannot be reached. */
  "server.unreachable": "reopen",
  /** The caller's signal aborted. */
  "call.cancelled": "drop",
  /** No card in time, or the card that was there is gone. */
  "card.absent": "ask-operator",
  /** More than one card on the antenna. */
  "card.several": "ask-operator",
  /** This card cannot take that content: wrong technology, wrong keys, locked. */
  "card.unwritable": "ask-operator",
  /** Another card than the one that was seen. */
  "card.swapped": "ask-operator",
} as const satisfies Record<string, "retry" | "reopen" | "ask-operator" | "report" | "drop">;

export type DriverErrorCode = keyof typeof DRIVER_ERRORS;

export type { Effect } from "#src/lib/effect";

/** The only error a driver throws. Its message never holds a PIN, a key or card content. */
export class DriverError extends Error {
  override readonly name = "DriverError";
  readonly code: DriverErrorCode;
  readonly effect: Effect;

  constructor(code: DriverErrorCode, effect: Effect, message: string, cause?: unknown) {
    super(`${message} [${code}]`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.effect = effect;
  }
}
