import { z } from "zod";
import type { ObjectKind } from "#src/domain/spec";
import type { Connection } from "./connection.js";

/** More than so many are found sooner by going through the list in its order: every page fills quickly. */
const CANDIDATES_MAX = 2_000;
/** FTS5 refuses expressions nested deeper than 256; more trigrams would hardly narrow it further. */
const GRAMS_MAX = 60;
/** Between the kind and the text, in the index. */
const MARK = "\u0002";

const candidate = z.object({ id: z.string() });

/**
 * Ids of the objects whose text may hold `text` (lower case): all that do, and perhaps some that do not. Undefined: the
 * index does not help, for a text of fewer than three characters, or one that very many hold.
 */
export function candidatesOf(
  connection: Connection,
  kind: ObjectKind,
  text: string,
): readonly string[] | undefined {
  const grams = gramsOf(text);
  if (grams.length === 0) return undefined;
  const wanted = [kind.slice(-2) + MARK, ...grams.slice(0, GRAMS_MAX)].map(quoted).join(" AND ");
  const rows = connection.all(
    // From the index outwards: left to itself SQLite would go through all rows of the kind.
    `SELECT id FROM
       (SELECT rowid AS found FROM search_index WHERE search_index MATCH ? LIMIT ${CANDIDATES_MAX + 1})
       CROSS JOIN search_rows ON n = found WHERE kind = ?`,
    [wanted, kind],
  );
  return rows.length > CANDIDATES_MAX ? undefined : rows.map((row) => candidate.parse(row).id);
}

/** By code points, as the index counts. A query ends at a NUL, so none with one is asked for. */
function gramsOf(text: string): readonly string[] {
  const characters = Array.from(text);
  const grams = new Set<string>();
  for (let at = 0; at + 3 <= characters.length; at += 1) {
    const gram = characters.slice(at, at + 3).join("");
    if (!gram.includes("\u0000")) grams.add(gram);
  }
  return [...grams];
}

/** A string of FTS5's query language. */
function quoted(gram: string): string {
  return `"${gram.replaceAll('"', '""')}"`;
}
