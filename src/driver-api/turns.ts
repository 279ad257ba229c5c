import type { Attempt } from "./attempt.js";

/**
 * Whose turn it is on a line that does one thing at a time, and how everything ends: with the attempt that is
 * cancelled, or with the line.
 */
export class Turns {
  readonly #what: string;
  readonly #life = new AbortController();
  #endedBecause: string | null = null;
  #last: Promise<unknown> = Promise.resolve();

  /** `what` is gone when the line is, for a sentence: "the encoder". */
  constructor(what: string) {
    this.#what = what;
  }

  /** Why nothing more is done; null while the line is there. */
  get endedBecause(): string | null {
    return this.#endedBecause;
  }

  /** Aborts when everything ends. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  /**
   * Waits for its turn, then works until done, cancelled or ended, and leaves no listener. Rejects with `device.lost`
   * or `call.cancelled`, whatever `work` fails with then; else with what it fails with.
   */
  take<T>(attempt: Attempt, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const mine = this.#last.then(() => this.#untilStopped(attempt, work));
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Nothing more is begun, and what is at work is told to stop. */
  end(reason: string): void {
    if (this.#endedBecause !== null) return;
    this.#endedBecause = reason;
    this.#life.abort();
  }

  /** The driver is closed: ends everything and waits until nobody's turn is left. True: the line is still there. */
  async close(): Promise<boolean> {
    const isLineThere = this.#endedBecause === null;
    this.end("the driver was closed");
    await this.#last;
    return isLineThere;
  }

  async #untilStopped<T>(attempt: Attempt, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#assertGoing(attempt);
    const scope = new AbortController();
    const stop = () => scope.abort();
    const causes = [attempt.signal, this.#life.signal];
    for (const cause of causes) cause.addEventListener("abort", stop, { once: true });
    try {
      return await work(scope.signal);
    } catch (error) {
      this.#assertGoing(attempt, error);
      throw error;
    } finally {
      for (const cause of causes) cause.removeEventListener("abort", stop);
    }
  }

  #assertGoing(attempt: Attempt, cause?: unknown): void {
    if (this.#endedBecause !== null)
      throw attempt.failure("device.lost", `${this.#what} is gone: ${this.#endedBecause}`, cause);
    if (attempt.signal.aborted) throw attempt.failure("call.cancelled", "the call was cancelled", cause);
  }
}
