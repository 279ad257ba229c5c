import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Pool } from "undici";
import { stringify } from "yaml";
import { credentialId, fill, FIRST_NAMES, KEY, nameOf, ROOM, SITE, SYSTEM, userId } from "./api-rows.js";
import { bareCommits } from "./bare-commits.js";
import { print, round } from "./figures.js";

/**
 * The API of a whole daemon on its durable store, over TCP, beside Seam's public fake, which keeps everything in memory
 * (`npm ci --prefix bench/peers` installs it); and the same with 1,000, 10,000 and 100,000 credentials and as many users. Each
 * is a process of its own; they are asked turn by turn.
 */
const SECONDS = Number(process.argv[2] ?? 2);
const ROUNDS = Number(process.argv[3] ?? 3);
const SIZES = [1_000, 10_000, 100_000] as const;
const CONNECTIONS = 8;
const PAGE = 100;

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..");
const fakePath = join(here, "peers/node_modules/@seamapi/fake-seam-connect/dist/server.js");
const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-api-"));
const children: ChildProcess[] = [];

interface Server {
  readonly name: string;
  readonly pool: Pool;
  readonly key: string;
  readonly systemId: string;
  readonly pid: number;
}

async function startOurs(size: number): Promise<Server> {
  const stateDir = join(folder, String(size));
  mkdirSync(stateDir);
  fill(stateDir, size);
  const configPath = join(stateDir, "lockbridge.yaml");
  const config = {
    site: { id: SITE, name: "Bench", time_zone: "Europe/Lisbon" },
    state_dir: stateDir,
    socket: join(stateDir, "lockbridge.sock"),
    api: { host: "127.0.0.1", port: 0, requests_per_second: 10_000 },
    systems: { main: {} },
    entrances: { "room-101": { system: "main", door: 101 } },
    log: { level: "info" },
  };
  writeFileSync(configPath, stringify(config), { mode: 0o600 });
  const hooks = join(root, "test/support/typescript-hooks.mjs");
  const words = [
    "--conditions=source",
    "--import",
    hooks,
    join(root, "src/main.ts"),
    "run",
    "--config",
    configPath,
  ];
  const child = spawn(process.execPath, words, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.includes('"gateway.ready"')) continue;
    const { endpoint } = JSON.parse(line) as { endpoint: string };
    child.stdout.resume();
    return {
      name: `ours, ${size.toLocaleString("en")}`,
      pool: new Pool(endpoint, { connections: CONNECTIONS }),
      key: KEY,
      systemId: SYSTEM,
      pid: child.pid ?? 0,
    };
  }
  throw new Error("the daemon ended before it was ready");
}

/** With a page of users, since it lists all it has. */
async function startFake(): Promise<Server> {
  const port = await freePort();
  const child = spawn(process.execPath, [fakePath, "--seed"], {
    env: { ...process.env, PORT: String(port), HOST: "127.0.0.1" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) if (line.includes("http://")) break;
  child.stdout.resume();
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS });
  const server = {
    name: "the fake",
    pool,
    key: "seam_apikey1_token",
    systemId: "visionline_acs_system_1",
    pid: child.pid ?? 0,
  };
  return server;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo; // It listens on TCP.
  probe.close();
  await once(probe, "close");
  return port;
}

async function post(server: Server, path: string, input: object): Promise<Record<string, unknown>> {
  const { statusCode, body } = await server.pool.request({
    method: "POST",
    path,
    headers: { authorization: `Bearer ${server.key}`, "content-type": "application/json" },
    body: JSON.stringify(input),
  });
  const answer = (await body.json()) as Record<string, unknown>;
  if (statusCode !== 200) throw new Error(`${server.name} ${path} ${statusCode}: ${JSON.stringify(answer)}`);
  return answer;
}

interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the server's process, a request. */
  readonly cpuMs: number;
}

/** Asks over so many connections at once for some seconds. */
async function measure(
  server: Server,
  path: string,
  inputOf: (n: number) => object,
  connections = CONNECTIONS,
): Promise<Figures> {
  const tookMs: number[] = [];
  const cpuBefore = cpuMsOf(server.pid);
  const begun = performance.now();
  const until = begun + SECONDS * 1_000;
  let n = 0;
  const ask = async (): Promise<void> => {
    while (performance.now() < until) {
      const asked = performance.now();
      await post(server, path, inputOf(n++));
      tookMs.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: connections }, ask));
  const seconds = (performance.now() - begun) / 1_000;
  const sorted = tookMs.sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  const cpuMs = (cpuMsOf(server.pid) - cpuBefore) / sorted.length;
  return { perSecond: sorted.length / seconds, p50: at(0.5), p99: at(0.99), cpuMs };
}

