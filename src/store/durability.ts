import type { Connection } from "./connection.js";
import { StoreError } from "./store-error.js";

/** `PRAGMA synchronous`: every commit waits until the log is on disk. */
const FULL = 2;

/** Makes a commit mean "on disk", and a deleted value mean "overwritten". */
export function makeDurable(connection: Connection): void {
  if (connection.pragma("journal_mode = WAL") !== "wal")
    throw new StoreError(
      "io",
      `The disk of ${connection.path} cannot keep a write-ahead log. Use a local disk.`,
    );
  // Named, and named after the journal mode: left to itself this build of SQLite syncs such a log at checkpoints only.
  connection.pragma(`synchronous = ${FULL}`);
  connection.pragma("foreign_keys = ON");
  connection.pragma("secure_delete = ON");
  // What a savepoint may have to undo is kept in memory: otherwise a group of changes makes a file for each member.
  connection.pragma("temp_store = MEMORY");
}

/** To be called after the first write: only then does SQLite's own choice show. */
export function assertDurable(connection: Connection): void {
  if (connection.pragma("synchronous") === FULL) return;
  throw new StoreError(
    "io",
    `SQLite does not sync every commit of ${connection.path}, so a power cut could lose acknowledged changes. Install Lockbridge again with the SQLite library it comes with.`,
  );
}
