import { CsvError, parse } from "csv-parse/sync";
import { z } from "zod";
import { type CliError, refused } from "./exit-codes.js";

/** One line of a batch: which credential goes on the next card. */
export interface BatchLine {
  readonly line: number;
  /** As a person writes it: an id, the beginning of one, or a name. */
  readonly credential: string;
}

const LINES_MAX = 10_000;
/** Headings of the column that names the credential; the others are for people. */
const HEADINGS = ["credential", "acs_credential_id"];

const rows = z.array(z.object({ record: z.array(z.string()), info: z.looseObject({ lines: z.number() }) }));

/** Reads a CSV file with a heading line. Throws `CliError` that names the line. */
export function batchLines(text: string, name: string): readonly BatchLine[] {
  if (text.includes("\0")) throw notUtf8(name);
  const [head, ...body] = recordsOf(text, name);
  const column = head?.record.findIndex((cell) => HEADINGS.includes(cell.trim().toLowerCase())) ?? -1;
  if (column < 0)
    throw refused(`${name}, line 1: there is no column "credential". The first line names the columns.`);
  if (body.length === 0) throw refused(`${name} names no credential.`);
  if (body.length > LINES_MAX) throw refused(`${name} has more than ${LINES_MAX} lines: split it.`);
  return body.map(({ record, info }) => {
    const credential = record[column]?.trim() ?? "";
    if (credential === "") throw refused(`${name}, line ${info.lines}: the column "credential" is empty.`);
    if (credential.includes(REPLACEMENT)) throw notUtf8(`${name}, line ${info.lines},`);
    return { line: info.lines, credential };
  });
}

/** What a byte becomes that is not UTF-8. */
const REPLACEMENT = "\ufffd";

function notUtf8(name: string): CliError {
  return refused(`${name} is not in UTF-8: save the table as "CSV UTF-8".`);
}

function recordsOf(text: string, name: string) {
  try {
    return rows.parse(
      parse(text, { bom: true, info: true, skip_empty_lines: true, delimiter: [",", ";", "\t"] }),
    );
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw refused(`${name} is not a CSV file: ${error.message}`);
  }
}
