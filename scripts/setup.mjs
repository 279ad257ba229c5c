/**
 * Makes a fresh clone ready: `node scripts/setup.mjs demo|test|build`. It runs before `npm run demo` and `npm test`,
 * says what it does in a line each, and says nothing when all is there. It has no dependencies, and no syntax newer
 * than Node 12, so that an old Node gets as far as the sentence that says it is too old.
 */
import { spawnSync } from "child_process";
import { createHash } from "crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "fs";
import { delimiter, dirname, join } from "path";
import { fileURLToPath } from "url";

const NODE_MIN = [20, 20];

/** Debian package → a command or a file that proves it is there. */
const SOCAT = { name: "socat", command: "socat" };
const STRACE = { name: "strace", command: "strace" };
const BUILD_ESSENTIAL = { name: "build-essential", command: "g++" };
const COMPILER = [BUILD_ESSENTIAL, { name: "python3", command: "python3" }];
/** The link to the cloud is tested through a real broker, with certificates made on the spot. */
const BROKER = [
  { name: "mosquitto", command: "mosquitto" },
  { name: "openssl", command: "openssl" },
];
/** Programs of others that the tests hold our simulated encoder and our cards against, and what it takes to write one. */
const NFC_PEERS = [
  { name: "libnfc-bin", command: "nfc-list" },
  { name: "libnfc-dev", file: "/usr/include/nfc/nfc.h" },
  { name: "libfreefare-bin", command: "mifare-classic-format" },
  { name: "libfreefare-dev", file: "/usr/include/freefare.h" },
  BUILD_ESSENTIAL,
];
/** USB HID devices that are not there: udev, sysfs and the nodes come from umockdev. node-hid is built on libusb. */
const EMULATED_HID = [
  { name: "umockdev", command: "umockdev-wrapper" },
  { name: "gir1.2-umockdev-1.0", file: "/usr/share/doc/gir1.2-umockdev-1.0/copyright" },
  { name: "python3-gi", file: "/usr/share/doc/python3-gi/copyright" },
  { name: "libusb-1.0-0", file: "/usr/share/doc/libusb-1.0-0/copyright" },
];
/** PC/SC readers are tested through the real service and its virtual reader; the headers are for the optional addon. */
const PCSC_PEERS = [
  { name: "pcscd", command: "pcscd" },
  { name: "libpcsclite-dev", file: "/usr/include/PCSC/winscard.h" },
  { name: "vsmartcard-vpcd", file: "/etc/reader.conf.d/vpcd" },
];
/** Systemd's own tools judge the unit; the daemon runs under the unit's filter of system calls. */
const SERVICE_TOOLS = [
  { name: "systemd", command: "systemd-analyze" },
  { name: "python3-seccomp", file: "/usr/share/doc/python3-seccomp/copyright" },
];

const TARGETS = {
  demo: { packages: [SOCAT], isBuilt: true },
  /** The check builds by itself, as a step that is counted. */
  test: {
    packages: [SOCAT, STRACE, ...BROKER, ...NFC_PEERS, ...PCSC_PEERS, ...EMULATED_HID, ...SERVICE_TOOLS],
    isBuilt: false,
  },
  build: { packages: [], isBuilt: true },
};

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const installStamp = join(root, "node_modules", ".cache", "lockbridge-install");
const lock = join(root, ".setup-lock");
const buildStamp = join(root, "dist", ".built-from");

function main(target) {
  requireNode();
  if (target === "stamp") {
    stampInstall();
    return;
  }
  const wanted = TARGETS[target];
  if (wanted === undefined) fail("Usage: node scripts/setup.mjs [" + Object.keys(TARGETS).join("|") + "]");
  installPackages(wanted.packages);
  if (hasModules() && (!wanted.isBuilt || isBuilt())) return;
  takeTurn();
  installModules();
  if (wanted.isBuilt) build();
}

/** Two at once would install under each other: the second waits, and then finds the work done. */
function takeTurn() {
  let hasSaid = false;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const owner = Number(readText(join(lock, "pid")) || 0);
    if (owner !== 0 && !isAlive(owner)) {
      rmSync(lock, { recursive: true, force: true });
      continue;
    }
    if (!hasSaid) say("waiting for another setup of this folder (remove " + lock + " if there is none)");
    hasSaid = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }
  writeFileSync(join(lock, "pid"), String(process.pid));
  process.on("exit", () => rmSync(lock, { recursive: true, force: true }));
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function requireNode() {
  const found = process.versions.node.split(".").map(Number);
  const isNewEnough = found[0] > NODE_MIN[0] || (found[0] === NODE_MIN[0] && found[1] >= NODE_MIN[1]);
  if (isNewEnough) return;
  fail("Lockbridge needs Node.js " + NODE_MIN.join(".") + " or newer; this is " + process.version + ".");
}

