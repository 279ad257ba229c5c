import type { EngineDeps } from "./engine-deps.js";

/**
 * How much the site may do without the cloud: so many hours since the last welcome and so many cards since then.
 * Objects the cloud has not ruled on count even while it is there. Revoking, scanning and erasing need no limit.
 */
export class OfflineWork {
  readonly #deps: EngineDeps;
  #isOnline = false;

  constructor(deps: EngineDeps) {
    this.#deps = deps;
  }

  /** Until the first welcome the gateway is offline: since now, unless an earlier run already was. */
  start(): void {
    if (this.used().since === null) this.#deps.store.meta.set("offline_since", this.#deps.time.read().now);
  }

  /** The cloud's application said welcome, or went. */
  setOnline(isOnline: boolean): void {
    if (isOnline === this.#isOnline) return;
    const { store, time } = this.#deps;
    store.transaction(() => {
      store.meta.set("offline_since", isOnline ? null : time.read().now);
      if (isOnline) store.meta.set("offline_keys", 0);
    });
    this.#isOnline = isOnline;
  }

  /** Why no card may be written now, or null. Call it inside the intent's transaction. */
  refusal(isProvisional: boolean): string | null {
    const limit = this.#deps.offline;
    if (limit === null || !this.#counts(isProvisional)) return null;
    const { since, keys } = this.used();
    if (keys >= limit.keys) {
      return `the offline limit of ${limit.keys} cards is used up: connect the gateway to its cloud [offline_limit]`;
    }
    if (since !== null && this.#deps.time.read().now - since > limit.ms) {
      return `the cloud has been away for longer than ${Math.round(limit.ms / 3_600_000)} h: connect the gateway to its cloud [offline_limit]`;
    }
    return null;
  }

  /** Counts a card about to be written. Call it inside the intent's transaction. */
  countKey(isProvisional: boolean): void {
    if (this.#deps.offline === null || !this.#counts(isProvisional)) return;
    this.#deps.store.meta.set("offline_keys", this.used().keys + 1);
  }

  #counts(isProvisional: boolean): boolean {
    return !this.#isOnline || isProvisional;
  }

  used(): { readonly since: number | null; readonly keys: number } {
    const { meta } = this.#deps.store;
    const since = meta.get("offline_since");
    const keys = meta.get("offline_keys");
    return { since: typeof since === "number" ? since : null, keys: typeof keys === "number" ? keys : 0 };
  }
}
