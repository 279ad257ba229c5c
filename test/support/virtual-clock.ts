import type { Clock } from "#src/lib/deadline";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that moves only when told. `until` moves it just as far as a promise needs. */
export class VirtualClock implements Clock {
  #elapsed = 0;
  #wallOffset: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startAt = Date.parse("2026-11-22T14:00:00Z")) {
    this.#wallOffset = startAt;
  }

  now(): number {
    return this.#wallOffset + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  startTimer(ms: number, fire: () => void): () => void {
    const timer = { at: this.#elapsed + Math.max(0, ms), order: this.#order++, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers still running. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Sets the wall clock without moving time: a jump. */
  jumpTo(wall: number): void {
    this.#wallOffset = wall - this.#elapsed;
  }

  /** Moves time by `ms`, firing what is due in order and letting promises settle between. */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms;
    await this.settle();
    for (let next = this.#next(); next !== undefined && next.at <= target; next = this.#next()) {
      await this.#fire(next);
    }
    this.#elapsed = target;
    await this.settle();
  }

  /** The process stood still for `ms`, as when stopped by a signal: what was due meanwhile fires late, once. */
  async leap(ms: number): Promise<void> {
    this.#elapsed += ms;
    await this.advance(0);
  }

  /** Moves time until `work` settles, at most `msMax`. Rejects when it does not settle in that time. */
  async until<T>(work: Promise<T>, { msMax }: { readonly msMax: number }): Promise<T> {
    const outcome = { isSettled: false };
    const done = () => (outcome.isSettled = true);
    work.then(done, done);
    const target = this.#elapsed + msMax;
    await this.settle();
    while (!outcome.isSettled) {
      const next = this.#next();
      if (next === undefined) {
        await this.settle();
        if (this.#next() === undefined && !(await settledBy(work))) {
          throw new Error("nothing is waiting for time, and the work does not settle");
        }
        continue;
      }
      if (next.at > target) throw new Error(`not settled within ${msMax} ms of virtual time`);
      await this.#fire(next);
    }
    return work;
  }

  /** Lets every promise and every I/O callback that is ready run. */
  protected async settle(): Promise<void> {
    for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (
        first === undefined ||
        timer.at < first.at ||
        (timer.at === first.at && timer.order < first.order)
      ) {
        first = timer;
      }
    }
    return first;
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers.delete(timer);
    this.#elapsed = Math.max(this.#elapsed, timer.at);
    timer.fire();
    await this.settle();
  }
}

/** Real I/O (a pty, a socket) needs no virtual time but some real time: gives it up to two seconds. */
async function settledBy(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), 2_000);
  });
  const settled = work.then(
    () => true,
    () => true,
  );
  const answer = await Promise.race([settled, tooLate]);
  clearTimeout(timer);
  return answer;
}