/** Processor time of a process until now: it says something on a machine that others load too. */
function cpuMsOf(pid: number): number {
  const [, fields = ""] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ");
  const [user, system] = fields.split(" ").slice(11, 13).map(Number);
  // In ticks of a hundredth of a second.
  return ((user ?? NaN) + (system ?? NaN)) * 10;
}

/** The best of the rounds: others work on this machine too. */
function best(rounds: readonly Figures[]): Figures {
  return {
    perSecond: Math.max(...rounds.map(({ perSecond }) => perSecond)),
    p50: Math.min(...rounds.map(({ p50 }) => p50)),
    p99: Math.min(...rounds.map(({ p99 }) => p99)),
    cpuMs: Math.min(...rounds.map(({ cpuMs }) => cpuMs)),
  };
}

interface Case {
  readonly what: string;
  readonly path: string;
  readonly inputOf: (server: Server) => (n: number) => object;
  readonly connections?: number;
}

async function run(cases: readonly Case[], servers: readonly Server[]): Promise<Map<string, Figures>> {
  const found = new Map<string, Figures[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const { what, path, inputOf, connections } of cases) {
      for (const server of servers) {
        const key = `${what}|${server.name}`;
        found.set(key, [
          ...(found.get(key) ?? []),
          await measure(server, path, inputOf(server), connections),
        ]);
      }
    }
  }
  return new Map([...found].map(([key, rounds]) => [key, best(rounds)]));
}

/** Spread over all rows, so that no cache is kinder than life. */
const somewhere = (n: number, size: number) => (n * 7_919) % size;

async function besideTheFake(ours: Server, fake: Server, size: number): Promise<void> {
  // As many on both sides, and without credentials: the fake has none that could follow their user's change.
  const made = new Map<Server, readonly string[]>();
  for (const server of [ours, fake]) {
    const ids: string[] = [];
    for (let n = 0; n < PAGE; n++) {
      const wish = { acs_system_id: server.systemId, full_name: nameOf(n) };
      const { acs_user } = await post(server, "/acs/users/create", wish);
      ids.push((acs_user as { acs_user_id: string }).acs_user_id);
    }
    made.set(server, ids);
  }
  const madeId = (server: Server, n: number) => made.get(server)?.[n % PAGE];
  const anyId = (server: Server, n: number) =>
    server === ours ? userId(somewhere(n, size)) : madeId(server, n);
  const places = await placesAllOver(ours);
  const page = (server: Server) => ({ acs_system_id: server.systemId, limit: PAGE });
  const cases: readonly Case[] = [
    {
      what: `list, ${PAGE} a page, the first`,
      path: "/acs/users/list",
      inputOf: (server) => () => page(server),
    },
    {
      what: `list, ${PAGE} a page, all over`,
      path: "/acs/users/list",
      inputOf: (server) => (n) =>
        server === ours ? { limit: PAGE, page_cursor: places[n % places.length] } : page(server),
    },
    { what: "get", path: "/acs/users/get", inputOf: (server) => (n) => ({ acs_user_id: anyId(server, n) }) },
    {
      what: "update",
      path: "/acs/users/update",
      inputOf: (server) => (n) => ({ acs_user_id: madeId(server, n), full_name: `${nameOf(n)} again` }),
    },
    {
      what: "update, one connection",
      path: "/acs/users/update",
      connections: 1,
      inputOf: (server) => (n) => ({ acs_user_id: madeId(server, n), full_name: `${nameOf(n)} once more` }),
    },
    {
      what: "create",
      path: "/acs/users/create",
      inputOf: (server) => (n) => ({ acs_system_id: server.systemId, full_name: nameOf(n) }),
    },
  ];
  // Creating comes last in a process of its own each: the fake's list grows with it.
  const reads = await run(cases.slice(0, -1), [ours, fake]);
  const writes = await run(cases.slice(-1), [ours, fake]);
  const found = new Map([...reads, ...writes]);
  print(
    "api",
    cases.map(({ what }) => {
      const our = found.get(`${what}|${ours.name}`) ?? { perSecond: NaN, p50: NaN, p99: NaN, cpuMs: NaN };
      const their = found.get(`${what}|${fake.name}`) ?? our;
      return {
        what: `users ${what}`,
        ours_per_s: round(our.perSecond, 0),
        fake_per_s: round(their.perSecond, 0),
        ours_by_fake: round(our.perSecond / their.perSecond),
        ours_p50_ms: round(our.p50),
        ours_p99_ms: round(our.p99),
        fake_p99_ms: round(their.p99),
        ours_cpu_ms: round(our.cpuMs),
        fake_cpu_ms: round(their.cpuMs),
      };
    }),
  );
}

