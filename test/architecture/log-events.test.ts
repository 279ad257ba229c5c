import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

/**
 * Whoever runs a gateway builds alerts on `event`: each is a fixed word, comes with a fixed sentence, and stands in
 * docs/observability.md with its level and fields. The stand-in cloud and simulators are no part of a gateway.
 */
const root = join(import.meta.dirname, "../..");
const LEFT_OUT = /\.test\.ts$|^src\/sandbox\/|^drivers\/[^/]+\/(simulator[a-z-]*|conformance)\.ts$/;
const LEVELS = new Set(["trace", "debug", "info", "warn", "error"]);
/** A field that is spread or computed is named by the document alone. */
const LOG = /(^|\.|#)log$/i;

interface LogCall {
  readonly at: string;
  readonly level: string;
  readonly fields: ts.Expression | undefined;
  readonly message: ts.Expression | undefined;
  readonly event: string | undefined;
}

/** Calls of a logger, `log.warn({…}, "…")` and `log[level]({…}, "…")`, and the sync core's `notice(level, event, message, fields)`. */
function logCalls(path: string, text: string): LogCall[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ES2023);
  const calls: LogCall[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const at = `${path}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`;
      const { expression: callee, arguments: words } = node;
      if (ts.isPropertyAccessExpression(callee) && LEVELS.has(callee.name.text)) {
        if (LOG.test(callee.expression.getText(source)))
          calls.push({
            at,
            level: callee.name.text,
            fields: words[0],
            message: words[1],
            event: eventIn(words[0]),
          });
      } else if (ts.isElementAccessExpression(callee) && LOG.test(callee.expression.getText(source))) {
        calls.push({ at, level: "any", fields: words[0], message: words[1], event: eventIn(words[0]) });
      } else if (ts.isPropertyAccessExpression(callee) && callee.name.text === "notice") {
        const [level, event, message, fields] = words;
        calls.push({ at, level: textIn(level) ?? "any", fields, message, event: textIn(event) });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return calls;
}

function textIn(node: ts.Expression | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteral(node) ? node.text : undefined;
}

function eventIn(fields: ts.Expression | undefined): string | undefined {
  if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return undefined;
  const member = fields.properties.find((property) => nameIn(property) === "event");
  return member !== undefined && ts.isPropertyAssignment(member) ? textIn(member.initializer) : undefined;
}

function nameIn(property: ts.ObjectLiteralElementLike): string | undefined {
  return property.name !== undefined && ts.isIdentifier(property.name) ? property.name.text : undefined;
}

function fieldsIn({ fields }: LogCall): string[] {
  if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return [];
  return fields.properties.flatMap((property) => nameIn(property) ?? []).filter((name) => name !== "event");
}

const found = ["src", "drivers"]
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
  )
  .filter((path) => !LEFT_OUT.test(path))
  .flatMap((path) => logCalls(path, readFileSync(join(root, path), "utf8")))
  // The link hands on what the sync core noticed, which is found where it is noticed.
  .filter(
    ({ at, level, event }) =>
      !(at.startsWith("src/cloud/link.ts:") && level === "any" && event === undefined),
  );

/** Event → level and fields, as the document's table of events lists them. */
const documented = new Map(
  [
    ...readFileSync(join(root, "docs/observability.md"), "utf8").matchAll(
      /^\| `([a-z_\d.]+)` +\| ([a-z, ]+?) +\| (.*?) +\| [^|]+\| [^|]+\|$/gm,
    ),
  ].map(([, event = "", levels = "", fields = ""]) => [
    event,
    { levels: levels.split(/, | or /), fields: [...fields.matchAll(/`(\w+)`/g)].map(([, name]) => name) },
  ]),
);

test("every line of the log has a fixed event and a fixed sentence", () => {
  expect(found.length).toBeGreaterThan(15);
  const loose = found.filter(({ event, message }) => event === undefined || textIn(message) === undefined);
  expect(loose.map(({ at }) => at)).toEqual([]);
});

test("docs/observability.md lists every event with its level and fields, and no other", () => {
  expect([...documented.keys()].sort()).toEqual([...new Set(found.map(({ event }) => event))].sort());
  for (const call of found) {
    const { levels = [], fields = [] } = documented.get(call.event ?? "") ?? {};
    if (call.level !== "any")
      expect([call.at, levels]).toEqual([call.at, expect.arrayContaining([call.level])]);
    for (const field of fieldsIn(call))
      expect([call.at, fields]).toEqual([call.at, expect.arrayContaining([field])]);
  }
});

test("no field has a name that the log masks, for then nobody could read it", () => {
  const masked = found.flatMap((call) =>
    fieldsIn(call)
      .filter((name) => ["code", "pin", "token", "key"].includes(name))
      .map((name) => `${call.at} ${name}`),
  );
  expect(masked).toEqual([]);
});
