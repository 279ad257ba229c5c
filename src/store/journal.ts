import { createHash } from "node:crypto";
import { z } from "zod";
import { type JournalEvent, journalEventSchema } from "#src/domain/journal";
import type { ChainFault, JournalTable, StoredJournalEvent } from "#src/engine/ports";
import { canonicalJson } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import { uuidV4 } from "#src/lib/uuid";
import { blob } from "./columns.js";
import type { Connection } from "./connection.js";
import type { Place, Sealer } from "./sealer.js";
import { damaged } from "./store-error.js";

const storedRow = z.object({ seq: z.number(), bytes: blob });
type StoredRow = z.infer<typeof storedRow>;
const chained = z.object({ prev: z.string() });
const storedSecret = z.object({ code_sealed: blob }).optional();

/** What the next row is chained to, as it was after so many rollbacks. */
interface NewestRow {
  readonly seq: number;
  /** SHA-256 of its bytes. */
  readonly hash: string;
  readonly rollbacks: number;
}

/** `prev` of the first row. */
const NO_PREVIOUS = "0".repeat(64);
const VERIFIED_AT_ONCE = 1000;

export interface JournalOptions {
  readonly connection: Connection;
  readonly sealer: Sealer;
  readonly random: (size: number) => Uint8Array;
  readonly jid: string;
}

/**
 * The facts, in order, for ever. A row's bytes are the canonical JSON (RFC 8785) of the event and `prev`, the SHA-256
 * of the bytes of the row before; so no row can be changed, taken out or put in without the rest showing it.
 */
export class Journal implements JournalTable {
  readonly jid: string;
  readonly #connection: Connection;
  readonly #sealer: Sealer;
  readonly #random: (size: number) => Uint8Array;
  #known: NewestRow | undefined;

  constructor({ connection, sealer, random, jid }: JournalOptions) {
    this.#connection = connection;
    this.#sealer = sealer;
    this.#random = random;
    this.jid = jid;
    // A crash cannot leave one, a caller that keeps a secret and names it nowhere can.
    connection.run("DELETE FROM journal_secrets WHERE seq IS NULL");
  }

  append(event: JournalEvent): number {
    const checked = journalEventSchema.parse(event);
    return this.#connection.transaction(() => {
      const { seq: lastSeq, hash: prev } = this.#newest();
      const seq = lastSeq + 1;
      const bytes = Buffer.from(canonicalJson({ ...checked, prev }), "utf8");
      this.#connection.run("INSERT INTO journal (seq, bytes) VALUES (?, ?)", [seq, bytes]);
      if (checked.k === "local_change" || checked.k === "orphaned") this.#nameSecret(checked, seq);
      this.#known = { seq, hash: sha256(bytes), rollbacks: this.#connection.rollbacks };
      return seq;
    });
  }

  read(fromSeq: number, limit: number): readonly StoredJournalEvent[] {
    return this.#rows(fromSeq, limit).map(({ seq, bytes }) => {
      const read = parseRow(bytes);
      if (read === undefined) throw damaged(this.#connection.path, `journal row ${seq} does not read back`);
      return { seq, ...read };
    });
  }

  lastSeq(): number {
    return this.#newest().seq;
  }

  verifyChain(): ChainFault | undefined {
    let seq = 0;
    let prev = NO_PREVIOUS;
    for (;;) {
      const rows = this.#rows(seq + 1, VERIFIED_AT_ONCE);
      for (const row of rows) {
        seq += 1;
        if (row.seq !== seq) return { seq, problem: "missing" };
        const read = parseRow(row.bytes);
        if (read === undefined) return { seq, problem: "unreadable" };
        if (read.prev !== prev) return { seq, problem: "unchained" };
        prev = sha256(row.bytes);
      }
      if (rows.length < VERIFIED_AT_ONCE) return undefined;
    }
  }

  keepSecret(code: Secret<string>): string {
    if (!this.#connection.isInTransaction)
      throw new TypeError("keepSecret belongs into the transaction that appends the event which names it");
    const ref = uuidV4(this.#random(16));
    this.#connection.run("INSERT INTO journal_secrets (ref, seq, code_sealed) VALUES (?, NULL, ?)", [
      ref,
      this.#sealer.sealText(secretPlace(ref), code),
    ]);
    return ref;
  }

  secret(ref: string): Secret<string> | undefined {
    const row = this.#connection.get("SELECT code_sealed FROM journal_secrets WHERE ref = ?", [ref]);
    const stored = storedSecret.parse(row);
    return stored && this.#sealer.openText(secretPlace(ref), stored.code_sealed);
  }

  dropSecretsUpTo(seq: number): void {
    this.#connection.run("DELETE FROM journal_secrets WHERE seq <= ?", [seq]);
  }

  #nameSecret(
    { data, id, kind }: Extract<JournalEvent, { k: "local_change" | "orphaned" }>,
    seq: number,
  ): void {
    if ((data.spec["code"] ?? null) !== null)
      throw new TypeError(`the change of ${kind} ${id} holds a PIN: a journal row must not`);
    if (data.code_ref === null) return;
    if (this.#connection.run("UPDATE journal_secrets SET seq = ? WHERE ref = ?", [seq, data.code_ref]) === 0)
      throw new TypeError(`the change of ${kind} ${id} names a PIN that is not kept`);
  }

  /**
   * Seq 0 while there is none. Remembered until a transaction is undone: nobody else ever writes to the file, and every
   * dispatch asks more than once.
   */
  #newest(): NewestRow {
    const { rollbacks } = this.#connection;
    if (this.#known?.rollbacks === rollbacks) return this.#known;
    const row = this.#connection.get("SELECT seq, bytes FROM journal ORDER BY seq DESC LIMIT 1");
    const stored = storedRow.optional().parse(row);
    this.#known =
      stored === undefined
        ? { seq: 0, hash: NO_PREVIOUS, rollbacks }
        : { seq: stored.seq, hash: sha256(stored.bytes), rollbacks };
    return this.#known;
  }

  #rows(fromSeq: number, limit: number): StoredRow[] {
    const sql = "SELECT seq, bytes FROM journal WHERE seq >= ? ORDER BY seq LIMIT ? + 0";
    return this.#connection.all(sql, [fromSeq, limit]).map((row) => storedRow.parse(row));
  }
}

function parseRow(bytes: Uint8Array): { event: JournalEvent; prev: string } | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    const { prev } = chained.parse(value);
    return { event: journalEventSchema.parse(value), prev };
  } catch {
    return undefined;
  }
}

function secretPlace(ref: string): Place {
  return { table: "journal_secrets", row: ref, column: "code_sealed" };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
