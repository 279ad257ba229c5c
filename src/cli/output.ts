import CliTable from "cli-table3";
import type { CliError } from "./exit-codes.js";

/** Where a command speaks. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
}

/**
 * Says results: to a person in words and tables, to a script (`--json`) as one JSON object a line and nothing else.
 */
export class Output {
  readonly #streams: Streams;
  readonly isJson: boolean;

  constructor(streams: Streams, isJson: boolean) {
    this.#streams = streams;
    this.isJson = isJson;
  }

  /** One result: `facts` for a script, `words` for a person. */
  say(facts: object, words: string): void {
    this.#streams.out(`${this.isJson ? JSON.stringify(facts) : words}\n`);
  }

  /** Several of a kind: a line each for a script, a table for a person. */
  list<T extends object>(
    items: readonly T[],
    table: { readonly columns: Columns<T>; readonly empty: string },
  ): void {
    if (this.isJson) {
      for (const item of items) this.#streams.out(`${JSON.stringify(item)}\n`);
    } else {
      this.#streams.out(`${items.length === 0 ? table.empty : tableOf(items, table.columns)}\n`);
    }
  }

  /** For a person only; it does not belong to the result. */
  note(words: string): void {
    this.#streams.error(`${words}\n`);
  }

  failure({ type, message, exitCode }: CliError): void {
    if (this.isJson)
      this.#streams.out(`${JSON.stringify({ error: { type, message }, exit_code: exitCode })}\n`);
    else this.#streams.error(`${message}\n`);
  }
}

/** Heading → what stands in the column. */
export type Columns<T> = Readonly<Record<string, (item: T) => string>>;

function tableOf<T>(items: readonly T[], columns: Columns<T>): string {
  const table = new CliTable({
    head: Object.keys(columns),
    chars: PLAIN,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
  });
  for (const item of items) table.push(Object.values(columns).map((cell) => cell(item)));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** No lines: they are noise to a screen reader and to `grep`. */
const PLAIN = Object.fromEntries(
  [
    "top",
    "top-mid",
    "top-left",
    "top-right",
    "bottom",
    "bottom-mid",
    "bottom-left",
    "bottom-right",
    "left",
    "left-mid",
    "mid",
    "mid-mid",
    "right",
    "right-mid",
    "middle",
  ].map((name) => [name, ""]),
);
