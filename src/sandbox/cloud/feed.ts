import { type Epoch, type FeedItem, LIMITS, type PageOut } from "#src/cloud/wire";
import { type Observed, observedSchema } from "#src/domain/observed";
import { type ObservedCode, observedCodeSchema } from "#src/domain/observed-code";
import type { ObjectKind } from "#src/domain/spec";
import { fingerprintOf, type JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { type CloudDatabase, readMeta, writeMeta } from "./database.js";
import { History } from "./history.js";

/** One object as the cloud wants it, and what it heard of it. */
export interface CloudObject {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly rev: number;
  readonly spec: JsonObject;
  readonly code: Secret<string> | null;
  readonly verdict: "adopted" | "refused" | null;
  /** The newest change that was the cloud's own wish, and not a ruling on one of the desk; 0: there was none. */
  readonly cloudRev: number;
  readonly isForgotten: boolean;
  /** No longer in the API. */
  readonly isGone: boolean;
  readonly createdAt: number;
  readonly observed: Observed | null;
  /** Of an access code alone. */
  readonly observedCode: ObservedCode | null;
  /** Why the gateway cannot use it. */
  readonly problem: { readonly code: string; readonly message: string; readonly at: number } | null;
}

export type NewChange = Pick<CloudObject, "kind" | "id" | "spec" | "code"> &
  Partial<Pick<CloudObject, "verdict" | "isForgotten" | "isGone">> & {
    /** A ruling on what the desk did: no wish of the cloud. */
    readonly isRuling?: boolean;
  };

/** Bytes of items that one page may hold before compression. */
const PAGE_BYTES = 512 * 1024;

interface ObjectRow {
  kind: ObjectKind;
  id: string;
  rev: number;
  spec: string;
  code: string | null;
  verdict: "adopted" | "refused" | null;
  cloud_rev: number;
  is_forgotten: number;
  is_gone: number;
  created_at: number;
  observed: string | null;
  problem: string | null;
}

/**
 * The ordered change feed. Each object is in it once, at its newest rev: a page may leave a change out when the same
 * object has a later one.
 */
export class Feed {
  readonly history: History;
  readonly #database: CloudDatabase;

  constructor(database: CloudDatabase, newId: () => string) {
    this.#database = database;
    this.history = new History(database, newId);
  }

  get epoch(): Epoch {
    return this.history.epoch;
  }

  /** From an older place the feed cannot be continued: what was forgotten before has left it. */
  get floor(): number {
    return Number(readMeta(this.#database, "floor") ?? 0);
  }

  get head(): number {
    return Number(readMeta(this.#database, "head") ?? 0);
  }

  get(kind: ObjectKind, id: string): CloudObject | undefined {
    const row = this.#database
      .prepare<[string, string], ObjectRow>("SELECT * FROM objects WHERE kind = ? AND id = ?")
      .get(kind, id);
    return row === undefined ? undefined : objectOf(row);
  }

  /** All of a kind, oldest first. */
  list(kind: ObjectKind): readonly CloudObject[] {
    return this.#database
      .prepare<[string], ObjectRow>("SELECT * FROM objects WHERE kind = ? ORDER BY created_at, id")
      .all(kind)
      .map(objectOf);
  }

  /** Writes a change as the newest of the feed; what the gateway said of the object stays. Returns its rev. */
  put(change: NewChange, now: number): number {
    const before = this.get(change.kind, change.id);
    const createdAt = before?.createdAt ?? createdAtOf(change.spec, now);
    const rev = this.head + 1;
    this.#database.transaction(() => {
      writeMeta(this.#database, "head", String(rev));
      this.#database
        .prepare(
          `INSERT INTO objects (kind, id, rev, spec, code, verdict, cloud_rev, is_forgotten, is_gone, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT (kind, id) DO UPDATE SET rev = excluded.rev, spec = excluded.spec, code = excluded.code,
             verdict = excluded.verdict, cloud_rev = excluded.cloud_rev,
             is_forgotten = excluded.is_forgotten, is_gone = excluded.is_gone`,
        )
        .run(
          change.kind,
          change.id,
          rev,
          JSON.stringify(change.spec),
          change.code?.reveal() ?? null,
          change.verdict ?? null,
          change.isRuling === true ? (before?.cloudRev ?? 0) : rev,
          Number(change.isForgotten ?? false),
          Number(change.isGone ?? before?.isGone ?? false),
          createdAt,
        );
    })();
    return rev;
  }

  observe(kind: ObjectKind, id: string, observed: Observed): void {
    this.#database
      .prepare("UPDATE objects SET observed = ?, problem = NULL WHERE kind = ? AND id = ?")
      .run(JSON.stringify(observed), kind, id);
  }

  observeCode(id: string, observed: ObservedCode): void {
    this.#database
      .prepare("UPDATE objects SET observed = ?, problem = NULL WHERE kind = 'access_code' AND id = ?")
      .run(JSON.stringify(observed), id);
  }

  setProblem(kind: string, id: string, problem: CloudObject["problem"]): void {
    this.#database
      .prepare("UPDATE objects SET problem = ? WHERE kind = ? AND id = ?")
      .run(problem === null ? null : JSON.stringify(problem), kind, id);
  }

  setGone(kind: ObjectKind, id: string): void {
    this.#database.prepare("UPDATE objects SET is_gone = 1 WHERE kind = ? AND id = ?").run(kind, id);
  }

  /** Lets go of what was forgotten until now, but for its ids. From an older place nobody can follow any more. */
  raiseFloor(): void {
    this.#database.transaction(() => {
      this.#database.exec(`
        INSERT OR REPLACE INTO tombstones (kind, id, spec)
          SELECT kind, id, spec FROM objects WHERE is_forgotten = 1;
        DELETE FROM objects WHERE is_forgotten = 1;`);
      writeMeta(this.#database, "floor", String(this.head));
    })();
  }

  /** The last document of what was forgotten and has left the feed. */
  tombstone(kind: ObjectKind, id: string): JsonObject | undefined {
    const row = this.#database
      .prepare<[string, string], { spec: string }>("SELECT spec FROM tombstones WHERE kind = ? AND id = ?")
      .get(kind, id);
    return row === undefined ? undefined : (JSON.parse(row.spec) as JsonObject);
  }

  /** Everything, oldest change first. */
  *items(): Generator<PageOut["items"][number]> {
    for (let since = 0; ;) {
      const { items, to, head } = this.page(since);
      yield* items;
      if (to >= head) return;
      since = to;
    }
  }

  /** The next page after `since`, complete in its range. `ingested`: what of the journals is in it. */
  page(since: number, ingested: Record<string, number> = {}): PageOut {
    const rows = this.#database
      .prepare<[number, number], ObjectRow>("SELECT * FROM objects WHERE rev > ? ORDER BY rev LIMIT ?")
      .all(since, LIMITS.pageItems + 1);
    const items: PageOut["items"][number][] = [];
    let bytes = 0;
    for (const row of rows.slice(0, LIMITS.pageItems)) {
      bytes += row.spec.length;
      if (items.length > 0 && bytes > PAGE_BYTES) break;
      items.push(itemOf(objectOf(row)));
    }
    const to = items.length < rows.length ? (items.at(-1)?.rev ?? since) : this.head;
    return { type: "page", epoch: this.epoch, from: since, to, head: this.head, ingested, items };
  }
}

function itemOf(object: CloudObject): FeedItem & { readonly spec_hash: string } {
  const { rev, kind, id, spec, code, verdict } = object;
  const op = object.isForgotten ? "forget" : "put";
  return { rev, kind, id, op, spec, spec_hash: fingerprintOf(spec), secret: code, verdict };
}

function createdAtOf(spec: JsonObject, now: number): number {
  const text = spec["created_at"];
  const at = typeof text === "string" ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? now : at;
}

// What is read here was written by this class from checked values.
function objectOf(row: ObjectRow): CloudObject {
  const isCode = row.kind === "access_code";
  return {
    kind: row.kind,
    id: row.id,
    rev: row.rev,
    spec: JSON.parse(row.spec) as JsonObject,
    code: row.code === null ? null : new Secret(row.code),
    verdict: row.verdict,
    cloudRev: row.cloud_rev,
    isForgotten: row.is_forgotten === 1,
    isGone: row.is_gone === 1,
    createdAt: row.created_at,
    observed: isCode || row.observed === null ? null : observedSchema.parse(JSON.parse(row.observed)),
    observedCode: isCode && row.observed !== null ? observedCodeSchema.parse(JSON.parse(row.observed)) : null,
    problem: row.problem === null ? null : (JSON.parse(row.problem) as CloudObject["problem"]),
  };
}
