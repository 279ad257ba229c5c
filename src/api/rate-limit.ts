import type { Clock } from "#src/lib/deadline";

export interface Rate {
  /** Requests a second, in the long run. */
  readonly perSecond: number;
  /** So many may come at once after a rest. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  /** Monotonic ms. */
  at: number;
}

const KEYS_MAX = 10_000;

/** Counts requests by key, in a bucket for each: what a key does not use it saves up, to a limit. */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #clock: Clock;
  /** In the order in which the keys were used last. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate, clock: Clock) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Milliseconds until this key may ask again; 0: it may now, and has. */
  take(key: string): number {
    const { perSecond, burst } = this.#rate;
    const now = this.#clock.monotonic();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    this.#buckets.delete(key);
    // Whoever asked longest ago has most likely saved up everything again: nothing is lost with it.
    if (this.#buckets.size >= KEYS_MAX) this.#forgetOldest();
    this.#buckets.set(key, bucket);
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1_000) * perSecond);
    bucket.at = now;
    if (bucket.tokens < 1) return ((1 - bucket.tokens) / perSecond) * 1_000;
    bucket.tokens -= 1;
    return 0;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      this.#buckets.delete(key);
      return;
    }
  }
}
