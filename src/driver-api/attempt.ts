import { DriverError, type DriverErrorCode, type Effect } from "./errors.js";

/** One call of a capability: its signal, and whether the card can have changed since it began. */
export class Attempt {
  readonly signal: AbortSignal;
  effect: Effect = "none";

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  failure(code: DriverErrorCode, message: string, cause?: unknown): DriverError {
    return new DriverError(code, this.effect, message, cause);
  }
}
