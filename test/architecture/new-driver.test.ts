import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
let project: string;

/** A project of just what the script needs; the real one is never touched. */
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "lb-new-driver-"));
  for (const path of ["scripts/new-driver.mjs", "drivers/index.ts", "drivers/reference"]) {
    cpSync(join(root, path), join(project, path), { recursive: true });
  }
});
afterEach(() => rmSync(project, { recursive: true }));

function newDriver(...words: string[]) {
  const script = join(project, "scripts/new-driver.mjs");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...words], { encoding: "utf8" });
  return { status, stdout, stderr };
}

const index = () => readFileSync(join(project, "drivers/index.ts"), "utf8");
const filesOf = (driver: string) =>
  readdirSync(join(project, "drivers", driver), { recursive: true })
    .map(String)
    .sort();

test("copies every file under the new name and lists the driver", () => {
  const { status, stdout } = newDriver("acme-one");
  expect(status).toBe(0);
  expect(stdout).toContain("drivers/acme-one");
  expect(filesOf("acme-one")).toEqual(filesOf("reference"));
  for (const file of filesOf("acme-one")) {
    const text = readFileSync(join(project, "drivers/acme-one", file), "utf8");
    expect(text, file).not.toMatch(/\breference\b|Reference[A-Z]/);
  }
  expect(readFileSync(join(project, "drivers/acme-one/index.ts"), "utf8")).toContain('id: "acme-one"');
  expect(readFileSync(join(project, "drivers/acme-one/simulator.ts"), "utf8")).toContain(
    "class AcmeOneSimulator",
  );
  expect(index()).toContain('  "acme-one": () => import("./acme-one/index.js"),\n} as const satisfies');
});

test.each([
  ["no name", []],
  ["two names", ["acme", "other"]],
  ["a path", ["../acme"]],
  ["capitals", ["Acme"]],
  ["a name that is taken", ["reference"]],
  ["the name of the list", ["index"]],
])("refuses %s and changes nothing", (_, words) => {
  const before = index();
  const { status, stderr } = newDriver(...words);
  expect(status).toBe(2);
  expect(stderr).toMatch(/^new-driver\.mjs: .+\n$/);
  expect(index()).toBe(before);
  expect(readdirSync(join(project, "drivers"))).toEqual(["index.ts", "reference"]);
});
