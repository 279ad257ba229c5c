import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { encodeBody, parseBody } from "#src/cloud/body";
import { enginePort } from "#src/cloud/engine-port";
import { createCloudLink } from "#src/cloud/link";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import { gatewayTopics, topicDown } from "#src/cloud/mqtt-topics";
import type { CloudMessage, PageOut } from "#src/cloud/wire";
import { Engine } from "#src/engine/engine";
import type { DevicesPort } from "#src/engine/devices-port";
import { fingerprintOf } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { openStore } from "#src/store/store";
import { Mosquitto } from "#test/mqtt/mosquitto";
import { Authority } from "#test/support/certificates";
import { percentile, print, round } from "./figures.js";

/**
 * From the moment that a cloud publishes a change until it is on the gateway's disk, over Mosquitto with TLS and client
 * certificates. Beside it, turn by turn, on the same broker: a bare mqtt.js client that sends a message of the same size to
 * another one, which sends it back.
 */
const ROUNDS = Number(process.argv[2] ?? 400);
const WARM_UP_ROUNDS = 50;
const SITE = "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10";
const GATEWAY = "0d8f4c52-3c65-4a53-8f0f-5b6f0f6f2a11";
const SYSTEM = "aaaaaaaa-0000-4000-8000-000000000001";
const EPOCH = { n: 1, id: "bench" };

const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));
const authority = new Authority();
const broker = await Mosquitto.start({
  site: SITE,
  authority,
  identity: authority.issue("broker"),
  isTerse: true,
});
const url = broker.url("certificates");
const { certificate: ca } = authority;
const own = authority.issue(GATEWAY);
const cloudIdentity = authority.issue("cloud");
async function client(): Promise<MqttClient> {
  const { certificate: cert, key } = cloudIdentity;
  const clientId = `bench-${randomBytes(4).toString("hex")}`;
  const connected = await connectAsync(url, { ca, cert, key, protocolVersion: 5, clientId });
  // Without it the echo waits for the other end's delayed acknowledgement, and the comparison is worth nothing.
  if (connected.stream instanceof Socket) connected.stream.setNoDelay(true);
  return connected;
}

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields) => console.error(fields),
  error: (fields) => console.error(fields),
  child: () => quiet,
};
const noDevices: DevicesPort = {
  status: () => [],
  isOnline: () => false,
  takesWork: () => false,
  capabilities: () => undefined,
  use: () => Promise.reject(new Error("a bench of the link has no devices")),
  onChange: () => () => undefined,
};

// ── The gateway ──────────────────────────────────────────────────────────────────────────────────────────────────

const store = openStore({
  path: join(folder, "store.db"),
  sealingKey: new Secret(new Uint8Array(32).fill(7)),
  random: randomBytes,
  onFatal(error) {
    throw error;
  },
});
const time = { read: () => ({ now: Date.now(), quality: "trusted" as const, certain: Date.now() }) };
const engine = new Engine({
  store,
  devices: noDevices,
  clock: realClock,
  time,
  random: randomBytes,
  log: quiet,
  inventory: {
    workspaceId: SYSTEM,
    connectedAccountId: SYSTEM,
    siteName: "Bench",
    timeZone: "Europe/Lisbon",
    systems: [{ id: SYSTEM, key: "main", name: "Locks", externalType: null, cardProfiles: [] }],
    entrances: [],
    encoders: [],
    locks: [],
  },
  version: "bench",
  profiles: new Map(),
  limits: { cardWaitMs: 60_000, jobMs: 120_000, attemptMs: 150_000 },
  offline: null,
});
engine.recover();
const port = enginePort(engine, () => undefined);
let onStored: (at: number) => void = () => undefined;
const storing: number[] = [];
const link = createCloudLink({
  gateway: GATEWAY,
  sw: "bench",
  carrier: createMqttCarrier(
    {
      url,
      site: SITE,
      gateway: GATEWAY,
      token: new Secret("unused"),
      tls: { ca, certificate: own.certificate, key: new Secret(own.key) },
    },
    realClock,
  ),
  store,
  engine: {
    ...port,
    storePage(page) {
      const begun = performance.now();
      port.storePage(page);
      const stored = performance.now();
      storing.push(stored - begun);
      onStored(stored);
    },
  },
  clock: realClock,
  time,
  random: (size) => new Uint8Array(randomBytes(size)),
  log: quiet,
});

// ── The cloud: no more than the protocol asks of one ─────────────────────────────────────────────────────────────

