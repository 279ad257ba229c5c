import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { encodeBody, parseBody } from "#src/cloud/body";
import type { Carrier, CarrierSink } from "#src/cloud/carrier";
import { enginePort } from "#src/cloud/engine-port";
import { createCloudLink } from "#src/cloud/link";
import type { CloudMessage, Page, Snapshot } from "#src/cloud/wire";
import type { Inventory } from "#src/domain/inventory";
import { Engine } from "#src/engine/engine";
import type { Store } from "#src/engine/ports";
import type { Log } from "#src/lib/log";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { openStore } from "#src/store/store";
import { brokenBy } from "../test/simulation/history.js";
import { median, percentile, print, round } from "./figures.js";

/**
 * What the feed costs the gateway: pages against a bare SQLite that is given the same rows; a first snapshot and a
 * catch-up through the real link, with the memory they need and how long nothing else got its turn; and how many
 * simulated histories a second go by.
 */
const ITEMS = Number(process.argv[2] ?? 100_000);
const CHANGES = ITEMS / 5;
const ROUNDS = 10;
const HISTORIES = 10;
const MIB = 1024 * 1024;
const root = fileURLToPath(new URL("..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "lockbridge-apply-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const silent: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields) => console.error(fields),
  child: () => silent,
};
const inventory: Inventory = {
  workspaceId: "aaaaaaaa-0000-4000-8000-000000000000",
  connectedAccountId: "aaaaaaaa-0000-4000-8000-00000000000c",
  siteName: "Bench",
  timeZone: "Europe/Lisbon",
  systems: [
    {
      id: "aaaaaaaa-0000-4000-8000-000000000001",
      key: "main",
      name: "Main",
      externalType: null,
      cardProfiles: ["classic"],
    },
  ],
  entrances: [
    {
      id: "bbbbbbbb-0000-4000-8000-000000000101",
      key: "room-101",
      name: "101",
      systemId: "aaaaaaaa-0000-4000-8000-000000000001",
      door: 101,
      zone: null,
      keypad: null,
    },
  ],
  encoders: [],
  locks: [],
};

make();
// The link first: what the others leave behind in memory is none of its.
const rows = [...(await followed()), ...applied(), ...(await simulated())];
print("apply", rows);

