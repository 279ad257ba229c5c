import type { InventoryLock } from "#src/domain/inventory";
import type { SeamEventType } from "#src/domain/seam/event";
import type { JsonObject } from "#src/lib/json";
import type { EngineDeps } from "../engine-deps.js";
import { happened } from "../keypads/lock-facts.js";
import type { Cause, EngineTransaction } from "../transaction.js";

interface News {
  readonly lock: InventoryLock;
  readonly type: SeamEventType;
  readonly more: JsonObject;
}

/** Beyond it the oldest are dropped: a full disk closes no door, and takes no memory without end. */
const NEWS_MAX = 1_000;

/** What happened at doors, told once it can be stored. */
export class DoorNews {
  readonly #deps: EngineDeps;
  readonly #transact: <T>(cause: Cause, work: (tx: EngineTransaction) => T) => T;
  #waiting: News[] = [];
  #dropped = 0;

  constructor(deps: EngineDeps, transact: <T>(cause: Cause, work: (tx: EngineTransaction) => T) => T) {
    this.#deps = deps;
    this.#transact = transact;
  }

  tell(lock: InventoryLock, type: SeamEventType, more: JsonObject): void {
    this.#waiting.push({ lock, type, more });
    if (this.#waiting.length > NEWS_MAX) {
      this.#waiting.shift();
      this.#dropped += 1;
    }
    this.flush();
  }

  /** Stores what waits, if the disk takes it. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    try {
      this.#transact({}, (tx) => {
        for (const { lock, type, more } of this.#waiting) happened(tx, lock, type, more);
      });
    } catch (error) {
      if (this.#waiting.length === 1) {
        this.#deps.log.warn(
          { event: "door.not_recorded", err: error },
          "what happened at a door could not be stored yet",
        );
      }
      return;
    }
    this.#waiting = [];
    if (this.#dropped === 0) return;
    this.#deps.log.warn(
      { event: "door.news_dropped", count: this.#dropped },
      "what happened at doors was lost",
    );
    this.#dropped = 0;
  }
}
