import { randomBytes, randomUUID } from "node:crypto";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { gatewayTopics, siteTopics } from "#src/cloud/mqtt-topics";
import { loadConfig } from "#src/config/load";
import { type Gateway, type GatewayOptions, startGateway } from "#src/gateway";
import { knownDrivers } from "#src/gateway-drivers";
import { realClock } from "#src/ops/clock";
import { createLog } from "#src/ops/log";
import { type Broker, type BrokerAccount, startBroker } from "./cloud/mqtt-broker.js";
import { type Cloud, createCloud } from "./cloud/server.js";
import type { DeskEncoderName } from "./desk-encoders.js";
import { SimulatedSite } from "./simulated-site.js";

/** A whole site on one machine: simulated encoder, stand-in cloud, an MQTT broker, and the daemon between them. */
export interface DemoSite {
  readonly stateDir: string;
  readonly socket: string;
  readonly hardware: SimulatedSite;
  readonly cloud: Cloud;
  readonly cloudApiKey: string;
  /** Where to listen in on cloud and gateway: with the name and password of an account that reads and never writes. */
  readonly mqttUrl: string;
  readonly gateway: Gateway;
  readonly apiKey: string;
  readonly encoderId: string;
  readonly entranceIds: readonly string[];
  stop(): Promise<void>;
}

export interface DemoSiteOptions {
  /** Of the gateway's API; 0 takes any free one. */
  readonly port: number;
  readonly onFatal: (error: Error) => void;
  /** Without it a PN532. */
  readonly encoder?: DeskEncoderName;
  /** With a Z-Wave lock, where the library is installed: it comes some seconds after the rest. */
  readonly hasRadio?: boolean;
  /** What a driver's process runs; the built one unless given. */
  readonly hostProgram?: NonNullable<GatewayOptions["hostProgram"]>;
}

const READY_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

/** Starts everything and returns when the encoder is ready and the cloud knows the site. All files lie in one directory. */
export async function startDemoSite(options: DemoSiteOptions): Promise<DemoSite> {
  const stateDir = mkdtempSync(join(tmpdir(), "lockbridge-demo-"));
  const started: (() => Promise<void> | void)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    return { ...(await startSite(stateDir, options, started)), stop };
  } catch (error) {
    await stop();
    rmSync(stateDir, { recursive: true, force: true });
    throw error;
  }
}

/** `started` learns how to end each part as soon as that part runs. */
async function startSite(
  stateDir: string,
  { port, onFatal, encoder, hasRadio = false, hostProgram }: DemoSiteOptions,
  started: (() => Promise<void> | void)[],
): Promise<Omit<DemoSite, "stop">> {
  const socket = join(stateDir, "lockbridge.sock");
  const siteId = randomUUID();
  const gatewayId = randomUUID();
  const gatewayToken = randomBytes(24).toString("hex");
  const cloudApiKey = `seam_cloud_${randomBytes(16).toString("hex")}`;

  const logFile = createWriteStream(join(stateDir, "lockbridge.log"));
  started.push(() => void logFile.end());
  const log = createLog("info", logFile);
  const hardware = new SimulatedSite(stateDir, encoder, hasRadio);
  await hardware.plugIn();
  started.push(() => hardware.unplug());
  const cloudPassword = randomBytes(24).toString("hex");
  const listenerPassword = randomBytes(8).toString("hex");
  const broker = await startBroker([
    {
      username: "cloud",
      password: cloudPassword,
      publishes: [siteTopics(siteId)],
      reads: [siteTopics(siteId)],
    },
    gatewayAccount(siteId, gatewayId, gatewayToken),
    { username: "listener", password: listenerPassword, publishes: [], reads: [""] },
  ]);
  started.push(() => broker.close());
  const cloud = await createCloud({
    port: 0,
    siteId,
    apiKey: cloudApiKey,
    gatewayId,
    gatewayToken,
    clock: realClock,
    log: log.child({ part: "stand-in cloud" }),
    file: join(stateDir, "cloud.db"),
    mqtt: { url: broker.url, username: "cloud", password: cloudPassword },
  });
  started.push(() => cloud.close());
  const configPath = join(stateDir, "lockbridge.yaml");
  const document = configDocument({
    stateDir,
    socket,
    siteId,
    gatewayId,
    gatewayToken,
    port,
    broker,
    hardware,
  });
  writeFileSync(configPath, stringify(document), { mode: 0o600 });
  const loaded = await loadConfig(configPath, { env: {}, drivers: knownDrivers });
  if (!loaded.ok)
    throw new Error(`the demo's own configuration is wrong: ${JSON.stringify(loaded.problems)}`);
  const encoderId = loaded.config.encoders[0]?.id ?? "";
  const gateway = await startGateway({
    config: loaded.config,
    log,
    credentialsDirectory: undefined,
    simulation: hardware.simulation(() => encoderId),
    ...(hostProgram !== undefined && { hostProgram }),
    onFatal,
  });
  started.push(() => gateway.stop());
  const { desk } = gateway;
  const by = { name: "demo", role: "admin", seesPins: true } as const;
  desk.keys.create(by);
  const { token } = desk.tokens.create({ name: "demo", role: "admin" }, by);
  await until("the encoder is ready", () => gateway.engine.deps.devices.isOnline("desk/main"));
  await until("the locks are ready", () => gateway.engine.deps.devices.isOnline("locks/lock-1"));
  await until("the cloud knows the site", () => cloud.site.inventory.get().encoders.length > 0);
  const [lock] = loaded.config.locks;
  await until("the cloud knows the locks", () => cloud.site.locks.observed(lock?.id ?? "")?.online === true);
  hardware.radio?.begin();
  return {
    stateDir,
    socket,
    hardware,
    cloud,
    cloudApiKey,
    mqttUrl: broker.url.replace("//", `//listener:${listenerPassword}@`),
    gateway,
    apiKey: token,
    encoderId,
    entranceIds: loaded.config.entrances.map(({ id }) => id),
  };
}