function make(): void {
  const hooks = join(root, "test/support/typescript-hooks.mjs");
  const script = join(root, "bench/apply-feed.ts");
  const words = ["--conditions=source", "--import", hooks, script, folder, String(ITEMS), String(CHANGES)];
  const { status } = spawnSync(process.execPath, words, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

function storeAt(name: string): Store {
  return openStore({
    path: join(folder, name),
    sealingKey: new Secret(new Uint8Array(32).fill(7)),
    random: (size) => new Uint8Array(randomBytes(size)),
    onFatal: (error) => {
      throw error;
    },
  });
}

function engineOver(store: Store, clock = realClock): Engine {
  return new Engine({
    store,
    devices: {
      status: () => [],
      isOnline: () => false,
      takesWork: () => false,
      capabilities: () => undefined,
      use: () => Promise.reject(new Error("no device")),
      onChange: () => () => undefined,
    },
    clock,
    time: { read: () => ({ now: clock.now(), quality: "trusted", certain: clock.now() }) },
    random: (size) => new Uint8Array(randomBytes(size)),
    log: silent,
    inventory,
    version: "1",
    profiles: new Map([
      ["classic", { key: "classic", format: "lockbridge48", container: "classic", sector: 1 }],
    ]),
    limits: { cardWaitMs: 60_000, jobMs: 120_000, attemptMs: 150_000 },
    offline: { ms: 3_600_000, keys: 100 },
  });
}

/** Bodies that the other process made, read one at a time. */
function bodies(name: string): { readonly count: number; read(n: number): Uint8Array } {
  const lengths = JSON.parse(readFileSync(join(folder, `${name}.lengths`), "utf8")) as number[];
  const starts = lengths.map((_, n) => lengths.slice(0, n).reduce((sum, length) => sum + length, 0));
  return {
    count: lengths.length,
    read(n) {
      const bytes = Buffer.alloc(lengths[n] ?? 0);
      const file = openSync(join(folder, name), "r");
      readSync(file, bytes, 0, bytes.length, starts[n] ?? 0);
      closeSync(file);
      return bytes;
    },
  };
}

function pageOf(bytes: Uint8Array): Page {
  const body = parseBody(bytes);
  const [first] = body.ok ? body.messages : [];
  if (first?.ok !== true || first.message.type !== "page") throw new Error("not a page");
  return first.message;
}

/** Stores a page as the link does; stepping comes after, and is counted by itself. */
function storePage(engine: Engine, page: Page): void {
  const epoch = page.epoch.n;
  const documents = page.items.flatMap((result) => {
    if (!result.ok) return [];
    const { kind, id, rev, spec, secret, verdict } = result.item;
    return [{ kind, id, epoch, rev, spec, code: secret, verdict }];
  });
  engine.storePage(documents, [], { epoch: page.epoch, rev: page.to }, 0);
}

function msOf(work: () => void): number {
  const startedAt = performance.now();
  work();
  return performance.now() - startedAt;
}

// ── Pages against a bare SQLite ──────────────────────────────────────────────────────────────────────────────────

function applied(): Readonly<Record<string, string | number>>[] {
  const source = bodies("first");
  // A first pass makes the very rows that the bare one is given.
  const once = storeAt("rows.db");
  const filler = engineOver(once);
  filler.stepDirty = () => undefined;
  for (let n = 0; n < source.count; n++) storePage(filler, pageOf(source.read(n)));
  once.close();
  const reader = new Database(join(folder, "rows.db"), { readonly: true });
  const columns = (
    reader.prepare("SELECT name FROM pragma_table_info('objects')").pluck().all() as string[]
  ).filter((name) => !name.startsWith("state"));
  const all = reader
    .prepare(`SELECT ${columns.join(", ")} FROM objects ORDER BY rev`)
    .raw()
    .all();
  reader.close();

  const store = storeAt("ours.db");
  const engine = engineOver(store);
  engine.stepDirty = () => undefined;
  storeAt("bare.db").close();
  const bare = new Database(join(folder, "bare.db"));
  for (const pragma of ["locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"])
    bare.pragma(pragma);
  const insert = bare.prepare(
    `INSERT INTO objects (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  );
  const perPage = ITEMS / source.count;
  const pages = source.count / ROUNDS;
  const figures = Array.from({ length: ROUNDS }, (_, round) => {
    const first = round * pages;
    let [parse, ours, bareMs] = [0, 0, 0];
    for (let n = first; n < first + pages; n++) {
      let page: Page | undefined;
      parse += msOf(() => (page = pageOf(source.read(n))));
      if (page !== undefined) {
        const taken = page;
        ours += msOf(() => storePage(engine, taken));
      }
      const some = all.slice(n * perPage, (n + 1) * perPage);
      const write = bare.transaction(() => {
        for (const row of some) insert.run(row);
      });
      bareMs += msOf(write);
    }
    return { parse, ours, bareMs };
  });
  bare.close();
  delete (engine as { stepDirty?: unknown }).stepDirty;
  const stepped = 2_000;
  const before = store.tally.dirty();
  const stepMs = msOf(() => {
    while (store.tally.dirty() > before - stepped) engine.stepDirty();
  });
  engine.stepDirty = () => undefined;
  store.close();
  const perItem = (of: (figure: (typeof figures)[number]) => number): number =>
    round((median(figures.map(of)) / (ITEMS / ROUNDS)) * 1_000, 1);
  return [
    { what: "items a page", value: perPage, unit: "" },
    { what: "stored, per item", value: perItem(({ ours }) => ours), unit: "µs" },
    { what: "bare SQLite, per item", value: perItem(({ bareMs }) => bareMs), unit: "µs" },
    {
      what: "stored ÷ bare, median",
      value: round(median(figures.map(({ ours, bareMs }) => ours / bareMs))),
      unit: "",
    },
    {
      what: "stored ÷ bare, best",
      value: round(Math.min(...figures.map(({ ours, bareMs }) => ours / bareMs))),
      unit: "",
    },
    { what: "read and checked from the wire, per item", value: perItem(({ parse }) => parse), unit: "µs" },
    { what: "stepped, per object, each on disk", value: round((stepMs / stepped) * 1_000, 0), unit: "µs" },
  ];
}

// ── A first snapshot and a catch-up through the link ─────────────────────────────────────────────────────────────

async function followed(): Promise<Readonly<Record<string, string | number>>[]> {
  const { snapshot, head } = JSON.parse(readFileSync(join(folder, "snapshot.json"), "utf8")) as {
    snapshot: Snapshot;
    head: number;
  };
  const [chunks, later] = [bodies("chunks"), bodies("later")];
  const froms = Array.from({ length: later.count }, (_, n) => pageOf(later.read(n)).from);
  const store = storeAt("link.db");
  const turns: number[] = [];
  const timed = (work: () => void): void => void turns.push(msOf(work));
  const clock = {
    ...realClock,
    now: () => realClock.now(),
    monotonic: () => realClock.monotonic(),
    startTimer: (ms: number, fire: () => void) => realClock.startTimer(ms, () => timed(fire)),
  };
  const engine = engineOver(store, clock);
  const answers = (message: { type: string; n?: number; since?: number; req?: string; nonce?: string }) => {
    const { type, n = 0, since = 0, req = "", nonce = "" } = message;
    if (type === "fetch") return chunks.read(n);
    if (type === "hello") return encodeBody(null, [welcome(nonce, snapshot, head)]);
    if (type !== "pull") return null;
    const { epoch } = snapshot;
    if (since < snapshot.rev)
      return encodeBody(null, [{ type: "gone", req, epoch, floor: snapshot.rev, reason: "floor", snapshot }]);
    const page = froms.indexOf(since);
    return page < 0 ? null : later.read(page);
  };
  let sink: CarrierSink | null = null;
  const carrier: Carrier = {
    name: "bench",
    isEncrypted: true,
    open(opened) {
      sink = opened;
      setImmediate(() => opened.up());
    },
    send(_session, messages) {
      for (const message of messages) {
        const bytes = answers(message);
        if (bytes !== null) setTimeout(() => timed(() => sink?.received(bytes)), 1);
      }
    },
    listen: () => undefined,
    close: () => undefined,
    destroy: () => Promise.resolve(),
  };
  const link = createCloudLink({
    gateway: "g",
    sw: "1",
    carrier,
    store,
    engine: enginePort(engine, () => undefined),
    clock,
    time: engine.deps.time,
    random: engine.deps.random,
    log: silent,
  });
  globalThis.gc?.();
  const base = process.memoryUsage().rss;
  let peak = base;
  const startedAt = performance.now();
  link.start();
  const until = async (isThere: () => boolean): Promise<number> => {
    while (!isThere()) {
      peak = Math.max(peak, process.memoryUsage().rss);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return performance.now() - startedAt;
  };
  const snapshotMs = await until(() => (link.status().cursor?.rev ?? 0) >= snapshot.rev);
  const snapshotTurns = turns.splice(0);
  const snapshotPeak = peak;
  const caughtUpMs = (await until(() => (link.status().cursor?.rev ?? 0) >= head)) - snapshotMs;
  await link.stop();
  engine.stepDirty = () => undefined;
  const stalls = (name: string, values: readonly number[]) => [
    { what: `${name}: longest turn`, value: round(Math.max(...values), 1), unit: "ms" },
    { what: `${name}: 99.9 % of turns below`, value: round(percentile(values, 0.999), 1), unit: "ms" },
    { what: `${name}: median turn`, value: round(median(values), 1), unit: "ms" },
  ];
  return [
    { what: `snapshot of ${ITEMS}: taken in after`, value: round(snapshotMs / 1_000, 1), unit: "s" },
    { what: "chunks", value: chunks.count, unit: "" },
    { what: "memory before · at most", value: `${mib(base)} · ${mib(snapshotPeak)}`, unit: "MiB" },
    ...stalls("snapshot", snapshotTurns),
    { what: `catch-up of ${CHANGES}: after`, value: round(caughtUpMs / 1_000, 1), unit: "s" },
    ...stalls("catch-up", turns),
  ];
}

function mib(bytes: number): number {
  return round(bytes / MIB, 0);
}

function welcome(nonce: string, { epoch, rev }: Snapshot, head: number): CloudMessage {
  return {
    type: "welcome",
    session: "s",
    nonce_echo: nonce,
    epoch,
    head,
    floor: rev,
    ingested: {},
    want_from: 1,
    time: realClock.now(),
  };
}

// ── Histories ────────────────────────────────────────────────────────────────────────────────────────────────────

async function simulated(): Promise<Readonly<Record<string, string | number>>[]> {
  await brokenBy(1, 50);
  const used = process.cpuUsage();
  const startedAt = performance.now();
  for (let seed = 2; seed < 2 + HISTORIES; seed++) await brokenBy(seed, 300);
  const seconds = (performance.now() - startedAt) / 1_000;
  const { user, system } = process.cpuUsage(used);
  return [
    { what: "histories of 300 steps a second", value: round(HISTORIES / seconds), unit: "1/s" },
    { what: "processor time of one", value: round((user + system) / 1e6 / HISTORIES), unit: "s" },
  ];
}
