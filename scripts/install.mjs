/**
 * Puts the built checkout on this Debian machine as a service, and takes it off again:
 *
 *   node scripts/install.mjs install [--with zwave-js] | remove | purge  [--root DIR]
 *
 * `remove` keeps configuration and state, `purge` takes them too. `--with` takes a library along that only some drivers
 * need; later installs keep it. With `--root` only files are placed or taken, below
 * DIR: no user is made, no service touched; that is for images and packages. No network and no npm is needed: the
 * modules are those of the checkout that the lock file does not mark as for development.
 */
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const checkout = dirname(dirname(fileURLToPath(import.meta.url)));

/** The program itself: a folder that is ours alone, exchanged as a whole. */
const PROGRAM = "usr/lib/lockbridge";
const MANIFEST = `${PROGRAM}/manifest.json`;
const LAUNCHER = "usr/bin/lockbridge";
/** Where it goes → where it comes from. */
const FILES = {
  "usr/lib/systemd/system/lockbridge.service": "systemd/lockbridge.service",
  "usr/lib/sysusers.d/lockbridge.conf": "systemd/lockbridge.sysusers.conf",
  "usr/lib/tmpfiles.d/lockbridge.conf": "systemd/lockbridge.tmpfiles.conf",
  "usr/lib/modules-load.d/lockbridge.conf": "systemd/lockbridge.modules-load.conf",
  "usr/lib/udev/rules.d/60-lockbridge.rules": "systemd/60-lockbridge.rules",
  "usr/share/doc/lockbridge/operating.md": "docs/operating.md",
};
const CONFIG = "etc/lockbridge/lockbridge.yaml";
const ENABLED = "etc/systemd/system/multi-user.target.wants/lockbridge.service";
/** What only `purge` takes: configuration, the administrator's changes to the unit, state. */
const KEPT = ["etc/lockbridge", "etc/systemd/system/lockbridge.service.d", "var/lib/lockbridge"];

/** What compiling native modules leaves behind, and what only an editor reads: more than half of all bytes. */
const NEEDLESS = [
  /^node_modules\/better-sqlite3\/deps$/,
  /\/build\/Release\/(obj|obj\.target|[^/]+\.a)$/,
  /^node_modules\/.*\.([cm]?ts|map)$/,
];

function main([command, ...words]) {
  const action = { install, remove, purge }[command];
  if (action === undefined)
    fail("Usage: node scripts/install.mjs install [--with LIBRARY] | remove | purge  [--root DIR]");
  const { root, libraries } = optionsOf(words, command === "install");
  if (root === "/" && process.getuid() !== 0) fail("Only root may change this machine: run it with sudo.");
  process.umask(0o022);
  action(root, libraries);
}

function optionsOf(words, isInstall) {
  const options = { root: "/", libraries: [] };
  for (let at = 0; at < words.length; at += 2) {
    const [name, value] = words.slice(at, at + 2);
    if (name === "--root" && value !== undefined) options.root = resolve(value);
    else if (name === "--with" && optionalLibraries().includes(value) && isInstall)
      options.libraries.push(value);
    else if (name === "--with" && isInstall) fail(`--with takes one of: ${optionalLibraries().join(", ")}`);
    else fail(`Not understood: ${words.join(" ")}`);
  }
  return options;
}