const topics = gatewayTopics(SITE, GATEWAY);
const cloud = await client();
const say = (message: CloudMessage): void => {
  cloud.publish(`${topics}${topicDown(message)}`, Buffer.from(encodeBody("s", [message])), { qos: 1 });
};
let head = 0;
cloud.on("message", (_topic, payload) => {
  const body = parseBody(payload);
  for (const received of body.ok ? body.messages : []) {
    if (!received.ok) continue;
    const { message } = received;
    if (message.type === "hello") {
      const welcome = {
        type: "welcome",
        session: "s",
        nonce_echo: message.nonce,
        epoch: EPOCH,
        head,
      } as const;
      say({ ...welcome, floor: 0, ingested: {}, want_from: 1, time: Date.now() });
    } else if (message.type === "ev") {
      const last = message.events.at(-1)?.["seq"];
      say({ type: "ack", jid: message.jid, ingested: Number(last), refused: [] });
    }
  }
});
await cloud.subscribeAsync(`${topics}u/+`, { qos: 1 });

function nextPage(): PageOut {
  const rev = ++head;
  const id = `dddddddd-0000-4000-8000-${String(rev).padStart(12, "0")}`;
  const spec = {
    acs_user_id: id,
    acs_system_id: SYSTEM,
    full_name: `Guest ${rev}`,
    email_address: "guest@example.com",
    state: "active",
    created_at: "2026-11-22T10:00:00.000Z",
  };
  const item = { rev, kind: "acs_user", id, op: "put", spec, spec_hash: fingerprintOf(spec) } as const;
  const items = [{ ...item, secret: null, verdict: null }];
  return { type: "page", epoch: EPOCH, from: rev - 1, to: rev, head: rev, ingested: {}, items };
}

/** From `publish` until it is stored. */
async function ours(): Promise<number> {
  const page = nextPage();
  const stored = new Promise<number>((resolve) => (onStored = resolve));
  const begun = performance.now();
  say(page);
  return (await stored) - begun;
}

// ── The echo ─────────────────────────────────────────────────────────────────────────────────────────────────────

const PING = `lockbridge/v1/${SITE}/bench/ping`;
const PONG = `lockbridge/v1/${SITE}/bench/pong`;
const near = await client();
const far = await client();
far.on("message", (_topic, payload) => void far.publish(PONG, payload, { qos: 1 }));
await far.subscribeAsync(PING, { qos: 1 });
await near.subscribeAsync(PONG, { qos: 1 });
const bytes = Buffer.from(encodeBody("s", [nextPage()]));
head--;

async function echo(): Promise<number> {
  const back = new Promise<number>((resolve) => near.once("message", () => resolve(performance.now())));
  const begun = performance.now();
  near.publish(PING, bytes, { qos: 1 });
  return (await back) - begun;
}

try {
  link.start();
  while (link.status().phase !== "welcomed") await new Promise((resolve) => setImmediate(resolve));
  const [stored, echoed]: [number[], number[]] = [[], []];
  for (let turn = -WARM_UP_ROUNDS; turn < ROUNDS; turn++) {
    if (turn === 0) storing.length = 0;
    const [one, other] = [await ours(), await echo()];
    if (turn < 0) continue;
    stored.push(one);
    echoed.push(other);
    // What was stored is stepped and told meanwhile; a cloud that changes things does not do so without a pause.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const row = (what: string, values: readonly number[]) => ({
    what,
    p50_ms: round(percentile(values, 0.5)),
    p99_ms: round(percentile(values, 0.99)),
  });
  const arriving = stored.map((ms, turn) => ms - (storing[turn] ?? NaN));
  const ratio = (what: string, values: readonly number[]) => ({
    what,
    p50_ms: round(percentile(values, 0.5) / percentile(echoed, 0.5)),
    p99_ms: round(percentile(values, 0.99) / percentile(echoed, 0.99)),
  });
  print("latency", [
    row("published until stored", stored),
    row("of it, until it is parsed and decided on", arriving),
    row("of it, storing, with the disk's sync", storing),
    row("bare echo, there and back", echoed),
    ratio("stored ÷ echo", stored),
    ratio("without storing ÷ echo", arriving),
  ]);
} finally {
  await link.stop();
  await Promise.all([cloud, near, far].map((one) => one.endAsync(true)));
  await broker.stop();
  store.close();
  authority.remove();
  rmSync(folder, { recursive: true, force: true });
}
