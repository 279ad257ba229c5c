import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkout, debianRoot, installBelow, makeRoot, requireBuild } from "./staged-root.js";

/** The installer, on a staged root that looks like a Debian one. */
let pristine = "";

beforeAll(() => {
  requireBuild();
  pristine = makeRoot();
  installBelow(pristine);
}, 180_000);

afterAll(() => rmSync(pristine, { recursive: true, force: true }));

/** A root with Lockbridge installed. Its files are shared with other tests: replace them, never write into them. */
function installedRoot(): string {
  const root = debianRoot();
  execFileSync("cp", ["-alT", pristine, root]);
  return root;
}

function replace(path: string, content: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, content);
}

/** Everything below a root: kind, mode and content of each path. */
function snapshot(root: string): Map<string, string> {
  const facts = readdirSync(root, { recursive: true, withFileTypes: true }).map((entry): [string, string] => {
    const path = join(entry.parentPath, entry.name);
    const { mode } = lstatSync(path);
    const content = entry.isSymbolicLink()
      ? readlinkSync(path)
      : entry.isFile()
        ? hash(readFileSync(path))
        : "";
    return [path.slice(root.length), `${mode.toString(8)} ${content}`];
  });
  return new Map(facts.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function run(command: string, root: string, ...options: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["scripts/install.mjs", command, "--root", root, ...options],
    { cwd: checkout, encoding: "utf8" },
  );
  return { status, said: stdout, error: stderr };
}

const modeOf = (path: string) => (lstatSync(path).mode & 0o7777).toString(8);

test("install then purge leaves the root exactly as it was", () => {
  const root = debianRoot();
  const before = snapshot(root);
  expect(run("install", root)).toMatchObject({ status: 0, error: "" });
  expect(snapshot(root).size).toBeGreaterThan(before.size + 100);
  expect(run("purge", root)).toMatchObject({ status: 0, error: "" });
  expect(snapshot(root)).toEqual(before);
}, 60_000);

test("remove keeps configuration and state, and takes all else", () => {
  const root = installedRoot();
  const enabled = join(root, "etc/systemd/system/multi-user.target.wants/lockbridge.service");
  mkdirSync(join(enabled, ".."), { recursive: true });
  symlinkSync("/usr/lib/systemd/system/lockbridge.service", enabled);
  mkdirSync(join(root, "var/lib/lockbridge"), { recursive: true });
  writeFileSync(join(root, "var/lib/lockbridge/lockbridge.db"), "records");
  const removed = run("remove", root);
  expect(removed.said).toBe("Removed. Kept: /etc/lockbridge, /var/lib/lockbridge.\n");
  const left = [...snapshot(root).keys()].filter((path) => path.includes("lockbridge"));
  expect(left).toEqual([
    "/etc/lockbridge",
    "/etc/lockbridge/lockbridge.yaml",
    "/var/lib/lockbridge",
    "/var/lib/lockbridge/lockbridge.db",
  ]);
  expect(run("remove", root)).toMatchObject({ status: 0 });
  expect(run("purge", root)).toMatchObject({ status: 0 });
  expect([...snapshot(root).keys()].filter((path) => path.includes("lockbridge"))).toEqual([]);
}, 60_000);

test("installing again changes nothing, keeps the configuration, and takes what is no longer shipped", () => {
  const root = installedRoot();
  const config = join(root, "etc/lockbridge/lockbridge.yaml");
  replace(config, "mine\n");
  const first = snapshot(root);
  const manifestPath = join(root, "usr/lib/lockbridge/manifest.json");
  const manifest = JSON.parse(readFileSync(manifestPath, "utf8")) as { files: string[] };
  replace(
    manifestPath,
    JSON.stringify({ ...manifest, files: [...manifest.files, "usr/bin/of-an-old-release"] }),
  );
  writeFileSync(join(root, "usr/bin/of-an-old-release"), "");
  expect(run("install", root)).toMatchObject({ status: 0 });
  expect(snapshot(root)).toEqual(first);
}, 60_000);

test("a library that only some drivers need comes when it is asked for, with all that it needs, and stays", () => {
  const root = debianRoot();
  expect(run("install", root, "--with", "zwave-js")).toMatchObject({ status: 0, error: "" });
  const program = join(root, "usr/lib/lockbridge");
  const load = 'await import("zwave-js")';
  const loads = () =>
    spawnSync(process.execPath, ["--input-type=module", "-e", load], { cwd: program, encoding: "utf8" });
  expect(loads()).toMatchObject({ status: 0, stderr: "" });
  expect(run("install", root)).toMatchObject({ status: 0, error: "" });
  expect(loads().status).toBe(0);
  expect(snapshot(installedRoot()).has("/usr/lib/lockbridge/node_modules/zwave-js/package.json")).toBe(false);
}, 180_000);

test("an exchange that a power cut interrupted is healed", () => {
  const root = installedRoot();
  const whole = snapshot(root);
  const program = join(root, "usr/lib/lockbridge");
  execFileSync("mv", [program, `${program}.old`]);
  mkdirSync(`${program}.new`);
  writeFileSync(join(`${program}.new`, "half"), "");
  expect(run("install", root)).toMatchObject({ status: 0 });
  expect(snapshot(root)).toEqual(whole);
}, 60_000);

test("what others own is not touched", () => {
  const root = debianRoot();
  writeFileSync(join(root, "usr/bin/lockbridge"), "somebody else's");
  const before = snapshot(root);
  const { status, error } = run("install", root);
  expect(status).toBe(1);
  expect(error).toContain("/usr/bin/lockbridge is there already and was not put there by this installer");
  expect(snapshot(root)).toEqual(before);
});

test("everybody may run the program, only root and the daemon may read the configuration", () => {
  const root = installedRoot();
  const program = join(root, "usr/lib/lockbridge");
  for (const [path, fact] of snapshot(program)) expect(`${path} ${fact}`).toMatch(/ (40755|100644|100755) /);
  expect(modeOf(join(root, "usr/bin/lockbridge"))).toBe("755");
  expect(modeOf(join(root, "etc/lockbridge"))).toBe("750");
  expect(modeOf(join(root, "etc/lockbridge/lockbridge.yaml"))).toBe("640");
  const development = ["vitest", "typescript", "eslint", "seam"].map(
    (name) => `/node_modules/${name}/package.json`,
  );
  const installed = snapshot(program);
  expect(development.filter((path) => installed.has(path))).toEqual([]);
}, 60_000);

test("the first configuration is a good one, with an id of its own", () => {
  const root = installedRoot();
  const path = join(root, "etc/lockbridge/lockbridge.yaml");
  const main = join(root, "usr/lib/lockbridge/dist/src/main.js");
  const said = execFileSync(process.execPath, [main, "check-config", path], {
    encoding: "utf8",
    env: { PATH: "/usr/bin" },
  });
  expect(said).toContain("good");
  const example = readFileSync(join(checkout, "config/lockbridge.example.yaml"), "utf8");
  const idIn = (text: string) => /^site:\n {2}id: (\S+)$/m.exec(text)?.[1];
  expect(idIn(readFileSync(path, "utf8"))).toMatch(/^[0-9a-f-]{36}$/);
  expect(idIn(readFileSync(path, "utf8"))).not.toBe(idIn(example));
});

test.each([
  [["fetch"]],
  [[]],
  [["install", "--root"]],
  [["install", "--force", "x"]],
  [["install", "--with", "left-pad"]],
  [["remove", "--with", "zwave-js"]],
])("a mistake is one sentence: %j", (words) => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/install.mjs", ...words], {
    cwd: checkout,
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/^[^\n]+\n$/);
});
