import { type ObservedLock, observedLockSchema } from "#src/domain/observed-lock";
import type { CloudDatabase } from "./database.js";

/** What the gateway said of each lock. */
export class Locks {
  readonly #database: CloudDatabase;

  constructor(database: CloudDatabase) {
    this.#database = database;
  }

  observed(id: string): ObservedLock | null {
    const row = this.#database
      .prepare<[string], { observed: string }>("SELECT observed FROM locks WHERE id = ?")
      .get(id);
    return row === undefined ? null : observedLockSchema.parse(JSON.parse(row.observed));
  }

  observe(id: string, observed: ObservedLock): void {
    this.#database
      .prepare(
        "INSERT INTO locks (id, observed) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET observed = excluded.observed",
      )
      .run(id, JSON.stringify(observed));
  }
}
