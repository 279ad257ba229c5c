import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { causeOf } from "#src/api/gateway-attempts";
import { gatewayDesk } from "#src/api/gateway-desk";
import { gatewayModel } from "#src/api/gateway-model";
import { GatewaySimulation } from "#src/api/gateway-simulation";
import { gatewayInclusion } from "#src/api/gateway-inclusion";
import type { Caller, DeskModel, Simulation } from "#src/api/model";
import { enginePort, type Simulate } from "#src/cloud/engine-port";
import { type CloudLink, type CloudMeter, createCloudLink } from "#src/cloud/link";
import type { Config } from "#src/config/config";
import type { ConfiguredDevice } from "#src/config/device-settings";
import { inventoryOf } from "#src/config/inventory-of";
import { readerKey } from "#src/cards/site-keys";
import { Devices } from "#src/devices/devices";
import type { SupervisedDevice } from "#src/devices/supervisor";
import type { Inventory } from "#src/domain/inventory";
import { simulatedActionType } from "#src/engine/action-types";
import { Engine } from "#src/engine/engine";
import { renumberedEntrances } from "#src/engine/renumbered";
import { SharedCommit } from "#src/engine/shared-commit";
import type { Store } from "#src/engine/ports";
import { listen } from "#src/gateway-api";
import { cloudCarriers } from "#src/gateway-carrier";
import {
  DEVICE_SILENCE_MAX_MS,
  ENGINE_SILENCE_MAX_MS,
  type WatchPart,
  watchStore,
} from "#src/gateway-heartbeat";
import { loadDriver } from "#src/gateway-drivers";
import { hostProgram, lineOpeners, openDevice, wantedLine } from "#src/gateway-lines";
import { gatewayPorts } from "#src/gateway-ports";
import { Observability } from "#src/gateway-observability";
import { keepUp } from "#src/gateway-upkeep";
import { gatewayWebhooks } from "#src/gateway-webhooks";
import { gatewayAudit, gatewayEvents } from "#src/gateway-live";
import { Hosts } from "#src/hosts/hosts";
import type { HostProgram } from "#src/hosts/process";
import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import { realClock } from "#src/ops/clock";
import { freeBytesAt } from "#src/ops/free-space";
import type { Metrics } from "#src/ops/metrics";
import { type AskSync, type FloorStore, FlooredTime, watchClockSync } from "#src/ops/time-source";
import { loadSealingKey } from "#src/store/sealing-key";
import { openStore } from "#src/store/store";
import { VERSION } from "#src/ops/version";

export interface GatewayOptions {
  readonly config: Config;
  readonly log: Log;
  /** The disk failed or the store is damaged: the process must end. */
  readonly onFatal: (error: Error) => void;
  readonly credentialsDirectory: string | undefined;
  /** Is told that the store, the engine and every device's supervisor turn. */
  readonly watch?: WatchPart;
  /** Left on the disk of the store; asked of the system unless given. */
  readonly freeBytes?: () => number | null;
  /** What a driver's process runs; the built one unless given. */
  readonly hostProgram?: HostProgram;
  /** Whether the system vouches for its clock; systemd is asked unless given. */
  readonly askClockSync?: AskSync;
  /** Only a simulated site has one. */
  readonly simulation?: Simulation;
}

export interface Gateway {
  /** Of the TCP API. */
  readonly endpoint: string;
  readonly engine: Engine;
  readonly desk: DeskModel;
  /** Ends everything in the order that loses nothing: new work, running jobs, link, devices, store. */
  stop(): Promise<void>;
}

const JOBS_END_WITHIN_MS = 5_000;
/** So many rows, whatever their age; and how long an id that is gone is remembered (400 days). */
const KEPT_MAX = { eventsMax: 500_000, auditMax: 1_000_000, tombstonesMs: 400 * 86_400_000 };

