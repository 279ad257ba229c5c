import type { Clock } from "#src/lib/deadline";
import { realClock } from "#src/ops/clock";
import type { Traffic } from "#test/support/traffic";

/** What a case may do with the time of its bench. */
export interface BenchClock extends Clock {
  /** Timers still running. */
  readonly pending: number;
  advance(ms: number): Promise<void>;
  /** Resolves with the work; fails when it takes longer than `msMax`. */
  until<T>(work: Promise<T>, limit: { readonly msMax: number }): Promise<T>;
}

/** Real time, for a driver whose library has timers of its own. It counts the driver's. */
export class PatientClock implements BenchClock {
  readonly #traffic: Traffic;
  #pending = 0;

  /** `until` ends once what the work sent has arrived too. */
  constructor(traffic: Traffic) {
    this.#traffic = traffic;
  }

  get pending(): number {
    return this.#pending;
  }

  now(): number {
    return realClock.now();
  }

  monotonic(): number {
    return realClock.monotonic();
  }

  startTimer(ms: number, fire: () => void): () => void {
    let isOver = false;
    const end = (): void => {
      if (!isOver) this.#pending -= 1;
      isOver = true;
    };
    this.#pending += 1;
    const cancel = realClock.startTimer(ms, () => {
      end();
      fire();
    });
    return () => {
      end();
      cancel();
    };
  }

  advance(ms: number): Promise<void> {
    return new Promise((resolve) => void realClock.startTimer(ms, resolve));
  }

  async until<T>(work: Promise<T>, { msMax }: { readonly msMax: number }): Promise<T> {
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = realClock.startTimer(msMax * SLACK, () => reject(new Error(`not within ${msMax * SLACK} ms`)));
    });
    try {
      const done = await Promise.race([work, late]);
      await this.#traffic.still();
      return done;
    } finally {
      cancel();
    }
  }
}

/** A machine that does other things besides is slower than the wire. */
const SLACK = 2;
