import type { Clock } from "#src/lib/deadline";
import type { CodeNews } from "./events.js";

/** A lock tells of a change some seconds after it was made, at the latest. */
const LATE_MS = 10_000;

interface Order {
  readonly slot: number;
  readonly change: "added" | "deleted";
  /** null: still under way. */
  until: number | null;
  /** Reports that this order explains, each once. */
  readonly explains: Set<CodeNews["change"]>;
  isDuplicate: boolean;
}

/** An order under way, as the caller sees it. */
export interface OwnChange {
  /** The lock said that this code is in another slot already, or is its master code. */
  readonly isDuplicate: boolean;
  end(isDone: boolean): void;
}

/**
 * Tells our own changes from those that somebody made at the lock: a report is ours when an order for this slot is under
 * way or ended just now, and it was not explained by that order before. A report without a slot is taken for the oldest
 * such order.
 */
export class OwnChanges {
  readonly #clock: Clock;
  #orders: Order[] = [];
  readonly #reading: number[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(slot: number, change: "added" | "deleted"): OwnChange {
    const order: Order = {
      slot,
      change,
      until: null,
      // Some locks tell a code that is replaced as deleted and added.
      explains: new Set(change === "added" ? ["added", "deleted", "duplicate"] : ["deleted"]),
      isDuplicate: false,
    };
    this.#orders.push(order);
    return {
      get isDuplicate() {
        return order.isDuplicate;
      },
      end: (isDone) => {
        order.until = this.#clock.monotonic() + LATE_MS;
        // What a lock refused it does not tell as done, and what it did not as refused; if it does, that is news.
        if (isDone) order.explains.delete("duplicate");
        else order.explains.clear();
      },
    };
  }

  /** The slot is being read: what the library notes of it meanwhile is no news. The returned function ends it. */
  beginReading(slot: number): () => void {
    this.#reading.push(slot);
    return () => void this.#reading.splice(this.#reading.indexOf(slot), 1);
  }

  /** Is this driver doing something with this slot just now? */
  isUnderWay(slot: number): boolean {
    return (
      this.#reading.includes(slot) ||
      this.#orders.some((order) => order.slot === slot && order.until === null)
    );
  }

  explain({ change, slot }: CodeNews): boolean {
    const now = this.#clock.monotonic();
    this.#orders = this.#orders.filter(({ until }) => until === null || now < until);
    const orders = this.#orders.filter(
      (order) => (slot === null || order.slot === slot) && order.explains.has(change),
    );
    const order = orders.find((candidate) => candidate.change === change) ?? orders[0];
    if (order === undefined) return false;
    order.explains.delete(change);
    if (change === "duplicate") order.isDuplicate = true;
    return true;
  }
}
