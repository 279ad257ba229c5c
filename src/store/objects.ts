import { z } from "zod";
import { badgeName } from "#src/domain/badge";
import type { CredentialRecord } from "#src/domain/credential/credential.schema";
import { CredentialRecordError, parseCredentialRecord } from "#src/domain/credential/credential.step";
import type { ObjectKind } from "#src/domain/spec";
import type { ListQuery, ObjectRow, ObjectsTable } from "#src/engine/ports";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import { asFlag, asList, flag } from "./columns.js";
import type { Connection, SqlValue } from "./connection.js";
import { changedColumns, type Column, type ColumnValues, updateOf, UPSERT } from "./object-columns.js";
import type { Place, Sealer } from "./sealer.js";
import { RowMemory } from "./row-memory.js";
import { candidatesOf, indexPending, isIndexable, rareCandidates } from "./search.js";
import { damaged, StoreError } from "./store-error.js";
import { nameOfStored, SELECTED, storedObject, type StoredParts } from "./stored-object.js";

const storedTombstone = z.object({ at: z.number(), revoked: flag }).optional();
const storedCount = z.object({ n: z.number() });
const storedPlace = z.object({ id: z.string(), created_at: z.number() }).optional();

/** States of a document that take something away. */
const DENIALS = ["revoked", "deleted", "forgotten"] as const;

/** So many rows at the beginning of a list are looked through before a text that many hold is looked up. */
const LOOKED_THROUGH = 1_000;

/** Sorts after every text that begins with what stands before it. */
const LAST_CHARACTER = "\u{10FFFF}";

/** Each looked up by its id: left to itself SQLite would walk through the list. */
const AMONG_CANDIDATES = `(SELECT value AS candidate FROM json_each(@candidates))
  CROSS JOIN objects ON objects.kind = @kind AND objects.id = candidate`;

/** Found a moment ago: by their places in the file, which no other index need be asked for. */
const AT_PLACES = `(SELECT value AS place FROM json_each(@places)) CROSS JOIN objects ON objects.rowid = place`;

/** A row that fits, and where it lies until the next change. */
interface Found {
  readonly id: string;
  readonly place: number;
}

