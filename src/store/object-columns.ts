import type { SqlValue } from "./connection.js";

/** What is written of an object beside its kind and id. A parameter has its column's name. */
const COLUMNS = [
  "epoch",
  "rev",
  "spec",
  "denied",
  "code_sealed",
  "code_lookup",
  "record",
  "job_id",
  "card_credential_id",
  "dirty",
  "blocked",
  "provisional",
  "gone",
  "created_at",
  "system_id",
  "user_id",
  "search_text",
] as const;
export type Column = (typeof COLUMNS)[number];
export interface ColumnValues extends Readonly<Record<Column, SqlValue>> {
  /** JSON. */
  readonly spec: string;
  readonly record: string | null;
}

export const UPSERT = `INSERT INTO objects (kind, id, ${COLUMNS.join(", ")})
  VALUES (@kind, @id, ${COLUMNS.map((column) => `@${column}`).join(", ")})
  ON CONFLICT (kind, id) DO UPDATE SET ${COLUMNS.map(assigned).join(", ")}`;

/** Leaves the other columns, and with them their indexes, alone. The few ways to change an object make few texts. */
export function updateOf(changed: readonly Column[]): string {
  return `UPDATE objects SET ${changed.map(assigned).join(", ")} WHERE kind = @kind AND id = @id`;
}

/** Of values without a PIN: those are sealed anew each time. */
export function changedColumns(before: ColumnValues, after: ColumnValues): readonly Column[] {
  return COLUMNS.filter((column) => before[column] !== after[column]);
}

function assigned(column: Column): string {
  return `${column} = @${column}`;
}
