import type { ObjectKind } from "#src/domain/spec";
import type { ObjectRow } from "#src/engine/ports";
import { frozen } from "#src/lib/frozen";
import { Remembered } from "#src/lib/remembered";
import type { Connection } from "./connection.js";

/** What some hundred rooms have in use: a few megabytes. */
const ROWS_MAX = 4_000;

/**
 * Objects as they were read last, so that what is asked for again and again is not read, parsed and checked again.
 * Nobody else writes to the file; whoever writes a row here says so, and what an undone transaction said is forgotten.
 * A row with a PIN is never kept: PINs lie open in memory no longer than a call needs them.
 */
export class RowMemory {
  readonly #connection: Pick<Connection, "rollbacks">;
  readonly #rows = new Remembered<ObjectRow>(ROWS_MAX);
  #rollbacks: number;

  constructor(connection: Pick<Connection, "rollbacks">) {
    this.#connection = connection;
    this.#rollbacks = connection.rollbacks;
  }

  get(kind: ObjectKind, id: string): ObjectRow | undefined {
    this.#forgetUndone();
    return this.#rows.get(keyOf(kind, id));
  }

  /** Keeps a row that was just read or written. It is frozen, for it is handed out more than once. */
  keep(row: ObjectRow): void {
    if (row.code !== null) return;
    this.#forgetUndone();
    this.#rows.set(keyOf(row.kind, row.id), frozen(row));
  }

  forget(kind: ObjectKind, id: string): void {
    this.#rows.delete(keyOf(kind, id));
  }

  #forgetUndone(): void {
    if (this.#rollbacks === this.#connection.rollbacks) return;
    this.#rows.clear();
    this.#rollbacks = this.#connection.rollbacks;
  }
}

function keyOf(kind: ObjectKind, id: string): string {
  return `${kind} ${id}`;
}