export class Objects implements ObjectsTable {
  readonly #connection: Connection;
  readonly #sealer: Sealer;
  readonly #memory: RowMemory;
  readonly #parts: StoredParts = {
    code: (kind, id, sealed) => this.#sealer.openText(codePlace(kind, id), sealed),
    record: parseCredentialRecord,
  };

  constructor(connection: Connection, sealer: Sealer) {
    this.#connection = connection;
    this.#sealer = sealer;
    this.#memory = new RowMemory(connection);
  }

  get(kind: ObjectKind, id: string): ObjectRow | undefined {
    return this.#memory.get(kind, id) ?? this.#select("WHERE kind = ? AND id = ?", [kind, id])[0];
  }

  put(row: ObjectRow): void {
    refusePin(row);
    const { kind, id } = row;
    const before = this.#memory.get(kind, id);
    const { record } = row;
    // What could not be read back is not stored.
    const checked = record === null || record === before?.record ? record : parseCredentialRecord(record);
    const values = this.#columnsOf({ ...row, record: checked });
    const changed =
      before === undefined || row.code !== null ? undefined : changedColumns(this.#columnsOf(before), values);
    const isChanged = (column: Column) => changed?.includes(column) !== false;
    this.#connection.transaction(() => {
      this.#memory.forget(kind, id);
      if (changed?.length !== 0)
        this.#connection.run(changed === undefined ? UPSERT : updateOf(changed), { kind, id, ...values });
      if (isChanged("record")) this.#putCards(kind, id, checked === null ? [] : cardNamesOf(checked));
      if (isChanged("search_text")) indexPending(this.#connection);
      // As it would be read: what the caller holds may still change.
      this.#memory.keep({
        ...row,
        spec: isChanged("spec") ? (JSON.parse(values.spec) as JsonObject) : (before?.spec ?? {}),
        record: isChanged("record") ? recordIn(values.record) : (before?.record ?? null),
      });
    });
  }

  #columnsOf(row: ObjectRow): ColumnValues {
    const { kind, id, code, record } = row;
    return {
      epoch: row.epoch,
      rev: row.rev,
      spec: JSON.stringify(row.spec),
      denied: asFlag(DENIALS.some((state) => state === row.spec["state"])),
      code_sealed: code === null ? null : this.#sealer.sealText(codePlace(kind, id), code),
      code_lookup: code === null ? null : this.#sealer.lookup(code),
      record: record === null ? null : JSON.stringify(record),
      job_id: record?.context.job?.id ?? null,
      card_credential_id: row.cardCredentialId,
      dirty: asFlag(row.dirty),
      blocked: row.blocked,
      provisional: row.provisional,
      gone: asFlag(row.gone),
      created_at: row.createdAt,
      system_id: row.systemId,
      user_id: row.userId,
      search_text: row.searchText,
    };
  }

  remove(kind: ObjectKind, id: string, at: number, revoked: boolean): void {
    this.#connection.transaction(() => {
      this.#memory.forget(kind, id);
      this.#connection.run("DELETE FROM objects WHERE kind = ? AND id = ?", [kind, id]);
      this.#connection.run("DELETE FROM wakeups WHERE kind = ? AND id = ?", [kind, id]);
      // Once revoked stays revoked, whatever is said about the id later.
      this.#connection.run(
        `INSERT INTO tombstones (kind, id, at, revoked) VALUES (?, ?, ?, ?)
         ON CONFLICT (kind, id) DO UPDATE SET at = excluded.at, revoked = max(revoked, excluded.revoked)`,
        [kind, id, at, asFlag(revoked)],
      );
    });
  }

  tombstone(kind: ObjectKind, id: string): { readonly at: number; readonly revoked: boolean } | undefined {
    const row = this.#connection.get("SELECT at, revoked FROM tombstones WHERE kind = ? AND id = ?", [
      kind,
      id,
    ]);
    return storedTombstone.parse(row);
  }

  list(kind: ObjectKind, query: ListQuery): readonly ObjectRow[] {
    const where = ["kind = @kind", "gone = 0"];
    const values: Record<string, SqlValue> = { kind, limit: query.limit };
    const narrow = (condition: string, named: Record<string, SqlValue>) => {
      where.push(condition);
      Object.assign(values, named);
    };
    if (query.systemId !== undefined) narrow("system_id = @systemId", { systemId: query.systemId });
    if (query.userId !== undefined) narrow("user_id = @userId", { userId: query.userId });
    if (query.createdBefore !== undefined) narrow("created_at < @before", { before: query.createdBefore });
    if (query.after !== undefined)
      narrow("(created_at, id) > (@afterAt, @afterId)", {
        afterAt: query.after.createdAt,
        afterId: query.after.id,
      });
    if (query.isManaged !== undefined)
      narrow("coalesce(json_extract(spec, '$.is_managed'), 1) = @isManaged", {
        isManaged: asFlag(query.isManaged),
      });
    if (query.holds !== undefined)
      narrow("EXISTS (SELECT 1 FROM json_each(spec, @heldList) WHERE value = @heldMember)", {
        heldList: `$.${query.holds.list}`,
        heldMember: query.holds.member,
      });
    const found =
      query.search === undefined && query.code === undefined
        ? this.#where(where, values)
        : this.#holding(kind, query, where, values);
    return this.#rows(kind, found);
  }

  /** Rows that fit all of `where` and hold the text or have the PIN. */
  #holding(
    kind: ObjectKind,
    { search, code, limit }: ListQuery,
    where: readonly string[],
    fixed: Readonly<Record<string, SqlValue>>,
  ): readonly Found[] {
    const text = search?.toLowerCase();
    const values = {
      ...fixed,
      ...(text === undefined ? {} : { search: text }),
      ...(code === undefined ? {} : { code: this.#sealer.lookup(code) }),
    };
    const hasText = "instr(search_text, @search) > 0";
    const either = [
      ...(text === undefined ? [] : [hasText]),
      ...(code === undefined ? [] : ["code_lookup = @code"]),
    ];
    const holding = [...where, `(${either.join(" OR ")})`];
    const among = (candidates: readonly string[]) =>
      this.#where(holding, { ...values, candidates: asList(candidates) }, AMONG_CANDIDATES);
    if (text === undefined || !isIndexable(text)) return this.#where(holding, values);
    const byCode = code === undefined ? [] : this.#idsWithCode(kind, code);
    const rare = rareCandidates(this.#connection, kind, text);
    if (rare !== undefined) return among([...new Set([...rare, ...byCode])]);
    // Many seem to hold it: then a page is full before long.
    const last = this.#lastLookedThrough(where, values);
    if (last === undefined) return this.#where(holding, values);
    const first = this.#where([...holding, "(created_at, id) <= (@lastAt, @lastId)"], {
      ...values,
      ...last,
    });
    if (first.length === limit) return first;
    const candidates = candidatesOf(this.#connection, kind, text);
    return candidates === undefined
      ? this.#where(holding, values)
      : among([...new Set([...candidates, ...byCode])]);
  }

  #idsWithCode(kind: ObjectKind, code: Secret<string>): readonly string[] {
    const sql = "SELECT id FROM objects WHERE kind = ? AND gone = 0 AND code_lookup = ?";
    return this.#connection.column(sql, [kind, this.#sealer.lookup(code)]).map(String);
  }

  /** Where the beginning of a list ends; undefined: it has no more. */
  #lastLookedThrough(
    where: readonly string[],
    values: Readonly<Record<string, SqlValue>>,
  ): { readonly lastAt: number; readonly lastId: string } | undefined {
    const sql = `SELECT id, created_at FROM objects WHERE ${where.join(" AND ")}
      ORDER BY created_at, id LIMIT 1 OFFSET ${LOOKED_THROUGH - 1}`;
    const place = storedPlace.parse(this.#connection.get(sql, values));
    return place && { lastAt: place.created_at, lastId: place.id };
  }

  #where(
    where: readonly string[],
    values: Readonly<Record<string, SqlValue>>,
    from = "objects",
  ): readonly Found[] {
    const sql = `SELECT objects.id, objects.rowid FROM ${from} WHERE ${where.join(" AND ")}
      ORDER BY created_at, id LIMIT @limit + 0`;
    return this.#connection
      .rows(sql, values)
      .map(([id, place]) => ({ id: String(id), place: Number(place) }));
  }

  /** In the order of `found`; only those that are not remembered are read. */
  #rows(kind: ObjectKind, found: readonly Found[]): readonly ObjectRow[] {
    const known = new Map(found.map(({ id }) => [id, this.#memory.get(kind, id)]));
    const missing = found.filter(({ id }) => known.get(id) === undefined);
    if (missing.length > 0) {
      const places = asList(missing.map(({ place }) => place));
      for (const row of this.#select("", { places }, AT_PLACES)) known.set(row.id, row);
    }
    return found.flatMap(({ id }) => known.get(id) ?? []);
  }

  dirty(limit: number): readonly ObjectRow[] {
    return this.#select("WHERE dirty = 1 ORDER BY denied DESC, epoch, rev, kind, id LIMIT ? + 0", [limit]);
  }

  blocked(prefix: string, limit: number): readonly ObjectRow[] {
    // A range, not LIKE: it uses the index, and a prefix may hold any character.
    return this.#select("WHERE blocked >= ? AND blocked < ? ORDER BY blocked, kind, id LIMIT ? + 0", [
      prefix,
      prefix + LAST_CHARACTER,
      limit,
    ]);
  }

  withOpenJob(): readonly ObjectRow[] {
    return this.#select("WHERE job_id IS NOT NULL ORDER BY id", []);
  }

  byCardUid(uid: string): readonly ObjectRow[] {
    return this.#select("JOIN cards USING (kind, id) WHERE cards.uid = ? ORDER BY cards.kind, cards.id", [
      uid,
    ]);
  }

  byCardCredentialId(cardCredentialId: string): ObjectRow | undefined {
    return this.#select("WHERE card_credential_id = ?", [cardCredentialId])[0];
  }

  count(kind: ObjectKind): number {
    const row = this.#connection.get("SELECT count(*) AS n FROM objects WHERE kind = ? AND gone = 0", [kind]);
    return storedCount.parse(row).n;
  }

  #putCards(kind: ObjectKind, id: string, uids: readonly (string | null)[]): void {
    this.#connection.run("DELETE FROM cards WHERE kind = ? AND id = ?", [kind, id]);
    for (const uid of new Set(uids))
      if (uid !== null)
        this.#connection.run("INSERT INTO cards (uid, kind, id) VALUES (?, ?, ?)", [uid, kind, id]);
  }

  #select(
    condition: string,
    values: readonly SqlValue[] | Record<string, SqlValue>,
    from = "objects",
  ): ObjectRow[] {
    return this.#connection
      .rows(`SELECT ${SELECTED} FROM ${from} ${condition}`, values)
      .map((row) => this.#read(row));
  }

  #read(row: readonly unknown[]): ObjectRow {
    try {
      const read = storedObject(row, this.#parts);
      this.#memory.keep(read);
      return read;
    } catch (error) {
      if (error instanceof StoreError) throw error;
      const why = error instanceof CredentialRecordError ? error.message : "a column does not fit";
      throw damaged(this.#connection.path, `${nameOfStored(row)} does not read back: ${why}`, error);
    }
  }
}

/** A record that was checked before it was written. */
function recordIn(text: string | null): CredentialRecord | null {
  return text === null ? null : (JSON.parse(text) as CredentialRecord);
}

/** What its cards are known by: serial numbers, and the name of its badge. */
function cardNamesOf({ context: { cards, issued } }: CredentialRecord): (string | null)[] {
  return [...cards.map(({ uid }) => uid), issued?.badge === undefined ? null : badgeName(issued.badge)];
}

function codePlace(kind: ObjectKind, id: string): Place {
  return { table: "objects", row: `${kind} ${id}`, column: "code_sealed" };
}

/** A PIN belongs into `code`, where it is sealed; documents are stored as they are. */
function refusePin({ kind, id, spec }: ObjectRow): void {
  const carriesPins = kind === "acs_credential" || kind === "access_code";
  if (carriesPins && (spec["code"] ?? null) !== null)
    throw new TypeError(`the document of ${kind} ${id} holds a PIN: take it out before it is stored`);
}