/** Builds every part and starts them. Rejects with a typed error that says what to do when one cannot start. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const { config, log, watch = unwatched } = options;
  const clock = realClock;
  const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size));
  mkdirSync(config.stateDir, { recursive: true, mode: 0o700 });
  const storePath = join(config.stateDir, "lockbridge.db");
  const sealingKey = loadSealingKey({
    credentialsDirectory: options.credentialsDirectory,
    stateDir: config.stateDir,
    storeExists: existsSync(storePath),
  });
  const store = openStore({ path: storePath, sealingKey, random, onFatal: options.onFatal });
  const sync = watchClockSync(clock, options.askClockSync);
  const time = new FlooredTime(clock, floorIn(store.meta), sync);
  const hosts = new Hosts({ clock, log, program: options.hostProgram ?? hostProgram });
  const ports = config.devices.flatMap(({ port }) => (port === null ? [] : [port]));
  const openers = lineOpeners(clock, hosts, ports);
  const devices = new Devices(
    await Promise.all(
      config.devices.map((device) =>
        supervised(device, { clock, watch, keySets: store.keySets, stateDir: config.stateDir }),
      ),
    ),
    {
      openers,
      clock,
      log,
    },
  );
  const inventory = inventoryOf(config);
  refuseRenumbered(store, inventory);
  const freeBytes = options.freeBytes ?? (() => freeBytesAt(config.stateDir));
  const observability = new Observability({
    store,
    storePath,
    devices,
    clock,
    log,
    time,
    freeBytes,
    hasLocks: config.locks.length > 0,
    needsKeys: config.systems.some(({ cardProfiles }) => cardProfiles.length > 0),
    cloud: () => link?.status() ?? null,
    driverMemory: () => hosts.memory(),
    snapshot: () => engine.snapshot.progress(),
    offline: () =>
      config.cloud === null ? null : { limit: config.offline, used: engine.offlineWork.used() },
  });
  const { metrics } = observability;
  const engine: Engine = new Engine({
    store,
    devices,
    clock,
    time,
    random,
    log,
    inventory,
    version: VERSION,
    profiles: config.cardProfiles,
    badgeFormats: config.badgeFormats,
    doors: config.doors,
    limits: {
      cardWaitMs: config.limits.cardWaitMs,
      jobMs: config.limits.jobMs,
      attemptMs: config.limits.commandMs,
    },
    offline: config.cloud === null ? null : config.offline,
    meter: metrics,
    freeBytes,
  });
  engine.recover();
  const rehearsal =
    options.simulation === undefined ? undefined : new GatewaySimulation(engine, options.simulation);
  const link: CloudLink | null = await cloudLink(engine, config, {
    simulation: rehearsal,
    clock,
    log,
    learn: (now) => time.learn(now),
    meter: metrics,
  });
  const seam = gatewayModel(engine, { isSandbox: rehearsal !== undefined, simulation: rehearsal });
  const audit = (by: Caller, what: string): void =>
    engine.transact(causeOf(by), (tx) => tx.audit(what, null));
  const desk = gatewayDesk(engine, {
    seam,
    simulation: options.simulation,
    cloud: () => link?.status() ?? null,
    version: VERSION,
    health: () => observability.health(),
    sync: () => observability.sync(),
    resetClockFloor: () => time.resetFloor(),
    confirmClock: () => time.confirm(),
    ports: gatewayPorts(config, { lines: openers, clock, log, audit }),
    inclusion: gatewayInclusion({
      devices,
      configured: config.devices.map(({ key }) => key),
      clock,
      random,
      audit,
    }),
  });
  const webhooks = gatewayWebhooks(engine, {
    isSandbox: options.simulation !== undefined,
    version: VERSION,
  });
  const apis = await listen(config, {
    seam,
    desk,
    webhooks: webhooks.model,
    events: gatewayEvents(engine),
    audit: gatewayAudit(engine),
    sharedCommit: new SharedCommit({ group: (work) => engine.group(work), soon: setImmediate, clock }),
    clock,
    random,
    log,
    health: () => observability.health(),
    metrics: () => metrics.text(),
  });
  const stopJournal = devices.onChange((status) => engine.deviceChanged(status));
  const stopMetrics = meter(engine, metrics);
  devices.start();
  engine.keypads.start();
  link?.start();
  webhooks.start();
  const stopUpkeep = keepUp(engine, {
    link,
    time,
    log,
    retention: { ...config.retention, ...KEPT_MAX },
    look: () => void observability.health(),
    heard: watch("engine", ENGINE_SILENCE_MAX_MS),
  });
  const stopStoreWatch = watchStore(store.meta, { clock, watch });
  log.info({ event: "gateway.ready", endpoint: apis.endpoint, socket: config.socketPath }, "gateway ready");
  return {
    endpoint: apis.endpoint,
    engine,
    desk,
    async stop() {
      stopUpkeep();
      stopStoreWatch();
      await apis.close();
      await engine.jobs.stop(JOBS_END_WITHIN_MS);
      await engine.keypads.stop();
      await link?.stop();
      await webhooks.stop();
      stopJournal();
      stopMetrics();
      await devices.stop();
      sync.stop();
      store.close();
      log.info({ event: "gateway.stopped" }, "gateway stopped");
    },
  };
}

/** Counts what happens at devices and encoders until the returned function is called. */
function meter(engine: Engine, metrics: Metrics): () => void {
  const stops = [
    engine.deps.devices.onChange((status) => metrics.deviceChanged(status)),
    engine.jobs.onProgress((job, progress) => metrics.jobStepped(job, progress)),
    () => metrics.stop(),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

const unwatched: WatchPart = () => () => undefined;

/** A daemon that would write other numbers than the cards in use carry does not start. */
function refuseRenumbered(store: Store, { entrances }: Inventory): void {
  const conflicts = renumberedEntrances(store, entrances);
  if (conflicts.length === 0) return;
  store.close();
  throw new ConfigConflict(conflicts.map(({ message }) => message).join("\n"));
}

/** The configuration contradicts what is in the world. */
export class ConfigConflict extends Error {
  override readonly name = "ConfigConflict";
  readonly code = "config.conflict";
}

/** The cloud's `simulate` commands. */
function commanded(simulation: GatewaySimulation): Simulate {
  return (order, code, commandId) => {
    const actionType = simulatedActionType(order);
    simulation.start(order, code, { actionType, cause: { cmd: commandId }, commandId });
  };
}

async function cloudLink(
  engine: Engine,
  config: Config,
  {
    clock,
    log,
    learn,
    meter,
    simulation,
  }: {
    clock: Clock;
    log: Log;
    learn: (now: number) => void;
    meter: CloudMeter;
    simulation: GatewaySimulation | undefined;
  },
): Promise<CloudLink | null> {
  const { cloud } = config;
  if (cloud === null) return null;
  engine.offlineWork.start();
  const { random } = engine.deps;
  const cloudLog = log.child({ part: "cloud" });
  return createCloudLink({
    gateway: cloud.gatewayId,
    sw: VERSION,
    carrier: await cloudCarriers(cloud, { site: config.site.id, clock, random, log: cloudLog }),
    store: engine.deps.store,
    engine: enginePort(engine, learn, simulation === undefined ? null : commanded(simulation)),
    clock,
    time: engine.deps.time,
    random,
    log: cloudLog,
    meter,
  });
}

async function supervised(
  device: ConfiguredDevice,
  {
    clock,
    watch,
    keySets,
    stateDir,
  }: {
    readonly clock: Clock;
    readonly watch: WatchPart;
    readonly keySets: Store["keySets"];
    readonly stateDir: string;
  },
): Promise<SupervisedDevice> {
  const driver = await loadDriver(device.driver);
  if (driver === undefined) throw new Error(`there is no driver ${device.driver}`);
  const keys = (id: string) => Promise.resolve(keySets.list().map((set) => readerKey(set, id)));
  const folder = driver.keepsFiles === true ? { folder: deviceFolder(stateDir, device.key) } : {};
  return {
    key: device.key,
    driverId: driver.id,
    port: device.port,
    onTurn: watch(`device ${device.key}`, DEVICE_SILENCE_MAX_MS),
    line: wantedLine(driver),
    ...(driver.opensWithinMs !== undefined && { opensWithinMs: driver.opensWithinMs }),
    open: (line, log, signal) =>
      openDevice(driver, device.settings, { line, clock, log, keys, ...folder }, { signal }),
  };
}

/** Made when it is missing; nobody else may look into it. */
function deviceFolder(stateDir: string, key: string): string {
  const path = join(stateDir, "devices", key);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  return path;
}

/** The clock's floor, kept across restarts. */
function floorIn(meta: Store["meta"]): FloorStore {
  return {
    read() {
      const floor = meta.get("clock_floor");
      return typeof floor === "number" ? floor : null;
    },
    write: (floor) => meta.set("clock_floor", floor),
  };
}