/** Looks again and again until `isTrue`; rejects when it never is. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  withinMs = READY_WITHIN_MS,
): Promise<void> {
  const giveUpAt = performance.now() + withinMs;
  while (!(await isTrue())) {
    if (performance.now() > giveUpAt) throw new Error(`waited ${withinMs / 1_000} s in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** A gateway talks on its own topics and on no others. */
function gatewayAccount(site: string, gateway: string, token: string): BrokerAccount {
  const own = gatewayTopics(site, gateway);
  return { username: gateway, password: token, publishes: [`${own}u/`], reads: [`${own}d/`] };
}

function configDocument(site: {
  stateDir: string;
  socket: string;
  siteId: string;
  gatewayId: string;
  gatewayToken: string;
  port: number;
  broker: Broker;
  hardware: SimulatedSite;
}): object {
  const { radio } = site.hardware;
  return {
    site: { id: site.siteId, name: "Harbour Hotel (simulated)", time_zone: "Europe/Lisbon" },
    state_dir: site.stateDir,
    socket: site.socket,
    api: { host: "127.0.0.1", port: site.port },
    devices: {
      desk: { driver: site.hardware.desk.name, port: site.hardware.encoder.port },
      locks: { driver: "reference", port: site.hardware.locks.port },
      bus: {
        driver: "osdp",
        port: site.hardware.readers.port,
        units: { gate: { address: 1, install: true } },
      },
      ...(radio !== null && { stick: { driver: "zwave", port: radio.port, keys: radio.keys } }),
    },
    systems: { main: { name: "Harbour locks", card_profiles: site.hardware.desk.profiles } },
    card_profiles: {
      desfire: { format: "lockbridge48", container: "desfire", application: "F52000" },
      classic: { format: "lockbridge48", container: "classic", sector: 1 },
      ntag: { format: "lockbridge48", container: "ntag", page: 4 },
      stripe: { format: "lockbridge96", container: "magstripe" },
    },
    encoders: { "front-desk": { name: "Front desk", system: "main", unit: "desk" } },
    entrances: {
      "room-101": { system: "main", name: "101", door: 101, keypad: "locks/lock-1" },
      "room-102": { system: "main", name: "102", door: 102, keypad: "locks/lock-2" },
      pool: { system: "main", name: "Pool", zone: 3 },
      gate: { system: "main", name: "Gate", keypad: "bus/gate" },
      ...(radio !== null && { "flat-2": { system: "main", name: "Flat 2", keypad: radio.unit } }),
    },
    locks: {
      "lock-101": { name: "Lock 101", unit: "locks/lock-1", backup_codes: 2 },
      "lock-102": { name: "Lock 102", unit: "locks/lock-2" },
    },
    cloud: { url: site.broker.url, gateway: site.gatewayId, token: site.gatewayToken },
  };
}
