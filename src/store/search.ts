import { z } from "zod";
import type { ObjectKind } from "#src/domain/spec";
import { asList } from "./columns.js";
import type { Connection } from "./connection.js";

/** Fewer are cheaper to look at than to narrow down further. */
const RARE = 64;
/** So few that a rarer piece is not worth another question. */
const RARE_ENOUGH = 8;
/** So many pieces of a text are asked for one by one. */
const PROBES = 8;
/** More than so many are found sooner by going through the list in its order: every page fills quickly. */
const CANDIDATES_MAX = 2_000;
/** FTS5 refuses expressions nested deeper than 256; more trigrams would hardly narrow it further. */
const GRAMS_MAX = 60;
/** So many changed texts are looked through before they go into the index together. */
const PENDING_MAX = 64;
/** Between the kind and the text, in the index. */
const MARK = "\u0002";

const storedCount = z.object({ n: z.number() });

/**
 * Ids of the objects whose text may hold `text` (lower case), when some piece of it is rare: all that do, and perhaps
 * some that do not. Undefined: no piece is known to be.
 */
export function rareCandidates(
  connection: Connection,
  kind: ObjectKind,
  text: string,
): readonly string[] | undefined {
  let rarest: readonly unknown[] | undefined;
  for (const gram of gramsOf(text).slice(-PROBES).reverse()) {
    const found = numbersOf(connection, quoted(gram), rarest?.length ?? RARE);
    if (found.length < (rarest?.length ?? RARE)) rarest = found;
    if (found.length <= RARE_ENOUGH) break;
  }
  return rarest && idsOf(connection, kind, rarest, text);
}

/** Likewise for any text; undefined: the index does not help, since it is too short for it or very many hold it. */
export function candidatesOf(
  connection: Connection,
  kind: ObjectKind,
  text: string,
): readonly string[] | undefined {
  const grams = gramsOf(text);
  if (grams.length === 0) return undefined;
  const wanted = [kind.slice(-2) + MARK, ...grams.slice(0, GRAMS_MAX)].map(quoted).join(" AND ");
  const numbers = numbersOf(connection, wanted, CANDIDATES_MAX + 1);
  return numbers.length > CANDIDATES_MAX ? undefined : idsOf(connection, kind, numbers, text);
}

/** Whether the index can say anything of a text. */
export function isIndexable(text: string): boolean {
  return gramsOf(text).length > 0;
}

/** Puts what has changed into the index, once there is enough of it. Belongs into the transaction of a change. */
export function indexPending(connection: Connection): void {
  const { n } = storedCount.parse(connection.get("SELECT count(*) AS n FROM search_pending"));
  if (n < PENDING_MAX) return;
  connection.run("DELETE FROM search_index WHERE rowid IN (SELECT n FROM search_pending)");
  connection.run(
    `INSERT INTO search_index (rowid, text)
     SELECT n, kind || char(2) || text FROM search_pending CROSS JOIN search_rows USING (n)`,
  );
  connection.run("DELETE FROM search_pending");
}

/** The index's numbers for at most so many of those that fit. */
function numbersOf(connection: Connection, wanted: string, limit: number): readonly unknown[] {
  const sql = "SELECT rowid FROM search_index WHERE search_index MATCH ? LIMIT ? + 0";
  return connection.column(sql, [wanted, limit]);
}

/** With those whose newest text is not in the index yet. */
function idsOf(
  connection: Connection,
  kind: ObjectKind,
  numbers: readonly unknown[],
  text: string,
): readonly string[] {
  return connection
    .column(
      // From the numbers outwards: left to itself SQLite would go through all rows of the kind.
      `SELECT id FROM
         (SELECT value AS found FROM json_each(?) UNION SELECT n FROM search_pending WHERE instr(text, ?) > 0)
         CROSS JOIN search_rows ON n = found WHERE kind = ?`,
      [asList(numbers.map(Number)), text, kind],
    )
    .map(String);
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
