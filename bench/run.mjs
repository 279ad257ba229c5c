/**
 * `npm run bench -- NAME [words for the bench]`: runs bench/NAME.ts in a process of its own. A bench prints a table for
 * people, then one line of JSON. bench/README.md says what each one measures.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [name = "", ...words] = process.argv.slice(2);
const names = readdirSync(join(root, "bench"))
  .filter((file) => file.endsWith(".bench.ts"))
  .map((file) => file.replace(".bench.ts", ""));

if (!names.includes(name)) {
  console.error(`Usage: npm run bench -- NAME. There are: ${names.join(", ")}`);
  process.exit(2);
}
const hooks = join(root, "test/support/typescript-hooks.mjs");
const script = join(root, "bench", `${name}.bench.ts`);
const node = ["--conditions=source", "--import", hooks, script, ...words];
process.exitCode = spawnSync(process.execPath, node, { cwd: root, stdio: "inherit" }).status ?? 1;
