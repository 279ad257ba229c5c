/**
 * What can keep the store from serving. Every message says what to do; none holds a value from the store.
 *
 * - `wrong_key`: the sealing key is missing, unreadable or belongs to another store.
 * - `damaged`: the file is not a store of ours, fails SQLite's check, or holds a row that cannot be read back.
 * - `newer_version`: written by a newer release.
 * - `locked`: another process has it open.
 * - `disk_full`: nothing of the refused transaction is stored, all that was recorded before is.
 * - `io`: the disk failed a read, a write or a sync. What SQLite believes is on disk is then no longer sure.
 */
export const STORE_ERRORS = ["wrong_key", "damaged", "newer_version", "locked", "disk_full", "io"] as const;
export type StoreErrorCode = (typeof STORE_ERRORS)[number];

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** The store at `path` is damaged, as `detail` says. */
export function damaged(path: string, detail: string, cause?: unknown): StoreError {
  return new StoreError(
    "damaged",
    `The store ${path} is damaged or is no Lockbridge store: ${detail}. Stop the daemon, keep a copy of the file and put the latest backup in its place.`,
    cause,
  );
}

export function diskFull(path: string, cause: unknown): StoreError {
  return new StoreError(
    "disk_full",
    `The disk that holds ${path} is full. Nothing that was recorded is lost. Free some space, then try again.`,
    cause,
  );
}

/** The file system or the disk does not serve `path`; `detail` is its error code. */
export function unreachable(path: string, detail: string, cause: unknown): StoreError {
  return new StoreError(
    "io",
    `The store ${path} cannot be read or written (${detail}). Check that its directory exists and belongs to the daemon's user, and check the disk (dmesg); then start the daemon again.`,
    cause,
  );
}

/**
 * What an SQLite result code means for us, or undefined when it speaks of a bug of ours (a broken constraint, bad
 * SQL) and not of the world. See https://www.sqlite.org/rescode.html.
 */
export function fromSqlite(sqliteCode: string, path: string, cause: unknown): StoreError | undefined {
  const [, primary] = sqliteCode.split("_");
  switch (primary) {
    case "BUSY":
    case "LOCKED":
      return new StoreError(
        "locked",
        `Another process has the store ${path} open. Stop the other Lockbridge daemon, then start this one again.`,
        cause,
      );
    case "FULL":
      return diskFull(path, cause);
    case "CORRUPT":
    case "NOTADB":
    case "FORMAT":
      return damaged(path, `SQLite says ${sqliteCode}`, cause);
    case "IOERR":
    case "CANTOPEN":
    case "READONLY":
    case "PERM":
    case "NOLFS":
    case "PROTOCOL":
    case "NOMEM":
      return unreachable(path, sqliteCode, cause);
    default:
      return undefined;
  }
}