// ── npm ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Native modules belong to one Node ABI, so a changed Node counts as a changed lock file. */
function lockFingerprint() {
  const facts = [process.versions.modules, process.platform, process.arch];
  return hash(readFileSync(join(root, "package-lock.json")), facts.join(" "));
}

function hasModules() {
  return readText(installStamp) === lockFingerprint();
}

function installModules() {
  if (hasModules()) return;
  say("installing npm packages as package-lock.json says (npm ci; one to two minutes)");
  if (runNpmCi()) return;
  const missing = COMPILER.filter(isMissing);
  if (missing.length === 0) fail("npm ci failed; its messages are above.");
  say("npm ci failed, perhaps for want of a compiler");
  installPackages(missing);
  if (!runNpmCi()) fail("npm ci failed; its messages are above.");
}

function runNpmCi() {
  return run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

/** npm's `postinstall`: every install leaves its stamp, also one made by hand. */
function stampInstall() {
  if ((process.env.npm_config_omit || "").includes("dev")) return;
  mkdirSync(dirname(installStamp), { recursive: true });
  writeFileSync(installStamp, lockFingerprint());
}

// ── Debian ───────────────────────────────────────────────────────────────────────────────────────────────────────

function isMissing(item) {
  if (item.file !== undefined) return !existsSync(item.file);
  const folders = (process.env.PATH || "").split(delimiter).concat("/usr/sbin", "/sbin");
  return !folders.some((folder) => folder !== "" && existsSync(join(folder, item.command)));
}

function installPackages(packages) {
  const names = packages.filter(isMissing).map((item) => item.name);
  if (names.length === 0) return;
  const list = names.join(" ");
  if (isMissing({ command: "apt-get" })) {
    fail("These programs are missing and there is no apt-get to install them with: " + list);
  }
  const isRoot = process.getuid() === 0;
  if (!isRoot && isMissing({ command: "sudo" })) {
    fail(
      "Debian packages are missing, and this is neither root nor is there sudo. As root: apt-get install " +
        list,
    );
  }
  say("installing Debian packages: " + list);
  const before = isRoot ? [] : process.stdin.isTTY ? ["sudo"] : ["sudo", "-n"];
  const apt = before.concat(
    "env",
    "DEBIAN_FRONTEND=noninteractive",
    "apt-get",
    "-q",
    "-o",
    "DPkg::Lock::Timeout=120",
  );
  const install = apt.concat("install", "-y", "--no-install-recommends", names);
  const runAll = (words) => run(words[0], words.slice(1), process.stdin.isTTY ? "inherit" : "ignore");
  // A fresh machine has no package lists yet.
  if (runAll(install) || (runAll(apt.concat("update")) && runAll(install))) return;
  fail("Could not install Debian packages. As root: apt-get update && apt-get install " + list);
}

// ── tsc ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const SOURCES = [
  "src",
  "drivers",
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "tsconfig.build.json",
];

/** Every source by path, size and time: an edit, a removal or a switch of branches changes it. */
function sourcesFingerprint() {
  return hash(SOURCES.map((path) => describe(path)).join("\n"), process.version);
}

function describe(path) {
  const facts = statSync(join(root, path), { throwIfNoEntry: false });
  if (facts === undefined) return path + " is absent";
  if (!facts.isDirectory()) return [path, facts.size, facts.mtimeMs].join(" ");
  const names = readdirSync(join(root, path)).sort();
  return names.map((name) => describe(path + "/" + name)).join("\n");
}

function isBuilt() {
  return readText(buildStamp) === sourcesFingerprint();
}

function build() {
  const fingerprint = sourcesFingerprint();
  if (readText(buildStamp) === fingerprint) return;
  say("building (tsc)");
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  if (!run(process.execPath, [tsc, "-p", "tsconfig.build.json"]))
    fail("The build failed; tsc says why above.");
  writeFileSync(buildStamp, fingerprint);
}

// ── Small things ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Everything that is not a result goes to stderr, so that `npm run --silent demo -- --json` stays clean. */
function run(command, words, stdin) {
  return spawnSync(command, words, { cwd: root, stdio: [stdin || "ignore", 2, 2] }).status === 0;
}

function hash(first, second) {
  return createHash("sha256").update(first).update("\n").update(second).digest("hex");
}

function readText(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

function say(text) {
  process.stderr.write("setup: " + text + "\n");
}

function fail(text) {
  process.stderr.write(text + "\n");
  process.exit(1);
}

main(process.argv[2]);
