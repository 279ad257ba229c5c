import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { InterviewStage, SetCredentialResult, UserCredentialType, Driver as ZWaveDriver } from "zwave-js";
import { SIMULATED_KEYS, type SimulatedLockSettings } from "#drivers/zwave/simulator";
import { accessCodesCreate, accessCodesDelete, accessCodesList } from "#src/api/schemas/access-codes";
import { DaemonClient } from "#src/cli/daemon-client";
import { objectId } from "#src/config/ids";
import { loadConfig } from "#src/config/load";
import { type Gateway, startGateway } from "#src/gateway";
import { knownDrivers } from "#src/gateway-drivers";
import { fromHex } from "#src/lib/hex";
import type { Log } from "#src/lib/log";
import { driverProcesses, sourceProgram } from "#test/hosts/programs";
import { median, print, round } from "./figures.js";
import { ZWaveStick } from "./zwave-site.js";

/**
 * Thirty codes on one mock lock, from desired to verified: through the whole gateway, with the driver in a process of its
 * own, against the library alone, which sets each code and reads it back once. Both know the lock when it begins: the
 * library has interviewed it, the gateway has read every slot. What the lock is asked or ordered is counted on both sides.
 * Then the gateway starts again with nothing changed, and what the lock is ordered is counted.
 *
 * `npm run bench -- zwave [rounds] [milliseconds a frame] [kinds]`: the mock lets each frame take so long on the air; a lock with
 * a battery has to be woken first, which takes a second.
 */
