import type { ObjectKind } from "#src/domain/spec";
import type { ObjectRow } from "#src/engine/ports";
import { frozen } from "#src/lib/frozen";
import type { Connection } from "./connection.js";

/** Rows of a generation; there are two. What some hundred rooms have in use: a few megabytes. */
const GENERATION = 2_000;

/**
 * Objects as they were read last, so that what is asked for again and again is not read, parsed and checked again.
 * Nobody else writes to the file; whoever writes a row here says so, and what an undone transaction said is forgotten.
 * A row with a PIN is never kept: PINs lie open in memory no longer than a call needs them.
 */
export class RowMemory {
  readonly #connection: Pick<Connection, "rollbacks">;
  #young = new Map<string, ObjectRow>();
  /** Rows that were not asked for since the young ones began: the next to be forgotten, unless they are. */
  #old = new Map<string, ObjectRow>();
  #rollbacks: number;

  constructor(connection: Pick<Connection, "rollbacks">) {
    this.#connection = connection;
    this.#rollbacks = connection.rollbacks;
  }

  get(kind: ObjectKind, id: string): ObjectRow | undefined {
    this.#forgetUndone();
    const key = keyOf(kind, id);
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.#add(key, old);
    return old;
  }

  /** Keeps a row that was just read or written. It is frozen, for it is handed out more than once. */
  keep(row: ObjectRow): void {
    if (row.code !== null) return;
    this.#forgetUndone();
    this.#add(keyOf(row.kind, row.id), frozen(row));
  }

  forget(kind: ObjectKind, id: string): void {
    const key = keyOf(kind, id);
    this.#young.delete(key);
    this.#old.delete(key);
  }

  #add(key: string, row: ObjectRow): void {
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, row);
  }

  #forgetUndone(): void {
    if (this.#rollbacks === this.#connection.rollbacks) return;
    this.#young.clear();
    this.#old.clear();
    this.#rollbacks = this.#connection.rollbacks;
  }
}

function keyOf(kind: ObjectKind, id: string): string {
  return `${kind} ${id}`;
}