/** Libraries that a driver can do without until it is configured. */
function optionalLibraries() {
  return Object.keys(JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")).peerDependencies);
}

// ── The three commands ───────────────────────────────────────────────────────────────────────────────────────────

function install(root, wanted) {
  requireBuild();
  requireReachableNode(root);
  healInterruptedExchange(root);
  const before = readManifest(root);
  const libraries = [...new Set([...(before.libraries ?? []), ...wanted])];
  const files = [...Object.keys(FILES), LAUNCHER];
  refuseForeignFiles(root, files, before);

  const folders = new Set(before.folders);
  for (const path of [...files, MANIFEST, CONFIG])
    for (const made of absentFolders(root, path)) folders.add(made);
  const version = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")).version;
  exchangeProgram(root, { version, files, folders: [...folders], libraries });
  for (const [to, from] of Object.entries(FILES)) put(root, to, readFileSync(join(checkout, from)), 0o644);
  put(root, LAUNCHER, launcher(), 0o755);
  for (const gone of before.files.filter((path) => !files.includes(path))) takeFile(root, gone);
  const isFirst = putConfig(root);
  if (root === "/") wire();
  sayNext({ root, version, isFirst });
}

function remove(root) {
  healInterruptedExchange(root);
  const { files, folders, isThere } = readManifest(root);
  if (!isThere) {
    say(`Lockbridge is not installed below ${root}.`);
    return;
  }
  if (root === "/" && isSystemdRunning()) must("systemctl", ["disable", "--now", "lockbridge.service"]);
  takeFile(root, ENABLED);
  for (const path of files) takeFile(root, path);
  rmSync(join(root, PROGRAM), { recursive: true });
  takeEmptyFolders(root, folders);
  if (root === "/" && isSystemdRunning()) {
    must("systemctl", ["daemon-reload"]);
    mayFail("udevadm", ["control", "--reload"]);
  }
  const kept = KEPT.filter((path) => existsSync(join(root, path)));
  say(kept.length === 0 ? "Removed." : `Removed. Kept: ${kept.map((path) => `/${path}`).join(", ")}.`);
}

function purge(root) {
  const { folders } = readManifest(root);
  remove(root);
  for (const path of KEPT) rmSync(join(root, path), { recursive: true, force: true });
  takeEmptyFolders(root, folders);
  if (root === "/" && isSystemdRunning()) must("systemctl", ["daemon-reload"]);
  say("Purged: configuration, keys and all that was recorded are gone.");
  if (root === "/") say("The user lockbridge stays, so that nobody else gets its number: deluser lockbridge");
}

// ── Before anything is changed ───────────────────────────────────────────────────────────────────────────────────

function requireBuild() {
  if (existsSync(join(checkout, "dist/src/main.js"))) return;
  fail("There is nothing built to install: run `node scripts/setup.mjs build` first.");
}

/** The service runs under the Node that ran this, and the unit hides homes. */
function requireReachableNode(root) {
  if (root !== "/" || !/^\/(home|root|run\/user)\//.test(node())) return;
  fail(
    `The service cannot see ${node()}: install Node.js for the whole machine, and run this with that one.`,
  );
}

function node() {
  return realpathSync(process.execPath);
}

function refuseForeignFiles(root, files, before) {
  if (!before.isThere && existsSync(join(root, PROGRAM))) fail(foreign(root, PROGRAM));
  for (const path of files) {
    if (!before.files.includes(path) && isThere(root, path)) fail(foreign(root, path));
  }
}

function foreign(root, path) {
  return `${join(root, path)} is there already and was not put there by this installer: move it away first.`;
}

function readManifest(root) {
  const path = join(root, MANIFEST);
  if (!existsSync(path)) return { isThere: false, files: [], folders: [] };
  return { isThere: true, ...JSON.parse(readFileSync(path, "utf8")) };
}

/** Folders above `path` that do not exist yet; they go again when they end up empty. */
function absentFolders(root, path) {
  const absent = [];
  for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
    if (!existsSync(join(root, folder))) absent.push(folder);
  }
  return absent;
}

// ── The program ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The whole program is made beside the old one and takes its place at once: a daemon never sees half of each. */
function exchangeProgram(root, manifest) {
  const program = join(root, PROGRAM);
  const fresh = `${program}.new`;
  rmSync(fresh, { recursive: true, force: true });
  for (const path of ["package.json", "dist", "config", ...productionModules(manifest.libraries)])
    copy(path, join(fresh, path));
  writeFileSync(join(fresh, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  requireNativeModules(fresh);
  if (existsSync(program)) renameSync(program, `${program}.old`);
  renameSync(fresh, program);
  rmSync(`${program}.old`, { recursive: true, force: true });
}

/** A power cut between the two renames leaves no program; the old one is still there. */
function healInterruptedExchange(root) {
  const program = join(root, PROGRAM);
  if (existsSync(program) || !existsSync(`${program}.old`)) return;
  renameSync(`${program}.old`, program);
}

/** Folders of the packages that the product runs with, these libraries among them. */
function productionModules(libraries) {
  const { packages } = JSON.parse(readFileSync(join(checkout, "package-lock.json"), "utf8"));
  const along = new Set(libraries.flatMap((library) => [...closureOf(library, packages)]));
  const wanted = Object.entries(packages).filter(
    ([path, { dev }]) => path !== "" && (dev !== true || along.has(path)),
  );
  return wanted.flatMap(([path, { optional, devOptional, peer }]) => {
    if (existsSync(join(checkout, path))) return [path];
    if (optional === true || devOptional === true || peer === true) return [];
    return fail(`${path} is missing: run npm ci first.`);
  });
}

/** The folder of a package and those of all that it needs, as the lock file has them. */
function closureOf(library, packages) {
  const found = new Set();
  const visit = (name, from) => {
    const path = nearest(name, from, packages);
    if (path === undefined || found.has(path)) return;
    found.add(path);
    const { dependencies = {}, optionalDependencies = {} } = packages[path];
    for (const inner of Object.keys({ ...dependencies, ...optionalDependencies })) visit(inner, path);
  };
  visit(library, "");
  return found;
}

/** Where Node finds a package from the folder `from` on: there, or in a folder above. */
function nearest(name, from, packages) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const path = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (path in packages) return path;
    if (folder === "") return undefined;
  }
}

/** Copies a file or folder of the checkout, readable by all whatever the checkout's modes are. */
function copy(path, target) {
  const from = join(checkout, path);
  const facts = lstatSync(from);
  if (facts.isDirectory()) {
    mkdirSync(target, { recursive: true });
    for (const name of readdirSync(from)) {
      const inner = `${path}/${name}`;
      // Packages inside packages have entries of their own; names with a dot are marks of npm and of the build.
      if (name === "node_modules" || name.startsWith(".")) continue;
      if (NEEDLESS.some((pattern) => pattern.test(inner))) continue;
      copy(inner, join(target, name));
    }
  } else if (facts.isFile()) {
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(from, target);
    chmodSync(target, (facts.mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}

/** Native modules belong to one Node: better to learn it now than from a service that does not start. */
function requireNativeModules(program) {
  const script = `import Database from "better-sqlite3"; new Database(":memory:").close(); await import("serialport");`;
  const { status, stderr } = spawnSync(node(), ["--input-type=module", "-e", script], { cwd: program });
  if (status === 0) return;
  rmSync(program, { recursive: true, force: true });
  fail(`${stderr.toString()}\nThe compiled modules do not load with ${node()}: run npm ci with that one.`);
}

// ── Single files ─────────────────────────────────────────────────────────────────────────────────────────────────

function put(root, path, content, mode) {
  const target = join(root, path);
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(`${target}.new`, content);
  chmodSync(`${target}.new`, mode);
  renameSync(`${target}.new`, target);
}

function launcher() {
  return `#!/bin/sh\nexec ${node()} /${PROGRAM}/dist/src/main.js "$@"\n`;
}

/** The first configuration is the example with an id of its own: every id of a site comes from that one. */
function putConfig(root) {
  if (existsSync(join(root, CONFIG))) return false;
  const example = readFileSync(join(checkout, "config/lockbridge.example.yaml"), "utf8");
  put(root, CONFIG, example.replace(/(?<=^site:\n {2}id: ).*$/m, randomUUID()), 0o640);
  chmodSync(join(root, dirname(CONFIG)), 0o750);
  return true;
}

function takeFile(root, path) {
  rmSync(join(root, path), { force: true });
}

/** Deepest first, so that a folder that held only folders of ours goes too. */
function takeEmptyFolders(root, folders) {
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
    const path = join(root, folder);
    if (existsSync(path) && readdirSync(path).length === 0) rmdirSync(path);
  }
}

/** Also for a link that leads nowhere. */
function isThere(root, path) {
  return lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

// ── This machine ─────────────────────────────────────────────────────────────────────────────────────────────────

/** User, folders, kernel modules, rules, service. */
function wire() {
  must("systemd-sysusers", [`/usr/lib/sysusers.d/lockbridge.conf`]);
  must("systemd-tmpfiles", ["--create", "/usr/lib/tmpfiles.d/lockbridge.conf"]);
  if (!isSystemdRunning()) return;
  must("systemctl", ["daemon-reload"]);
  // A kernel may lack one of the modules; what is plugged in then works or not, and the log of the service says so.
  mayFail("systemctl", ["restart", "systemd-modules-load.service"]);
  mayFail("udevadm", ["control", "--reload"]);
  mayFail("udevadm", [
    "trigger",
    "--subsystem-match=usb",
    "--subsystem-match=tty",
    "--subsystem-match=hidraw",
  ]);
  // An upgrade: the old program is gone from the disk, so the one that runs must not go on.
  must("systemctl", ["try-restart", "lockbridge.service"]);
}

function isSystemdRunning() {
  return existsSync("/run/systemd/system");
}

function must(program, words) {
  const { status, error } = spawnSync(program, words, { stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  fail(`${program} ${words.join(" ")} failed${error === undefined ? "" : `: ${error.message}`}.`);
}

function mayFail(program, words) {
  spawnSync(program, words, { stdio: "ignore" });
}

function sayNext({ root, version, isFirst }) {
  say(`Lockbridge ${version} is installed${root === "/" ? "" : ` below ${root}`}.`);
  if (root !== "/" || !isFirst) return;
  say(`Next: describe the site in /${CONFIG}, then`);
  say("  lockbridge check-config");
  say(
    isSystemdRunning()
      ? "  systemctl enable --now lockbridge"
      : "  lockbridge run   (systemd is not running here)",
  );
}

function say(text) {
  process.stdout.write(`${text}\n`);
}

function fail(text) {
  process.stderr.write(`${text}\n`);
  process.exit(1);
}

main(process.argv.slice(2));
