import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import { type Finding, type Path, type Problem, textOf } from "./problem.js";

/** A YAML text that parsed, with the place of everything in it. */
export interface ConfigDocument {
  /** Plain data; `null` for an empty file. */
  readonly data: unknown;
  readonly locate: (finding: Finding) => Problem;
}

/** Parses a YAML text. Every syntax error is a problem with its place; nothing throws. */
export function parseConfigText(
  text: string,
):
  | { readonly ok: true; readonly document: ConfigDocument }
  | { readonly ok: false; readonly problems: Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems = [...document.errors, ...document.warnings].map((error): Problem => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { path: "", line, column: col, message: error.message };
  });
  if (problems.length > 0) return { ok: false, problems };
  try {
    const data: unknown = document.toJS({ maxAliasCount: 100 });
    return { ok: true, document: { data, locate: (finding) => locate(document, lines, finding) } };
  } catch (error) {
    // Aliases that lead nowhere or multiply beyond reason are found only when they are followed.
    const message = error instanceof Error ? error.message : "the aliases cannot be followed";
    return { ok: false, problems: [{ path: "", line: 1, column: 1, message }] };
  }
}

function locate(document: Document, lines: LineCounter, finding: Finding): Problem {
  const { line, col } = lines.linePos(offsetOf(document, finding.path, finding.at));
  const { message, suggestion } = finding;
  const problem = { path: textOf(finding.path), line: Math.max(1, line), column: Math.max(1, col), message };
  return suggestion === undefined ? problem : { ...problem, suggestion };
}

/** Offset of the deepest part of `path` that is in the text. */
function offsetOf(document: Document, path: Path, at: "key" | "value"): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const [depth, step] of path.entries()) {
    const isLast = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => (isScalar(key) ? String(key.value) : key) === String(step));
      if (pair === undefined) break;
      offset = startOf(pair.key) ?? offset;
      if (!(isLast && at === "key")) node = pair.value;
      if (isLast && at === "value") offset = startOf(pair.value) ?? offset;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = startOf(node) ?? offset;
    } else break;
  }
  return offset;
}

function startOf(node: unknown): number | undefined {
  return typeof node === "object" && node !== null && "range" in node ? (node as Node).range?.[0] : undefined;
}
