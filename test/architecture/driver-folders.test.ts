import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { drivers } from "#drivers/index";
import { evidenceSchema } from "#src/driver-api/evidence";

/** A driver's folder is complete, and nothing lies in `drivers/` that is not in the list. */
const root = join(import.meta.dirname, "../../drivers");
const FILES = [
  "README.md",
  "index.ts",
  "protocol.ts",
  "session.ts",
  "simulator.ts",
  "conformance.ts",
  "vectors.json",
  "evidence.json",
];
/** Drivers on a library of somebody else's, which has protocol and session in it. */
const ON_A_LIBRARY: Readonly<Record<string, readonly string[]>> = { zwave: ["protocol.ts", "session.ts"] };
const INDEX_LINES_MAX = 100;

test("the folders are the list", () => {
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(drivers).sort());
});

describe.each(Object.entries(drivers))("%s", (id, load) => {
  const folder = join(root, id);

  test("is called what its folder is called", async () => {
    expect((await load()).default.id).toBe(id);
  });

  test("has every file that a reader looks for", () => {
    const missing = FILES.filter((file) => !existsSync(join(folder, file)));
    expect(missing).toEqual(ON_A_LIBRARY[id] ?? []);
  });

  test("has tests of its own", () => {
    const files = readdirSync(folder, { recursive: true }).map(String);
    expect(files.filter((file) => file.endsWith(".test.ts"))).not.toEqual([]);
  });

  test("says what is known about its device, and how well", () => {
    const evidence: unknown = JSON.parse(readFileSync(join(folder, "evidence.json"), "utf8"));
    expect(evidenceSchema.safeParse(evidence).error?.issues ?? []).toEqual([]);
  });

  test("its vectors name their source", () => {
    const vectors: unknown = JSON.parse(readFileSync(join(folder, "vectors.json"), "utf8"));
    expect(sourcesIn(vectors)).not.toEqual([]);
  });

  test("begins with an index that fits a screen or two", () => {
    const lines = readFileSync(join(folder, "index.ts"), "utf8").split("\n").length;
    expect(lines).toBeLessThan(INDEX_LINES_MAX);
  });
});

/** Every non-empty `source` anywhere in the document. */
function sourcesIn(value: unknown): readonly string[] {
  const record = z.record(z.string(), z.unknown()).safeParse(value);
  const own = record.success && typeof record.data["source"] === "string" ? [record.data["source"]] : [];
  const inner = Array.isArray(value) ? value : Object.values(record.data ?? {});
  return [...own, ...inner.flatMap(sourcesIn)].filter((source) => source !== "");
}
