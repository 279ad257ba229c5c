import type { Clock } from "#src/lib/deadline";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

const STARTS_AT = Date.parse("2026-11-22T14:00:00Z");

/**
 * The time of the simulated world; the cloud's clock is always right. Nothing in the simulation waits for real I/O, so
 * one turn of the event loop lets everything settle.
 */
export class Timeline implements Clock {
  #elapsed = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();
  /** What a timer threw: in a daemon, the end of the process. */
  onError: (error: unknown) => void = (error) => {
    throw error;
  };

  now(): number {
    return STARTS_AT + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  startTimer(ms: number, fire: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, Math.ceil(ms)), order: this.#order++, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(); next !== undefined && next.at <= target; next = this.#next()) {
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      try {
        next.fire();
      } catch (error) {
        this.onError(error);
      }
      await settle();
    }
    this.#elapsed = target;
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer;
    }
    return first;
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What the site's wall clock says beside the truth, and whether the system vouches for it. */
export interface Wall {
  aheadMs: number;
  isTrusted: boolean;
}

/** The clock of one run of the daemon: its timers die with it, its monotonic time begins with it. */
export class LifeClock implements Clock {
  readonly #timeline: Timeline;
  readonly #wall: Wall;
  readonly #bornAt: number;
  readonly #cancels = new Set<() => void>();
  #isAlive = true;

  constructor(timeline: Timeline, wall: Wall) {
    this.#timeline = timeline;
    this.#wall = wall;
    this.#bornAt = timeline.monotonic();
  }

  now(): number {
    return this.#timeline.now() + this.#wall.aheadMs;
  }

  monotonic(): number {
    return this.#timeline.monotonic() - this.#bornAt;
  }

  startTimer(ms: number, fire: () => void): () => void {
    if (!this.#isAlive) return () => undefined;
    const cancel = this.#timeline.startTimer(ms, () => {
      this.#cancels.delete(cancel);
      fire();
    });
    this.#cancels.add(cancel);
    return () => {
      this.#cancels.delete(cancel);
      cancel();
    };
  }

  die(): void {
    this.#isAlive = false;
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
  }
}