const ROUNDS = Number(process.argv[2] ?? 3);
const AIR_MS = (process.argv[3] ?? "1,10").split(",").map(Number);
const CODES = 30;
/** Codes that come and go before, so that no side pays for what a process does once. */
const WARMING = 10;
const SLOTS = CODES + 5;
const LOCK = 2;
const KINDS = (process.argv[4] ?? "v1,v2,credentials").split(",") as Kind[];
type Kind = SimulatedLockSettings["kind"];
const POLL_MS = 20;
const QUIET_MS = 5_000;
const LIMIT_MS = 120_000;
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const pinOf = (index: number) => String(700_000 + index * 137);
const settings = (kind: Kind): SimulatedLockSettings => ({
  nodeId: LOCK,
  kind,
  slots: SLOTS,
  // The mock answers orders of User Credential in clear, also where all else is encrypted, and the library ignores that.
  isSecure: kind === "v2",
});

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const begun = performance.now();
  while (!(await isSo())) {
    if (performance.now() - begun > LIMIT_MS) throw new Error(`${what}: not within ${LIMIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Memory of a process that lies in the machine's. */
function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? NaN) / 1_024;
}

interface Done {
  readonly ms: number;
  readonly commands: number;
  /** Processor time of everybody but the lock. */
  readonly busyMs: number;
}

/** Of this process and the driver's. Other work on the machine makes it longer too, but not as much as the clock's. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  const ticks = driverProcesses(process.pid).map((pid) => {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
    return Number(fields[11]) + Number(fields[12]);
  });
  return (user + system) / 1_000 + ticks.reduce((sum, count) => sum + count * TICK_MS, 0);
}
const TICK_MS = 10;

/** The library by itself, on the port that it opens itself. */
async function direct(kind: Kind, airMs: number, folder: string): Promise<Done> {
  const stick = await ZWaveStick.open({ settings: settings(kind), airMs, port: join(folder, "direct") });
  const driver = new ZWaveDriver(stick.port, {
    interview: { queryAllUserCodes: true },
    storage: { cacheDir: join(folder, "direct-cache") },
    securityKeys: Object.fromEntries(
      Object.entries(SIMULATED_KEYS).map(([name, key]) => [name, fromHex(key)]),
    ),
    logConfig: { enabled: false },
    features: { softReset: false },
  });
  driver.on("error", () => undefined);
  const isReady = new Promise<void>((resolve) => driver.once("driver ready", () => resolve()));
  await driver.start();
  await isReady;
  const node = driver.controller.nodes.get(LOCK);
  await until("the interview", () => node?.interviewStage === InterviewStage.Complete);
  const access = node?.accessControl;
  if (access === undefined) throw new Error("the mock holds no codes");
  const type = UserCredentialType.PINCode;
  const set = async (slot: number): Promise<void> => {
    const { credential } = await access.addUser(slot, { active: true }, { type, slot, data: pinOf(slot) });
    if (credential !== SetCredentialResult.OK) throw new Error(`${kind}: slot ${slot}: ${credential}`);
    // A lock without supervision the library has read back by itself.
    if (kind === "v1") return;
    const read = await access.getCredential(type, slot);
    if (read?.data !== pinOf(slot)) throw new Error(`${kind}: slot ${slot} does not hold its code`);
  };
  for (let slot = 1; slot <= WARMING; slot++) await set(slot);
  for (let slot = 1; slot <= WARMING; slot++) await access.deleteUser(slot);
  const { commands } = await stick.settled();
  const busy = processorMs();
  const begun = performance.now();
  for (let slot = 1; slot <= CODES; slot++) await set(slot);
  const ms = performance.now() - begun;
  const busyMs = processorMs() - busy;
  const done = { ms, busyMs, commands: (await stick.counted()).commands - commands };
  await driver.destroy();
  await stick.close();
  return done;
}

interface Through extends Done {
  readonly memoryMb: number;
  readonly ordersAtRestart: number;
}

/** The whole gateway. */
async function through(kind: Kind, airMs: number, folder: string): Promise<Through> {
  const stick = await ZWaveStick.open({ settings: settings(kind), airMs, port: join(folder, "stick") });
  const siteId = randomUUID();
  const socketPath = join(folder, "lockbridge.sock");
  const keys = join(folder, "keys.json");
  writeFileSync(keys, JSON.stringify(SIMULATED_KEYS), { mode: 0o600 });
  const path = join(folder, "lockbridge.yaml");
  const document = {
    site: { id: siteId, name: "Bench", time_zone: "Europe/Lisbon" },
    state_dir: join(folder, "state"),
    socket: socketPath,
    api: { host: "127.0.0.1", port: 0 },
    devices: { stick: { driver: "zwave", port: stick.port, keys: `\${file:${keys}}` } },
    locks: { front: { name: "Front door", unit: `stick/node-${LOCK}` } },
  };
  writeFileSync(path, stringify(document), { mode: 0o600 });
  const loaded = await loadConfig(path, { env: {}, drivers: knownDrivers });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const client = new DaemonClient(socketPath);
  const device_id = objectId(siteId, "device", "front");
  const start = (): Promise<Gateway> =>
    startGateway({
      config: loaded.config,
      log: quiet,
      credentialsDirectory: undefined,
      onFatal(error) {
        throw error;
      },
      askClockSync: (answer) => answer(true),
      hostProgram: sourceProgram("src/hosted-driver.ts"),
    });
  const ready = (gateway: Gateway) =>
    until("the lock", () => gateway.engine.deps.devices.isOnline(`stick/node-${LOCK}`));
  const areSet = async (gateway: Gateway, count = CODES): Promise<void> => {
    await until("the codes", () => gateway.engine.deps.store.keypads.underWay().length === 0);
    const { access_codes } = await client.call(accessCodesList, { device_id, limit: 100 });
    const set = access_codes.filter(({ status }) => status === "set");
    if (set.length !== count) throw new Error(`${kind}: ${set.length} codes of ${count} are set`);
  };

  let gateway = await start();
  await ready(gateway);
  await stick.settled();
  const create = (index: number) =>
    client.call(accessCodesCreate, { device_id, name: `Guest ${index}`, code: pinOf(index) });
  const warm: string[] = [];
  for (let index = 1; index <= WARMING; index++) {
    const { access_code } = await create(index);
    warm.push(access_code.access_code_id);
  }
  await areSet(gateway, WARMING);
  for (const access_code_id of warm) await client.call(accessCodesDelete, { access_code_id });
  await areSet(gateway, 0);
  const before = await stick.settled();
  const busy = processorMs();
  const begun = performance.now();
  for (let index = 1; index <= CODES; index++) await create(index);
  await areSet(gateway);
  const ms = performance.now() - begun;
  const busyMs = processorMs() - busy;
  const after = await stick.settled();
  const memoryMb = driverProcesses(process.pid).reduce((sum, pid) => sum + residentMb(pid), 0);
  await gateway.stop();

  gateway = await start();
  await ready(gateway);
  await stick.settled();
  await areSet(gateway);
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const ordersAtRestart = (await stick.counted()).orders - after.orders;
  await gateway.stop();
  await stick.close();
  return { ms, busyMs, commands: after.commands - before.commands, memoryMb, ordersAtRestart };
}

const rows = [];
for (const kind of KINDS) {
  for (const airMs of AIR_MS) {
    const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));
    const turns = [];
    for (let turn = 0; turn < ROUNDS; turn++) {
      const own = mkdtempSync(join(folder, "turn-"));
      turns.push({ bare: await direct(kind, airMs, own), ours: await through(kind, airMs, own) });
    }
    rmSync(folder, { recursive: true, force: true });
    const ratios = turns.map(({ bare, ours }) => ours.ms / bare.ms);
    const [{ bare, ours }] = turns as [(typeof turns)[number]];
    rows.push({
      lock: kind,
      "a frame ms": airMs,
      "library ms": round(median(turns.map((turn) => turn.bare.ms)), 0),
      "gateway ms": round(median(turns.map((turn) => turn.ours.ms)), 0),
      "ratio, median": round(median(ratios)),
      best: round(Math.min(...ratios)),
      "library, commands": bare.commands,
      "gateway, commands": ours.commands,
      "library, processor ms a code": round(median(turns.map((turn) => turn.bare.busyMs)) / CODES, 1),
      "gateway, processor ms a code": round(median(turns.map((turn) => turn.ours.busyMs)) / CODES, 1),
      "driver's process MB": round(ours.memoryMb, 0),
      "orders at a start with nothing changed": Math.max(...turns.map((turn) => turn.ours.ordersAtRestart)),
    });
  }
}
print("zwave", rows);
