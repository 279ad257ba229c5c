import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { InterviewStage, UserCredentialType, Driver as ZWaveDriver } from "zwave-js";
import { SIMULATED_KEYS, type SimulatedLockSettings, ZWaveSimulator } from "#drivers/zwave/simulator";
import { accessCodesCreate, accessCodesList } from "#src/api/schemas/access-codes";
import { DaemonClient } from "#src/cli/daemon-client";
import { objectId } from "#src/config/ids";
import { loadConfig } from "#src/config/load";
import { type Gateway, startGateway } from "#src/gateway";
import { knownDrivers } from "#src/gateway-drivers";
import { fromHex } from "#src/lib/hex";
import type { Log } from "#src/lib/log";
import { realClock } from "#src/ops/clock";
import { Plugged } from "#src/sandbox/plugged";
import { driverProcesses, sourceProgram } from "#test/hosts/programs";
import { print, round } from "./figures.js";

/**
 * Thirty codes on one mock lock, from desired to verified: through the whole gateway, with the driver in a process of its
 * own, against the library alone, which sets each code and reads it back. Then the gateway starts again with nothing
 * changed, and what the lock is ordered is counted.
 */
const CODES = 30;
const LOCK = 2;
const KINDS = ["v1", "v2"] as const;
const QUIET_MS = 5_000;
const LIMIT_MS = 120_000;
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const pinOf = (index: number) => String(700_000 + index * 137);
const settings = (kind: (typeof KINDS)[number]): SimulatedLockSettings => ({
  nodeId: LOCK,
  kind,
  slots: CODES + 5,
  isSecure: kind !== "v1",
});

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const begun = performance.now();
  while (!(await isSo())) {
    if (performance.now() - begun > LIMIT_MS) throw new Error(`${what}: not within ${LIMIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Memory of a process that lies in the machine's. */
function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? NaN) / 1_024;
}

/** The library by itself, on the port that it opens itself. */
async function direct(kind: (typeof KINDS)[number], folder: string): Promise<number> {
  const stick = new Plugged(join(folder, "direct"), await ZWaveSimulator.create(realClock, [settings(kind)]));
  await stick.plugIn();
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
  const begun = performance.now();
  for (let slot = 1; slot <= CODES; slot++) {
    await access.addUser(slot, { active: true }, { type, slot, data: pinOf(slot) });
    const read = await access.getCredential(type, slot);
    if (read?.data !== pinOf(slot)) throw new Error(`${kind}: slot ${slot} does not hold its code`);
  }
  const ms = performance.now() - begun;
  await driver.destroy();
  await stick.unplug();
  stick.simulator.close();
  return ms;
}

interface Through {
  readonly ms: number;
  readonly memoryMb: number;
  readonly ordersAtRestart: number;
}

/** The whole gateway. */
async function through(kind: (typeof KINDS)[number], folder: string): Promise<Through> {
  const stick = new Plugged(join(folder, "stick"), await ZWaveSimulator.create(realClock, [settings(kind)]));
  await stick.plugIn();
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
  const allSet = () =>
    until("thirty codes", async () => {
      const { access_codes } = await client.call(accessCodesList, { device_id, limit: 100 });
      return access_codes.length === CODES && access_codes.every(({ status }) => status === "set");
    });

  let gateway = await start();
  await ready(gateway);
  const begun = performance.now();
  for (let index = 1; index <= CODES; index++)
    await client.call(accessCodesCreate, { device_id, name: `Guest ${index}`, code: pinOf(index) });
  await allSet();
  const ms = performance.now() - begun;
  const memoryMb = driverProcesses(process.pid).reduce((sum, pid) => sum + residentMb(pid), 0);
  await gateway.stop();

  const { orders } = stick.simulator.lock(LOCK);
  gateway = await start();
  await ready(gateway);
  await allSet();
  await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
  const ordersAtRestart = stick.simulator.lock(LOCK).orders - orders;
  await gateway.stop();
  await stick.unplug();
  stick.simulator.close();
  return { ms, memoryMb, ordersAtRestart };
}

const rows = [];
for (const kind of KINDS) {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));
  const bare = await direct(kind, folder);
  const ours = await through(kind, folder);
  rows.push({
    lock: kind,
    "library ms": round(bare, 0),
    "gateway ms": round(ours.ms, 0),
    ratio: round(ours.ms / bare),
    "driver's process MB": round(ours.memoryMb, 0),
    "orders at a start with nothing changed": ours.ordersAtRestart,
  });
  rmSync(folder, { recursive: true, force: true });
}
print("zwave", rows);
