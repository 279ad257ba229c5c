import {
  type LockSettings,
  lockSettingsSchema,
  type ObservedLock,
  observedLockSchema,
} from "#src/domain/observed-lock";
import type { CloudDatabase } from "./database.js";

interface LockRow {
  observed: string | null;
  settings: string | null;
}

/** What the gateway said of each lock, and what apps set on it here. */
export class Locks {
  readonly #database: CloudDatabase;

  constructor(database: CloudDatabase) {
    this.#database = database;
  }

  observed(id: string): ObservedLock | null {
    const text = this.#row(id)?.observed ?? null;
    return text === null ? null : observedLockSchema.parse(JSON.parse(text));
  }

  /** `seenAt`: since when the lock is known, epoch ms. */
  settings(id: string, seenAt: number): LockSettings {
    const text = this.#row(id)?.settings ?? null;
    return text === null
      ? { createdAt: seenAt, name: null, customMetadata: {}, codeLengths: null, isPoolEnabled: false }
      : lockSettingsSchema.parse(JSON.parse(text));
  }

  observe(id: string, observed: ObservedLock): void {
    this.#put("observed", id, observed);
  }

  save(id: string, settings: LockSettings): void {
    this.#put("settings", id, settings);
  }

  #row(id: string): LockRow | undefined {
    return this.#database
      .prepare<[string], LockRow>("SELECT observed, settings FROM locks WHERE id = ?")
      .get(id);
  }

  #put(column: keyof LockRow, id: string, value: object): void {
    this.#database
      .prepare(
        `INSERT INTO locks (id, ${column}) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET ${column} = excluded.${column}`,
      )
      .run(id, JSON.stringify(value));
  }
}
