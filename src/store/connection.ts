import Database from "better-sqlite3";
import { fromSqlite, type StoreError } from "./store-error.js";

export type SqlValue = string | number | Uint8Array | null;
export type SqlParameters = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

export interface ConnectionOptions {
  readonly path: string;
  /** Called once, at the first failure after which nothing here can be trusted. The process must end. */
  readonly onFatal: (error: StoreError) => void;
}

/** A transaction of its own, and one that is a member of a group. */
const ALONE = { begin: "BEGIN IMMEDIATE", commit: "COMMIT", rollBack: ["ROLLBACK"] } as const;
const MEMBER = {
  begin: "SAVEPOINT member",
  commit: "RELEASE member",
  rollBack: ["ROLLBACK TO member", "RELEASE member"],
} as const;

/** How long a second opener waits for the first to let go, as at a quick restart. */
const LOCK_WAIT_MS = 1000;

/**
 * The one connection to the SQLite file, and the only place that turns its failures into ours. SQLite goes on
 * accepting writes after a failed fsync although earlier pages may be lost, so the first failure of that kind is
 * final: every later call throws it again.
 */
export class Connection {
  readonly path: string;
  readonly #database: Database.Database;
  readonly #onFatal: (error: StoreError) => void;
  readonly #statements = new Map<string, Database.Statement>();
  #fatal: StoreError | undefined;
  #inTransaction = false;
  #inGroup = false;
  #rollbacks = 0;
  /** Set when work inside the open transaction failed: it can then only be rolled back. */
  #doom: Error | undefined;
  /** Set when SQLite gave up the whole group by itself, as on a full disk: nothing may follow outside of it. */
  #groupLost: StoreError | undefined;

  constructor({ path, onFatal }: ConnectionOptions) {
    this.path = path;
    this.#onFatal = onFatal;
    this.#database = this.#guard(() => new Database(path, { timeout: LOCK_WAIT_MS }));
  }

  /** Runs a statement that returns no rows; returns how many rows it changed. */
  run(sql: string, parameters: SqlParameters = []): number {
    return this.#guard(() => this.#prepare(sql).run(parameters).changes);
  }

  get(sql: string, parameters: SqlParameters = []): unknown {
    return this.#guard(() => this.#prepare(sql).get(parameters));
  }

  all(sql: string, parameters: SqlParameters = []): unknown[] {
    return this.#guard(() => this.#prepare(sql).all(parameters));
  }

  /** The columns of every row, which takes half as long as objects with their names. */
  rows(sql: string, parameters: SqlParameters = []): unknown[][] {
    // In this mode the library makes nothing else.
    return this.#guard(() => this.#prepare(sql).raw().all(parameters) as unknown[][]);
  }

  /** The first column of every row. */
  column(sql: string, parameters: SqlParameters = []): unknown[] {
    return this.#guard(() => this.#prepare(sql).pluck().all(parameters));
  }

  /** Several statements without parameters: a migration. */
  script(sql: string): void {
    this.#guard(() => this.#database.exec(sql));
  }

  pragma(text: string): unknown {
    return this.#guard(() => this.#database.pragma(text, { simple: true }));
  }

  /**
   * All of `work` or nothing, durable on return unless in a group. A call inside another joins it: if it throws, the
   * whole is rolled back even when the outer work catches that. `work` must not be async: its later statements would
   * run outside.
   */
  transaction<T>(work: () => T): T {
    if (this.#inTransaction) return this.#join(work);
    const { begin, commit, rollBack } = this.#inGroup ? MEMBER : ALONE;
    this.run(begin);
    this.#inTransaction = true;
    try {
      const result = this.#join(work);
      if (this.#doom !== undefined) throw this.#doom;
      this.run(commit);
      return result;
    } catch (error) {
      this.#doom = undefined;
      this.#rollBack(rollBack);
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  /**
   * Transactions that `work` makes share one commit: each is undone alone when it fails, and all are durable when this
   * returns, none before. When this throws, none of them happened.
   */
  group<T>(work: () => T): T {
    if (this.#inGroup || this.#inTransaction) throw new TypeError("a group begins outside of transactions");
    this.run(ALONE.begin);
    this.#inGroup = true;
    try {
      const result = notAwaiting(work());
      this.run(ALONE.commit);
      return result;
    } catch (error) {
      this.#groupLost = undefined;
      this.#rollBack(ALONE.rollBack);
      throw error;
    } finally {
      this.#inGroup = false;
    }
  }

  get isInTransaction(): boolean {
    return this.#inTransaction;
  }

  /** How many transactions were undone. What was remembered of the file before the newest of them may be wrong. */
  get rollbacks(): number {
    return this.#rollbacks;
  }

  /** After a fatal failure the file is left as it is: what SQLite would tidy up can no longer be trusted. */
  close(): void {
    if (this.#fatal === undefined) this.#guard(() => this.#database.close());
  }

  #join<T>(work: () => T): T {
    try {
      return notAwaiting(work());
    } catch (error) {
      this.#doom ??= error instanceof Error ? error : new Error("the transaction failed", { cause: error });
      throw error;
    }
  }

  /** SQLite itself has already rolled back after some failures, a full disk among them. */
  #rollBack(statements: readonly string[]): void {
    this.#rollbacks += 1;
    if (this.#fatal !== undefined || !this.#database.inTransaction) return;
    for (const statement of statements) this.run(statement);
  }

  /**
   * The texts are few and fixed, so every one is compiled once and kept. SQLite looks at a bound LIMIT to plan by it, and
   * compiles the statement anew whenever it is bound again, which takes ten times as long as to run it: texts say
   * `LIMIT ? + 0`, which it does not look into.
   */
  #prepare(sql: string): Database.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #guard<T>(call: () => T): T {
    if (this.#fatal !== undefined) throw this.#fatal;
    if (this.#groupLost !== undefined) throw this.#groupLost;
    if (this.#doom !== undefined) throw this.#doom;
    try {
      return call();
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #translate(error: unknown): unknown {
    if (!(error instanceof Database.SqliteError)) return error;
    const failure = fromSqlite(error.code, this.path, error);
    if (failure === undefined) return error;
    if (failure.code === "io" || failure.code === "damaged") {
      this.#fatal = failure;
      this.#onFatal(failure);
      return failure;
    }
    if (this.#inTransaction) this.#doom = failure;
    if (this.#inGroup && !this.#database.inTransaction) this.#groupLost = failure;
    return failure;
  }
}

/** Throws when work that had to be done at once has only begun. */
function notAwaiting<T>(result: T): T {
  if (!(result instanceof Promise)) return result;
  result.catch(() => undefined);
  throw new TypeError("a transaction must not await: its work returned a promise");
}
