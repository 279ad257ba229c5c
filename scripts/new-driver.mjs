/**
 * `npm run new-driver NAME`: makes `drivers/NAME` from the reference driver and adds its line to `drivers/index.ts`.
 * The copy is a working driver for the imaginary device: its tests pass at once, and you change it step by step.
 */
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const TEMPLATE = "reference";
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const NAME_LENGTH_MAX = 32;
const INDEX = join(root, "drivers", "index.ts");
const LIST_END = "\n} as const satisfies";

function main(words) {
  const [name] = words;
  if (words.length !== 1 || name === undefined) return fail("say its name: npm run new-driver acme");
  if (!NAME.test(name) || name.length > NAME_LENGTH_MAX) {
    return fail(
      `"${name}" is no name for a driver: small letters, digits and single hyphens, like "acme-one"`,
    );
  }
  const folder = join(root, "drivers", name);
  if (name === "index" || existsSync(folder)) {
    return fail(
      `drivers/${name} is taken: choose another name, or delete the folder and its line in drivers/index.ts`,
    );
  }
  const index = readFileSync(INDEX, "utf8");
  if (!index.includes(LIST_END))
    return fail("drivers/index.ts has no list that ends as expected: add the line by hand");

  copyTemplate(name, folder);
  writeFileSync(INDEX, index.replace(LIST_END, `\n  ${entry(name)},${LIST_END}`));
  console.log(nextSteps(name));
  return 0;
}

/** Under another name first, so that a copy that was broken off leaves no half driver behind. */
function copyTemplate(name, folder) {
  const unfinished = `${folder}.new`;
  rmSync(unfinished, { recursive: true, force: true });
  cpSync(join(root, "drivers", TEMPLATE), unfinished, { recursive: true });
  for (const file of readdirSync(unfinished, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    writeFileSync(path, renamed(readFileSync(path, "utf8"), name));
  }
  renameSync(unfinished, folder);
}

/** `reference` is the id and folder, `Reference` the beginning of class names. */
function renamed(text, name) {
  const className = name.replaceAll(/(^|-)([a-z0-9])/g, (_, __, letter) => letter.toUpperCase());
  return text.replaceAll(/\breference\b/g, name).replaceAll(/\bReference(?=[A-Z])/g, className);
}

function entry(name) {
  const key = name.includes("-") ? `"${name}"` : name;
  return `${key}: () => import("./${name}/index.js")`;
}

function nextSteps(name) {
  const folder = relative(root, join(root, "drivers", name));
  return `Made ${folder}: a copy of the reference driver that works, for a device that does not exist.
It is in drivers/index.ts. Check that it works:

  npx prettier --write ${folder}
  npx vitest run ${folder}
  npx vitest run test/conformance -t ${name}

Then make it yours, in this order (docs/driver-guide.md says how):

  1. vectors.json    bytes from the vendor's document or from a capture, each with its source
  2. protocol.ts     until protocol.test.ts passes with them
  3. simulator.ts    the device's end of the line, written from the document, not from protocol.ts
  4. session.ts      until the conformance suite passes; delete the capabilities your device has not
  5. evidence.json   what you know, and how well; README.md: wiring, sources, what is unproven`;
}

function fail(message) {
  console.error(`${basename(fileURLToPath(import.meta.url))}: ${message}`);
  return 2;
}

process.exitCode = main(process.argv.slice(2));