/** Cursors of pages spread over all rows: ten times as many rows as the daemon remembers. */
async function placesAllOver(server: Server): Promise<readonly unknown[]> {
  const places: unknown[] = [];
  for (let cursor: unknown = null; places.length < 400;) {
    const input = { limit: 250, ...(cursor === null ? {} : { page_cursor: cursor }) };
    const { pagination } = await post(server, "/acs/users/list", input);
    cursor = (pagination as { next_page_cursor: string | null }).next_page_cursor;
    if (cursor === null) break;
    places.push(cursor);
  }
  return places;
}

async function growth(servers: ReadonlyMap<number, Server>): Promise<void> {
  const sizeOf = new Map([...servers].map(([size, server]) => [server, size]));
  const middles = new Map<Server, unknown>();
  for (const [size, server] of servers) {
    const { acs_credentials } = await post(server, "/acs/credentials/list", {
      limit: 1,
      acs_user_id: userId(size >> 1),
    });
    if (!Array.isArray(acs_credentials)) throw new Error("no credential");
    let cursor: unknown;
    for (let seen = 0; seen < Math.min(size >> 1, 20_000); seen += 1_000) {
      const page = await post(server, "/acs/credentials/list", { limit: 1_000, page_cursor: cursor ?? null });
      cursor = (page["pagination"] as { next_page_cursor: string | null }).next_page_cursor ?? cursor;
    }
    middles.set(server, cursor ?? null);
  }
  const size = (server: Server) => sizeOf.get(server) ?? 1;
  const cases: readonly Case[] = [
    {
      what: "get",
      path: "/acs/credentials/get",
      inputOf: (server) => (n) => ({ acs_credential_id: credentialId(somewhere(n, size(server))) }),
    },
    {
      what: `list, ${PAGE} a page, from the middle`,
      path: "/acs/credentials/list",
      inputOf: (server) => () => ({ limit: PAGE, page_cursor: middles.get(server) }),
    },
    {
      what: "list of a user",
      path: "/acs/credentials/list",
      inputOf: (server) => (n) => ({ acs_user_id: userId(somewhere(n, size(server))) }),
    },
    {
      what: "search, one match",
      path: "/acs/users/list",
      inputOf: (server) => (n) => ({ search: `Guest${somewhere(n, size(server)).toString(36)}`, limit: 10 }),
    },
    {
      what: "search, no match",
      path: "/acs/users/list",
      inputOf: () => () => ({ search: "nobody of that name" }),
    },
    {
      what: `search, many match, ${PAGE} a page`,
      path: "/acs/users/list",
      inputOf: () => (n) => ({ search: FIRST_NAMES[n % 8], limit: PAGE }),
    },
    {
      what: "search, two letters",
      path: "/acs/users/list",
      inputOf: () => (n) => ({ search: (FIRST_NAMES[n % 8] ?? "").slice(0, 2), limit: PAGE }),
    },
    {
      what: "update",
      path: "/acs/credentials/update",
      inputOf: (server) => (n) => ({
        acs_credential_id: credentialId(somewhere(n, size(server))),
        ends_at: new Date(1_900_000_000_000 + n * 1_000).toISOString(),
      }),
    },
    {
      what: "create",
      path: "/acs/credentials/create",
      inputOf: () => (n) => ({
        acs_user_id: userId(n % SIZES[0]),
        access_method: "card",
        allowed_acs_entrance_ids: [ROOM],
      }),
    },
  ];
  const found = await run(cases, [...servers.values()]);
  const [smallest] = servers.values();
  const [largest] = [...servers.values()].reverse();
  print(
    "api-growth",
    cases.map(({ what }) => {
      const of = (server: Server | undefined) => found.get(`${what}|${server?.name ?? ""}`);
      const cells = [...servers].flatMap(([rowsThere, server]) => [
        [`${rowsThere / 1_000}k_per_s`, round(of(server)?.perSecond ?? NaN, 0)] as const,
        [`${rowsThere / 1_000}k_p99_ms`, round(of(server)?.p99 ?? NaN)] as const,
      ]);
      const times = round((of(smallest)?.perSecond ?? NaN) / (of(largest)?.perSecond ?? NaN));
      return {
        what: `credentials ${what}`.replace("credentials search", "users search"),
        ...Object.fromEntries(cells),
        slower_by: times,
        cpu_more_by: round((of(largest)?.cpuMs ?? NaN) / (of(smallest)?.cpuMs ?? NaN)),
      };
    }),
  );
}

if (!existsSync(fakePath)) {
  console.error("The fake is not installed: npm ci --prefix bench/peers");
  process.exit(2);
}
try {
  const servers = new Map<number, Server>();
  for (const size of SIZES) servers.set(size, await startOurs(size));
  const largest = servers.get(SIZES[2]);
  print("api-floor", [bareCommits(folder, SECONDS)]);
  if (largest !== undefined) await besideTheFake(largest, await startFake(), SIZES[2]);
  await growth(servers);
  for (const { pool } of servers.values()) await pool.destroy();
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
