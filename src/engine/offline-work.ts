import type { EngineDeps } from "./engine-deps.js";

/** Running time is kept this often, so that a stop or a crash forgets no more than that of it. */
const KEEP_EVERY_MS = 60_000;

export interface OfflineUse {
  /** When the cloud went, as well as that is known; null while it is there. */
  readonly since: number | null;
  /** How long it has been away, milliseconds. */
  readonly ms: number;
  /** Cards written since then. */
  readonly keys: number;
}

/**
 * How much the site may do without the cloud: so many hours since the last welcome and so many cards since then.
 * Objects the cloud has not ruled on count even while it is there. Revoking, scanning and erasing need no limit.
 *
 * The hours are those that have surely passed, or those the daemon ran, whichever are more: a wall clock that jumps
 * neither ends the work of the desk nor prolongs it.
 */
export class OfflineWork {
  readonly #deps: EngineDeps;
  #isOnline = false;
  /** Monotonic instant up to which the running time is kept. */
  #keptAt: number;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
    this.#keptAt = deps.clock.monotonic();
  }

  /** Until the first welcome the gateway is offline: since now, unless an earlier run already was. */
  start(): void {
    if (this.used().since === null) this.#begin();
  }

  /** The cloud's application said welcome, or is still away. Call it every few seconds. */
  setOnline(isOnline: boolean): void {
    if (isOnline === this.#isOnline) {
      if (!isOnline) this.#keepRunningTime();
      return;
    }
    if (isOnline) this.#end();
    else this.#begin();
    this.#isOnline = isOnline;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  /** The cloud has everything this site did: what was written until now is accounted for. */
  accountedFor(): void {
    if (this.#isOnline && this.used().keys > 0) this.#deps.store.meta.set("offline_keys", 0);
  }

  /** Why no card may be written now, or null. Call it inside the intent's transaction. */
  refusal(isProvisional: boolean): string | null {
    const limit = this.#deps.offline;
    if (limit === null || !this.#counts(isProvisional)) return null;
    const { ms, keys } = this.used();
    if (keys >= limit.keys) {
      return `the offline limit of ${limit.keys} cards is used up: connect the gateway to its cloud [offline_limit]`;
    }
    if (ms > limit.ms) {
      return `the cloud has been away for longer than ${Math.round(limit.ms / 3_600_000)} h: connect the gateway to its cloud [offline_limit]`;
    }
    return null;
  }

  /** Counts a card about to be written. Call it inside the intent's transaction. */
  countKey(isProvisional: boolean): void {
    if (this.#deps.offline === null || !this.#counts(isProvisional)) return;
    this.#deps.store.meta.set("offline_keys", this.used().keys + 1);
  }

  used(): OfflineUse {
    const since = this.#number("offline_since");
    return { since, ms: since === null ? 0 : this.#awayMs(), keys: this.#number("offline_keys") ?? 0 };
  }

  #counts(isProvisional: boolean): boolean {
    return !this.#isOnline || isProvisional;
  }

  #awayMs(): number {
    const ranMs = (this.#number("offline_ran_ms") ?? 0) + this.#deps.clock.monotonic() - this.#keptAt;
    const certainThen = this.#number("offline_certain") ?? 0;
    // Without a floor nothing was certain then, and nothing can be said of the time between the runs.
    return certainThen === 0 ? ranMs : Math.max(ranMs, this.#deps.time.read().certain - certainThen);
  }

  #begin(): void {
    const { store, time, clock } = this.#deps;
    const { now, certain } = time.read();
    store.transaction(() => {
      store.meta.set("offline_since", now);
      store.meta.set("offline_certain", certain);
      store.meta.set("offline_ran_ms", 0);
    });
    this.#keptAt = clock.monotonic();
  }

  #end(): void {
    const { store } = this.#deps;
    store.transaction(() => {
      store.meta.set("offline_since", null);
      store.meta.set("offline_keys", 0);
    });
  }

  #keepRunningTime(): void {
    const { store, clock } = this.#deps;
    const ranMs = clock.monotonic() - this.#keptAt;
    if (ranMs < KEEP_EVERY_MS || this.#number("offline_since") === null) return;
    store.meta.set("offline_ran_ms", (this.#number("offline_ran_ms") ?? 0) + ranMs);
    this.#keptAt = clock.monotonic();
  }

  #number(name: string): number | null {
    const value = this.#deps.store.meta.get(name);
    return typeof value === "number" ? value : null;
  }
}
