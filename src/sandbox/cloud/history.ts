import type { Epoch } from "#src/cloud/wire";
import type { CloudDatabase } from "./database.js";

/**
 * Which history of the site the cloud tells. A cloud that was restored tells another one than before: its epoch has
 * the next number and a name of its own. What epochs there were is no part of a backup, so that no number comes twice.
 */
export class History {
  readonly #database: CloudDatabase;
  readonly #newId: () => string;
  #epochs: readonly { readonly n: number; readonly id: string; readonly began_at: number }[];

  constructor(database: CloudDatabase, newId: () => string) {
    this.#database = database;
    this.#newId = newId;
    this.#epochs = this.#rows();
    if (this.#epochs.length === 0) this.bump(0);
  }

  get epoch(): Epoch {
    const { n, id } = this.#epochs.at(-1) ?? { n: 0, id: "" };
    return { n, id };
  }

  /** Begins a history that is no continuation of any told so far. `seen`: the highest number that anybody knows of. */
  bump(head: number, seen = 0): void {
    const n = Math.max(this.epoch.n, seen) + 1;
    this.#database
      .prepare("INSERT INTO epochs (n, id, began_at) VALUES (?, ?, ?)")
      .run(n, this.#newId(), head);
    this.#epochs = this.#rows();
  }

  /** Up to which rev is what was known at `rev` of epoch `n` a part of the history that is told now? */
  commonRev(n: number, rev: number): number {
    const rows = this.#epochs;
    if (!rows.some((row) => row.n === n)) return 0;
    return Math.min(rev, ...rows.filter((row) => row.n > n).map(({ began_at }) => began_at));
  }

  #rows(): readonly { n: number; id: string; began_at: number }[] {
    return this.#database
      .prepare<[], { n: number; id: string; began_at: number }>(
        "SELECT n, id, began_at FROM epochs ORDER BY n",
      )
      .all();
  }
}
