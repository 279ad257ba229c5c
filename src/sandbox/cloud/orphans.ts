import { type Observed, observedSchema } from "#src/domain/observed";
import type { ObjectKind } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import type { CloudDatabase } from "./database.js";

/** What a gateway has and this history of the cloud lacks: a person adopts or refuses it. */
export interface Orphan {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly spec: JsonObject;
  readonly code: Secret<string> | null;
  readonly observed: Observed | null;
}

interface OrphanRow {
  kind: ObjectKind;
  id: string;
  spec: string;
  code: string | null;
  observed: string | null;
}

export class Orphans {
  readonly #database: CloudDatabase;

  constructor(database: CloudDatabase) {
    this.#database = database;
  }

  put({ kind, id, spec, code, observed }: Orphan): void {
    this.#database
      .prepare("INSERT OR REPLACE INTO orphans (kind, id, spec, code, observed) VALUES (?, ?, ?, ?, ?)")
      .run(kind, id, JSON.stringify(spec), code?.reveal() ?? null, JSON.stringify(observed));
  }

  get(kind: ObjectKind, id: string): Orphan | undefined {
    const row = this.#database
      .prepare<[string, string], OrphanRow>("SELECT * FROM orphans WHERE kind = ? AND id = ?")
      .get(kind, id);
    return row === undefined ? undefined : orphanOf(row);
  }

  list(): readonly Orphan[] {
    return this.#database
      .prepare<[], OrphanRow>("SELECT * FROM orphans ORDER BY kind DESC, id")
      .all()
      .map(orphanOf);
  }

  remove(kind: ObjectKind, id: string): void {
    this.#database.prepare("DELETE FROM orphans WHERE kind = ? AND id = ?").run(kind, id);
  }
}

// What is read here was written by this class from checked values.
function orphanOf({ kind, id, spec, code, observed }: OrphanRow): Orphan {
  return {
    kind,
    id,
    spec: JSON.parse(spec) as JsonObject,
    code: code === null ? null : new Secret(code),
    observed: observedSchema.nullable().parse(JSON.parse(observed ?? "null")),
  };
}
