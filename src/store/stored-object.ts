import type { CredentialRecord } from "#src/domain/credential/credential.schema";
import { OBJECT_KINDS, type ObjectKind } from "#src/domain/spec";
import type { ObjectRow } from "#src/engine/ports";
import type { Json, JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";

/** What only others can read of a row: the sealed PIN, and the record of whatever release. */
export interface StoredParts {
  code(kind: ObjectKind, id: string, sealed: Uint8Array): Secret<string>;
  record(stored: Json): CredentialRecord;
}

/** What `storedObject` reads, in its order. */
export const SELECTED = [
  "kind",
  "id",
  "epoch",
  "rev",
  "spec",
  "code_sealed",
  "record",
  "card_credential_id",
  "dirty",
  "blocked",
  "provisional",
  "gone",
  "created_at",
  "system_id",
  "user_id",
  "search_text",
]
  .map((column) => `objects.${column}`)
  .join(", ");

/**
 * Reads the columns of one row; throws for any that does not fit. By hand: pages have a hundred rows, and a schema of
 * sixteen members takes longer than all else that is done with one.
 */
export function storedObject(values: readonly unknown[], parts: StoredParts): ObjectRow {
  const [storedKind, storedId, epoch, rev, spec, codeSealed, record, cardCredentialId, ...rest] = values;
  const [dirty, blocked, provisional, gone, createdAt, systemId, userId, searchText] = rest;
  const kind = kindIn(storedKind);
  const id = textIn(storedId);
  return {
    kind,
    id,
    epoch: numberIn(epoch),
    rev: numberIn(rev),
    spec: jsonObjectIn(spec),
    code: codeSealed === null ? null : parts.code(kind, id, bytesIn(codeSealed)),
    record: record === null ? null : parts.record(jsonIn(record)),
    cardCredentialId: orNull(textIn, cardCredentialId),
    dirty: flagIn(dirty),
    blocked: orNull(textIn, blocked),
    provisional: orNull(numberIn, provisional),
    gone: flagIn(gone),
    createdAt: numberIn(createdAt),
    systemId: orNull(textIn, systemId),
    userId: orNull(textIn, userId),
    searchText: textIn(searchText),
  };
}

/** For messages, of a row that may be damaged. */
export function nameOfStored([kind, id]: readonly unknown[]): string {
  return typeof kind === "string" && typeof id === "string" ? `the object ${kind} ${id}` : "an object";
}

function kindIn(value: unknown): ObjectKind {
  const kind = OBJECT_KINDS.find((known) => known === value);
  if (kind === undefined) throw misfit();
  return kind;
}

function textIn(value: unknown): string {
  if (typeof value !== "string") throw misfit();
  return value;
}

function numberIn(value: unknown): number {
  if (typeof value !== "number") throw misfit();
  return value;
}

function flagIn(value: unknown): boolean {
  if (value !== 0 && value !== 1) throw misfit();
  return value === 1;
}

function bytesIn(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw misfit();
  return value;
}

function jsonIn(value: unknown): Json {
  // JSON.parse makes nothing but JSON values.
  return JSON.parse(textIn(value)) as Json;
}

function jsonObjectIn(value: unknown): JsonObject {
  const json = jsonIn(value);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw misfit();
  return json as JsonObject;
}

function orNull<T>(read: (value: unknown) => T, value: unknown): T | null {
  return value === null ? null : read(value);
}

function misfit(): TypeError {
  return new TypeError("a column does not fit");
}
