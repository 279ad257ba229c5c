import { DriverError, type Effect } from "#driver-api";
import type { Clock } from "#src/lib/deadline";

/** From open to gone: everybody who asked is told when a line ends, and whatever is under way ends with it. */
export class LineLife {
  readonly #what: string;
  readonly #clock: Clock;
  readonly #release: () => Promise<void>;
  readonly #closeListeners = new Set<(reason: string) => void>();
  readonly #underWay = new Set<(error: DriverError) => void>();
  #lostBecause: string | null = null;
  #released: Promise<void> = Promise.resolve();

  /** `what` is gone when the line is, for a sentence: "the serial line". `release` is called once, and never rejects. */
  constructor(what: string, clock: Clock, release: () => Promise<void>) {
    this.#what = what;
    this.#clock = clock;
    this.#release = release;
  }

  get isOpen(): boolean {
    return this.#lostBecause === null;
  }

  /** As the lines of the driver API have it. */
  onClose(listener: (reason: string) => void): () => void {
    if (this.#lostBecause !== null) {
      listener(this.#lostBecause);
      return () => undefined;
    }
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  /** Throws `device.lost` when the line is gone. */
  assertOpen(): void {
    if (this.#lostBecause !== null) throw this.#lost("none", this.#lostBecause);
  }

  /**
   * Begins a transfer, which may never call back: after an unplug nothing may. It ends as `start` does, or when
   * `signal` aborts, the line is lost, or `ms` milliseconds are over. What comes too late ends the line with the
   * reason `late`, or if that is an error only the transfer; so does what `start` rejects with.
   */
  carry<T>(
    signal: AbortSignal,
    { ms, late }: { readonly ms: number; readonly late: string | DriverError },
    start: () => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) return Promise.reject(cancelled("none"));
    if (this.#lostBecause !== null) return Promise.reject(this.#lost("none", this.#lostBecause));
    return new Promise((resolve, reject) => {
      const settle = () => {
        cancelTimer();
        signal.removeEventListener("abort", onAbort);
        this.#underWay.delete(fail);
      };
      const fail = (error: DriverError) => {
        settle();
        reject(error);
      };
      const end = (why: unknown) => (why instanceof DriverError ? fail(why) : this.lose(textOf(why)));
      const onAbort = () => fail(cancelled("unknown"));
      const cancelTimer = this.#clock.startTimer(ms, () => end(late));
      signal.addEventListener("abort", onAbort, { once: true });
      this.#underWay.add(fail);
      start().then((value) => {
        settle();
        resolve(value);
      }, end);
    });
  }

  lose(reason: string): void {
    if (this.#lostBecause !== null) return;
    this.#lostBecause = reason;
    this.#released = this.#release();
    for (const fail of [...this.#underWay]) fail(this.#lost("unknown", reason));
    const listeners = [...this.#closeListeners];
    this.#closeListeners.clear();
    for (const listener of listeners) listener(reason);
  }

  /** Resolves when the line is released. */
  close(): Promise<void> {
    this.lose("it was closed");
    return this.#released;
  }

  #lost(effect: Effect, reason: string): DriverError {
    return new DriverError("device.lost", effect, `${this.#what} is gone: ${reason}`);
  }
}

export function textOf(error: unknown): string {
  if (typeof error === "string") return error;
  return error instanceof Error && error.message !== "" ? error.message : "no reason given";
}

function cancelled(effect: Effect): DriverError {
  return new DriverError("call.cancelled", effect, "the transfer was cancelled");
}
