import type { ObjectKind } from "#src/domain/spec";
import type { ObjectRow, ObjectsTable } from "./ports.js";

const PAGE = 500;

/** Every credential that is not gone, a page at a time; rows may be changed on the way. */
export function everyCredential(objects: Pick<ObjectsTable, "list">): Generator<ObjectRow> {
  return everyRow(objects, "acs_credential");
}

/** Every object of a kind that is not gone, likewise. */
export function* everyRow(objects: Pick<ObjectsTable, "list">, kind: ObjectKind): Generator<ObjectRow> {
  let after: { createdAt: number; id: string } | undefined;
  for (;;) {
    const page = objects.list(kind, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    after = { createdAt: last.createdAt, id: last.id };
  }
}
