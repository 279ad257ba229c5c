import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

/**
 * Time, timers, chance and the environment come in through interfaces, so that tests can own them. Only the edge
 * touches the real ones.
 */
const root = join(import.meta.dirname, "../..");
const EDGE = /^(src\/ops\/|src\/config\/|src\/main\.ts$|src\/sandbox\/)/;
const TESTS = /^test\/|\.test\.ts$/;

const BANNED_MEMBERS = new Set(["Date.now", "Math.random", "process.env", "performance.now"]);
const BANNED_CALLS = new Set(["setTimeout", "setInterval"]);
const BANNED_MODULES = new Set(["node:timers", "node:timers/promises", "timers", "timers/promises"]);

/** `path:line what` for each banned thing in a source text. */
function bannedIn(path: string, text: string): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023);
  const found: string[] = [];
  const report = (node: ts.Node, what: string) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    found.push(`${path}:${line + 1} ${what}`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node)) {
      const member = node.getText(source).replace(/^globalThis\./, "");
      if (BANNED_MEMBERS.has(member)) report(node, member);
    } else if (ts.isCallExpression(node)) {
      const called = node.expression.getText(source).replace(/^globalThis\./, "");
      if (BANNED_CALLS.has(called)) report(node, called);
    } else if (ts.isNewExpression(node)) {
      if (node.expression.getText(source) === "Date" && (node.arguments?.length ?? 0) === 0) {
        report(node, "new Date()");
      }
    } else if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      if (BANNED_MODULES.has(node.moduleSpecifier.text)) report(node, node.moduleSpecifier.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|mjs|cjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

const read = (path: string) => readFileSync(join(root, path), "utf8");

test("only the edge touches time, chance and the environment", () => {
  const inner = ["src", "drivers"]
    .flatMap(filesUnder)
    .filter((path) => !EDGE.test(path) && !TESTS.test(path));
  expect(inner.length).toBeGreaterThan(0);
  expect(inner.flatMap((path) => bannedIn(path, read(path)))).toEqual([]);
});

test("no test runs alone, no work is left marked in a comment", () => {
  // In pieces, so that this file does not find itself.
  const marks = new RegExp(`\\b(${["FIX" + "ME", "TO" + "DO", "XX" + "X"].join("|")})\\b`);
  const alone = new RegExp("\\b(test|it|describe)(\\.\\w+)*\\." + "only\\b");
  const found = ["src", "drivers", "test", "scripts"].flatMap(filesUnder).flatMap((path) =>
    read(path)
      .split("\n")
      .map((line, index) => ({ line, at: `${path}:${index + 1}` }))
      .filter(({ line }) => marks.test(line) || alone.test(line))
      .map(({ line, at }) => `${at} ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

test.each([
  ["const at = Date.now();", "Date.now"],
  ["const at = new Date();", "new Date()"],
  ["setTimeout(() => {}, 5);", "setTimeout"],
  ["globalThis.setInterval(() => {}, 5);", "setInterval"],
  ["const x = Math.random();", "Math.random"],
  ["const home = process.env.HOME;", "process.env"],
  ['import { setTimeout as sleep } from "node:timers/promises";', "node:timers/promises"],
])("finds %s", (text, what) => {
  expect(bannedIn("a.ts", text)).toEqual([`a.ts:1 ${what}`]);
});

test("lets alone what only looks alike", () => {
  const text = '// Date.now()\nconst s = "Math.random()"; new Date(0); clock.setTimeout(1);';
  expect(bannedIn("a.ts", text)).toEqual([]);
});
