import { readFileSync } from "node:fs";
import type { Client } from "./sdks.js";

/**
 * The JavaScript of docs/api.md, section "Seam's own samples", run as it stands there. What a sample names in capitals
 * is filled in by the test, as a reader would.
 */
export function snippets(): ReadonlyMap<string, string> {
  const text = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
  const [, section = ""] = text.split("## Seam's own samples");
  const found = section.split("\n## ")[0]?.matchAll(/^### (.+)\n[^]*?```js\n([^]*?)```/gm) ?? [];
  return new Map([...found].map(([, title = "", code = ""]) => [title, code]));
}

/** Runs it; resolves with what the sample's call answers. */
export async function runSnippet(
  code: string,
  seam: Client,
  names: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const body = code.replace(/^(?=await seam)/m, "return ");
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- it is our own documentation
  const run = new Function("seam", ...Object.keys(names), `return (async () => {${body}})();`) as (
    ...values: unknown[]
  ) => Promise<unknown>;
  return run(seam, ...Object.values(names));
}
