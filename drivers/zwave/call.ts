import type { ZWaveNode } from "zwave-js";
import { Attempt, type Call, DriverError } from "#driver-api";
import { type Clock, sleep } from "#src/lib/deadline";
import { driverError } from "./failure.js";

/** What a lock needs of the network it is in. */
export interface Surroundings {
  readonly clock: Clock;
  readonly life: AbortSignal;
  assertGoing(): void;
}

/** One call of a lock. The library cannot take back what it was asked; who gave up does not wait for it. */
export class LockCall {
  readonly #surroundings: Surroundings;
  readonly #attempt: Attempt;
  readonly #what: string;

  constructor(surroundings: Surroundings, call: Call, what: string) {
    this.#surroundings = surroundings;
    this.#attempt = new Attempt(call.signal);
    this.#what = what;
    this.#assertGoing();
  }

  /** Asks something that changes nothing. */
  ask<T>(work: () => Promise<T>): Promise<T> {
    return this.#untilStopped(work);
  }

  /** Asks the same, and takes no answer for silence. */
  async answer<T>(work: () => Promise<T | undefined>): Promise<T> {
    const answer = await this.ask(work);
    if (answer !== undefined) return answer;
    throw this.failure("unit.silent", "the lock gave no answer");
  }

  /** Orders something: from now on whatever fails may have happened. */
  order<T>(work: () => Promise<T>): Promise<T> {
    this.#assertGoing();
    this.#attempt.effect = "unknown";
    return this.#untilStopped(work);
  }

  /** The lock itself said, or showed, that nothing changed. */
  nothingHappened(): void {
    this.#attempt.effect = "none";
  }

  async pause(ms: number): Promise<void> {
    await this.#untilStopped(() => {
      const { clock } = this.#surroundings;
      const over = new AbortController();
      const end = (): void => over.abort();
      const ends = [this.#attempt.signal, this.#surroundings.life];
      for (const signal of ends) signal.addEventListener("abort", end, { once: true });
      return sleep(clock, ms, over.signal).finally(() => {
        for (const signal of ends) signal.removeEventListener("abort", end);
      });
    });
  }

  failure(code: "device.refused" | "unit.silent", message: string): DriverError {
    return this.#attempt.failure(code, `${this.#what}: ${message}`);
  }

  #assertGoing(): void {
    const { effect, signal } = this.#attempt;
    if (signal.aborted) throw new DriverError("call.cancelled", effect, `${this.#what}: cancelled`);
    if (effect === "none") this.#surroundings.assertGoing();
    if (this.#surroundings.life.aborted)
      throw new DriverError("device.lost", effect, `${this.#what}: the Z-Wave stick is gone`);
  }

  async #untilStopped<T>(work: () => Promise<T>): Promise<T> {
    this.#assertGoing();
    const ends = [this.#attempt.signal, this.#surroundings.life];
    let stop = (): void => undefined;
    const stopped = new Promise<null>((resolve) => {
      stop = () => resolve(null);
    });
    for (const end of ends) end.addEventListener("abort", stop, { once: true });
    try {
      const working = work();
      working.catch(() => undefined);
      const outcome = await Promise.race([working.then((value) => ({ value })), stopped]);
      if (outcome !== null) return outcome.value;
      this.#assertGoing();
      throw new Error("stopped, and nothing says by whom");
    } catch (error) {
      this.#assertGoing();
      throw driverError(error, this.#attempt.effect, this.#what);
    } finally {
      for (const end of ends) end.removeEventListener("abort", stop);
    }
  }
}

/** A lock that is known not to answer is not asked: that would hold up the others for seconds. */
export function assertAwake(node: ZWaveNode, dead: ZWaveNode["status"]): void {
  if (node.status !== dead) return;
  throw new DriverError("unit.silent", "none", "the lock does not answer; it is asked again every minute");
}
