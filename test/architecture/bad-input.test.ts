import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cases } from "#test/conformance/cases";

const root = join(import.meta.dirname, "../..");

function testsIn(folder: string): string {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .map((file) => readFileSync(join(root, folder, file), "utf8"))
    .join("\n");
}

test("docs/bad-input.md names only cases and tests that there are", () => {
  const page = readFileSync(join(root, "docs/bad-input.md"), "utf8");
  const named = [...page.matchAll(/`([^`]+)`/g)].map(([, name = ""]) => name);
  const ids = named.filter((name) => /^[A-Z]\d\d$/.test(name));
  expect(ids.length).toBeGreaterThan(30);
  expect(ids.filter((id) => !cases.some((known) => known.id === id))).toEqual([]);
  const own = named.flatMap((name) => {
    const [, folder, title] = /^((?:drivers|src|test)\/\w+): (.+)$/.exec(name) ?? [];
    return folder === undefined || title === undefined ? [] : [{ folder, title }];
  });
  expect(own.length).toBeGreaterThan(20);
  const missing = own.filter(({ folder, title }) => !testsIn(folder).includes(title));
  expect(missing).toEqual([]);
});
