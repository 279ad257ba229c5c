import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

/**
 * That the real tree keeps its boundaries is a step of `npm test` by itself. This test shows that the rules bite: it
 * lays out a small tree in which one import after another is forbidden, and looks for each rule by name.
 */
const root = join(import.meta.dirname, "../..");

const CASES: readonly { readonly file: string; readonly imports: string; readonly breaks: string | null }[] =
  [
    {
      file: "src/domain/a.ts",
      imports: "#src/engine/target",
      breaks: "src/domain imports only what its layer may",
    },
    {
      file: "src/store/a.ts",
      imports: "#src/cloud/target",
      breaks: "src/store imports only what its layer may",
    },
    {
      file: "src/cli/a.ts",
      imports: "#src/config/target",
      breaks: "src/cli imports only what its layer may",
    },
    { file: "src/cli/b.ts", imports: "#src/api/schemas/target", breaks: null },
    { file: "src/api/a.ts", imports: "#src/engine/target", breaks: null },
    { file: "src/lib/a.ts", imports: "#test/target", breaks: "src/lib imports only what its layer may" },
    {
      file: "drivers/acme/a.ts",
      imports: "#src/engine/target",
      breaks: "drivers/* imports only what its layer may",
    },
    {
      file: "drivers/acme/b.ts",
      imports: "#drivers/brand/target",
      breaks: "drivers never import one another",
    },
    { file: "drivers/acme/c.ts", imports: "zod", breaks: null },
    { file: "drivers/acme/d.ts", imports: "serialport", breaks: "drivers/* uses only its packages" },
    { file: "drivers/acme/e.ts", imports: "node:fs", breaks: "drivers/* does no input and output" },
    {
      file: "drivers/acme/index.ts",
      imports: "./simulator.js",
      breaks: "simulators are for the sandbox and for tests",
    },
    { file: "src/devices/a.ts", imports: "serialport", breaks: "src/devices uses only its packages" },
    { file: "src/transports/a.ts", imports: "serialport", breaks: null },
    { file: "src/engine/a.ts", imports: "better-sqlite3", breaks: "src/engine uses only its packages" },
    {
      file: "src/sandbox/a.ts",
      imports: "better-sqlite3",
      breaks: "in the sandbox only the stand-in cloud has a database of its own",
    },
    { file: "src/sandbox/cloud/a.ts", imports: "better-sqlite3", breaks: null },
    { file: "src/gateway.ts", imports: "#src/sandbox/target", breaks: "only main starts the sandbox" },
    { file: "src/main.ts", imports: "#src/sandbox/target", breaks: "main loads the sandbox only when asked" },
    { file: "src/novel/a.ts", imports: "#src/lib/target", breaks: "every part of src is in the table" },
    { file: "src/ops/a.ts", imports: "#src/lib/nowhere", breaks: "every import resolves" },
    { file: "src/ops/b.ts", imports: "vitest", breaks: "the product runs without development packages" },
    { file: "src/store/a.test.ts", imports: "#src/cloud/target", breaks: null },
    { file: "src/cards/a.ts", imports: "./b.js", breaks: "no cycles" },
  ];

/** Where the allowed and the forbidden imports lead. */
const TARGETS = [
  "src/api/schemas/target.ts",
  "src/cloud/target.ts",
  "src/config/target.ts",
  "src/engine/target.ts",
  "src/lib/target.ts",
  "src/sandbox/target.ts",
  "drivers/brand/target.ts",
  "drivers/acme/simulator.ts",
  "test/target.ts",
];

interface Found {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

const tree = mkdtempSync(join(tmpdir(), "lockbridge-boundaries-"));
let found: Found["summary"]["violations"] = [];

beforeAll(async () => {
  for (const name of ["package.json", "tsconfig.json"]) copyFileSync(join(root, name), join(tree, name));
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  for (const target of TARGETS) write(target, "export const target = 1;\n");
  for (const { file, imports } of CASES) write(file, `import "${imports}";\nexport const it = 1;\n`);
  write("src/cards/b.ts", 'import "./a.js";\n');
  const config = join(root, ".dependency-cruiser.cjs");
  const words = ["src", "drivers", "--config", config, "--output-type", "json"];
  const report = await output(join(root, "node_modules/.bin/depcruise"), words);
  found = (JSON.parse(report) as Found).summary.violations;
});

afterAll(() => rmSync(tree, { recursive: true, force: true }));

test.each(CASES)("$file importing $imports: $breaks", ({ file, breaks }) => {
  const names = found.filter(({ from }) => from === file).map(({ rule }) => rule.name);
  if (breaks === null) expect(names).toEqual([]);
  else expect(names).toContain(breaks);
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
}

/** The cruiser exits with the number of violations: here, many are wanted. */
function output(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, words, { cwd: tree, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout) => resolve(stdout));
  });
}
