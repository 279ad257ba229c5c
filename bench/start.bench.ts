import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { objectId } from "#src/config/ids";
import { newCredentialRecord } from "#src/domain/credential/credential.step";
import type { ObjectRow } from "#src/engine/ports";
import { loadSealingKey } from "#src/store/sealing-key";
import { openStore } from "#src/store/store";
import { median, print, round } from "./figures.js";

/**
 * The daemon as it is installed, from the start of its process until it takes work, and the memory it holds then: with
 * an empty store and with a large one, turn by turn. Beside it a Node that does nothing.
 */
const ROUNDS = Number(process.argv[2] ?? 5);
const MANY = 100_000;
const ROWS_AT_ONCE = 500;
/** So long after it is ready the memory is read again: what the start needed may be given back by then. */
const IDLE_MS = 5_000;
const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));
const SITE = randomUUID();

const build = spawnSync(process.execPath, ["scripts/setup.mjs", "build"], { cwd: root, stdio: "inherit" });
if (build.status !== 0) process.exit(1);

interface Site {
  readonly credentials: number;
  readonly configPath: string;
  readonly databaseMib: number;
}

/** A state directory with so many credentials, two thirds of them on cards, and a cloud that is not there. */
function siteWith(credentials: number): Site {
  const stateDir = join(folder, String(credentials));
  mkdirSync(stateDir);
  const path = join(stateDir, "lockbridge.db");
  const sealingKey = loadSealingKey({ credentialsDirectory: undefined, stateDir, storeExists: false });
  const onFatal = (error: Error) => {
    throw error;
  };
  const store = openStore({ path, sealingKey, random: (size) => new Uint8Array(randomBytes(size)), onFatal });
  for (let first = 0; first < credentials; first += ROWS_AT_ONCE) {
    store.transaction(() => {
      for (let n = first; n < first + ROWS_AT_ONCE; n++) {
        const row = guest(n);
        store.objects.put(row);
        if (n % 3 > 0) store.wakeups.set(row.kind, row.id, Date.now() + n * 60_000);
      }
    });
  }
  store.close();
  const configPath = join(stateDir, "lockbridge.yaml");
  writeFileSync(configPath, stringify(configOf(stateDir)), { mode: 0o600 });
  return { credentials, configPath, databaseMib: round(statSync(path).size / MIB, 0) };
}

function configOf(stateDir: string): object {
  return {
    site: { id: SITE, name: "Bench", time_zone: "Europe/Lisbon" },
    state_dir: stateDir,
    socket: join(stateDir, "lockbridge.sock"),
    api: { host: "127.0.0.1", port: 0 },
    devices: { desk: { driver: "pn532", port: join(stateDir, "encoder.tty") } },
    systems: { main: { card_profiles: ["classic"] } },
    card_profiles: { classic: { format: "lockbridge48", container: "classic", sector: 1 } },
    encoders: { desk: { system: "main", unit: "desk" } },
    entrances: { "room-101": { system: "main", door: 101 } },
    cloud: { http: "http://127.0.0.1:9", gateway: randomUUID(), token: "of a cloud that is not there" },
  };
}

function guest(n: number): ObjectRow {
  const id = `c0000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
  const endsAt = Date.now() + n * 60_000 + DAY_MS;
  const fingerprint = "f".repeat(64);
  const first = newCredentialRecord({
    issuance: "presented",
    desired: { rev: n + 1, fingerprint, allowed: true, startsAt: null, endsAt },
    at: Date.now() - n,
  });
  const card = { generation: 1, uid: `04${n.toString(16).padStart(12, "0")}` };
  const issued = { ...card, fingerprint, cardNumber: null, encoderId: null, at: Date.now(), good: true };
  const context = {
    ...first.context,
    generation: 1,
    issued,
    cards: [{ ...card, certainty: "written" as const, validUntil: endsAt }],
  };
  return {
    kind: "acs_credential",
    id,
    epoch: 1,
    rev: n + 1,
    spec: {
      acs_credential_id: id,
      acs_system_id: objectId(SITE, "acs_system", "main"),
      acs_user_id: null,
      access_method: "card",
      allowed_acs_entrance_ids: [objectId(SITE, "acs_entrance", "room-101")],
      starts_at: null,
      ends_at: new Date(endsAt).toISOString(),
      is_one_time_use: false,
      has_code: false,
      state: "active",
      created_at: new Date().toISOString(),
    },
    code: null,
    record: n % 3 > 0 ? { ...first, state: "issued", context } : first,
    cardCredentialId: n.toString(16).padStart(16, "0"),
    dirty: false,
    blocked: null,
    provisional: null,
    gone: false,
    createdAt: Date.now() - n,
    systemId: objectId(SITE, "acs_system", "main"),
    userId: null,
    searchText: id,
  };
}

interface Start {
  readonly readyMs: number;
  /** Of all cores, until it is ready. */
  readonly cpuMs: number;
  readonly readyMib: number;
  readonly idleMib: number;
  readonly peakMib: number;
}

/** Starts a process, waits for a line that holds `milestone`, and ends it. */
async function startOf(words: readonly string[], milestone: string): Promise<Start> {
  const begun = performance.now();
  const child = spawn(process.execPath, words, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  for await (const line of createInterface({ input: child.stdout })) if (line.includes(milestone)) break;
  const readyMs = performance.now() - begun;
  const cpuMs = cpuOf(child.pid);
  const readyMib = memoryMib(child.pid, "VmRSS");
  child.stdout.resume();
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const idleMib = memoryMib(child.pid, "VmRSS");
  const peakMib = memoryMib(child.pid, "VmHWM");
  child.kill("SIGTERM");
  await closed;
  return { readyMs, cpuMs, readyMib, idleMib, peakMib };
}

/** A tick of the kernel's clock is 10 ms. */
function cpuOf(pid: number | undefined): number {
  const fields =
    readFileSync(`/proc/${pid ?? 0}/stat`, "utf8")
      .split(") ")[1]
      ?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function memoryMib(pid: number | undefined, field: "VmRSS" | "VmHWM"): number {
  const [, kib = "NaN"] =
    new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid ?? 0}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

try {
  const sites = [siteWith(0), siteWith(MANY)];
  const bare: Start[] = [];
  const ours = new Map<Site, Start[]>(sites.map((site) => [site, []]));
  for (let turn = 0; turn < ROUNDS; turn++) {
    bare.push(await startOf(["-e", "console.log('up'); setInterval(() => {}, 1000)"], "up"));
    for (const [site, starts] of ours)
      starts.push(await startOf(["dist/src/main.js", "run", "--config", site.configPath], '"gateway.ready"'));
  }
  const row = (what: string, databaseMib: number, starts: readonly Start[]) => ({
    what,
    database_mib: databaseMib,
    ready_ms: round(median(starts.map(({ readyMs }) => readyMs)), 0),
    ready_best_ms: round(Math.min(...starts.map(({ readyMs }) => readyMs)), 0),
    cpu_ms: round(median(starts.map(({ cpuMs }) => cpuMs)), 0),
    ready_mib: round(median(starts.map(({ readyMib }) => readyMib)), 0),
    idle_mib: round(median(starts.map(({ idleMib }) => idleMib)), 0),
    peak_mib: round(median(starts.map(({ peakMib }) => peakMib)), 0),
  });
  print("start", [
    row("a bare Node", 0, bare),
    ...[...ours].map(([site, starts]) => row(`${site.credentials} credentials`, site.databaseMib, starts)),
  ]);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
