import { stepRow } from "./desired.js";
import type { EngineDeps } from "./engine-deps.js";
import type { EngineTransaction } from "./transaction.js";

/** Rows stepped, and milliseconds spent on it, before other work gets its turn. */
const BATCH = 20;
const BATCH_MS = 8;

export interface SteppingParts {
  readonly deps: EngineDeps;
  readonly transact: <T>(work: (tx: EngineTransaction) => T) => T;
  /** Comes back to this in a later turn. */
  readonly again: () => void;
}

/**
 * Brings objects in line with their newest documents: dirty rows, denials first, a few at a time so that nothing else
 * waits long. A few share a transaction, since waiting for the disk is most of the work.
 */
export class Stepping {
  readonly #parts: SteppingParts;
  #isStepping = false;
  #isDue = false;

  constructor(parts: SteppingParts) {
    this.#parts = parts;
  }

  step(): void {
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      if (this.#stepSome()) this.soon();
    } finally {
      this.#isStepping = false;
    }
  }

  /** Steps when other work has had its turn. */
  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#parts.deps.clock.startTimer(0, () => {
      this.#isDue = false;
      this.#parts.again();
    });
  }

  /** Answers whether there may be more. */
  #stepSome(): boolean {
    const { deps, transact } = this.#parts;
    if (deps.store.objects.dirty(1).length === 0) return false;
    try {
      return transact((tx) => this.#stepUpTo(tx, BATCH));
    } catch {
      // What stands in the line before the one that cannot be stepped is not held up by it.
      return transact((tx) => this.#stepUpTo(tx, 1));
    }
  }

  #stepUpTo(tx: EngineTransaction, most: number): boolean {
    const { deps } = this.#parts;
    const { objects } = deps.store;
    const endsAt = deps.clock.monotonic() + BATCH_MS;
    for (let stepped = 0; stepped < most;) {
      // A step may mark other rows: a user's credentials, whatever waited for what has come.
      const rows = objects.dirty(most - stepped);
      if (rows.length === 0) return false;
      for (const { kind, id } of rows) {
        const current = objects.get(kind, id);
        if (current?.dirty === true) stepRow(deps, tx, current);
        stepped += 1;
        if (deps.clock.monotonic() >= endsAt) return true;
      }
    }
    return true;
  }
}
