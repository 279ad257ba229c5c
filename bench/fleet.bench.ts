import { fork } from "node:child_process";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type CloudLink, createCloudLink } from "#src/cloud/link";
import { createFailoverCarrier } from "#src/cloud/failover-carrier";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import type { Log } from "#src/lib/log";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { Mosquitto } from "#test/mqtt/mosquitto";
import { Authority } from "#test/support/certificates";
import { MemoryGateway } from "#test/support/memory-gateway";
import { print, round } from "./figures.js";
import { FLEET_SITE, gatewayId } from "./fleet-ids.js";

/**
 * As many gateways as one process drives: the real sync core and MQTT carrier over TLS, each on a store in memory, against
 * one Mosquitto and the stand-in cloud in a process of its own. How long until all are welcomed, what one costs in memory,
 * how many messages pass, and how they come back when the broker dies and all lose it at the same moment.
 */
const GATEWAYS = Number(process.argv[2] ?? 500);
/** Changes per gateway for the throughput; each is a page down, an event up and an acknowledgement down. */
const CHANGES = 20;
const BROKER_AWAY_MS = 1_000;
/** A fleet is not switched on at one moment; it loses its broker at one. */
const START_TOGETHER = 25;
/** After the restart the last may rest for long: so long they are waited for. */
const BACK_WITHIN_MS = 90_000;
/** Welcomes after the restart are counted in pieces of so long. */
const PIECE_MS = 500;
const MIB = 1024 * 1024;

const authority = new Authority();
const passwords = Object.fromEntries([
  ["cloud", "cloud's"],
  ...Array.from({ length: GATEWAYS }, (_, at) => [gatewayId(at), `token ${at}`]),
]) as Record<string, string>;
const broker = await Mosquitto.start({
  site: FLEET_SITE,
  authority,
  identity: authority.issue("broker"),
  passwords,
  isTerse: true,
});
const url = broker.url("passwords");
const words = [url, authority.path, "cloud", "cloud's", String(GATEWAYS)];
const cloud = fork(fileURLToPath(new URL("fleet-cloud.ts", import.meta.url)), words);
await once(cloud, "message");

const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (fields) => console.error(fields),
  child: () => quiet,
};
const random = (size: number) => new Uint8Array(randomBytes(size));
const tls = { ca: authority.certificate };

interface Member {
  readonly memory: MemoryGateway;
  readonly link: CloudLink;
}
let tries = 0;

function member(at: number): Member {
  const memory = new MemoryGateway();
  const gateway = gatewayId(at);
  const inner = createMqttCarrier(
    { url, site: FLEET_SITE, gateway, token: new Secret(`token ${at}`), tls },
    realClock,
  );
  const open = inner.open.bind(inner);
  inner.open = (sink, boot) => {
    tries += 1;
    open(sink, boot);
  };
  const carrier = createFailoverCarrier([{ carrier: inner, host: "broker" }], {
    clock: realClock,
    random,
    log: quiet,
  });
  const link = createCloudLink({
    gateway,
    sw: "bench",
    carrier,
    store: memory.store,
    // What is stored is told, as the engine does when it has stepped it.
    engine: {
      ...memory.engine,
      storePage(page) {
        memory.engine.storePage(page);
        memory.append({ k: "caught_up", ...memory.head(), data: { rev: page.cursor.rev } });
      },
    },
    clock: realClock,
    time: { read: () => ({ now: Date.now(), quality: "trusted", certain: Date.now() }) },
    random,
    log: quiet,
  });
  return { memory, link };
}

const collect = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().rss;
};
const isInStep = ({ link }: Member) => {
  const { phase, isCaughtUp, ackedSeq, lastSeq } = link.status();
  return phase === "welcomed" && isCaughtUp && ackedSeq === lastSeq;
};
const welcomesOf = (all: readonly Member[]) => all.reduce((sum, { memory }) => sum + memory.welcomes, 0);

async function until(what: string, isSo: () => boolean, everyMs = 20): Promise<void> {
  const giveUpAt = performance.now() + 180_000;
  while (!isSo()) {
    if (performance.now() > giveUpAt) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

const before = collect();
const fleet = Array.from({ length: GATEWAYS }, (_, at) => member(at));
try {
  const startedAt = performance.now();
  for (let first = 0; first < GATEWAYS; first += START_TOGETHER) {
    const group = fleet.slice(first, first + START_TOGETHER);
    for (const { link } of group) link.start();
    await until("a group is welcomed", () => group.every(({ memory }) => memory.welcomes > 0), 5);
  }
  const connectedMs = performance.now() - startedAt;
  await until("all are in step", () => fleet.every(isInStep));
  const perGatewayKib = (collect() - before) / GATEWAYS / 1024;

  const cpuBefore = process.cpuUsage();
  const busyFrom = performance.now();
  cloud.send({ put: CHANGES });
  await until("all changes are everywhere", () =>
    fleet.every((one) => one.memory.cursor?.rev === CHANGES && isInStep(one)),
  );
  const busyMs = performance.now() - busyFrom;
  const cpu = process.cpuUsage(cpuBefore);
  const pages = fleet.reduce((sum, { memory }) => sum + memory.pages.length, 0);
  // Down: pages and acknowledgements. Up: batches, as many as there were acknowledgements at least.
  const messages = pages * 3;

  const welcomedBefore = welcomesOf(fleet);
  tries = 0;
  await broker.kill();
  await new Promise((resolve) => setTimeout(resolve, BROKER_AWAY_MS));
  const triesWhileAway = tries;
  tries = 0;
  const backAt = performance.now();
  await broker.run();
  const pieces: { welcomes: number; tries: number }[] = [];
  let [seen, tried] = [welcomedBefore, 0];
  while (welcomesOf(fleet) < welcomedBefore + GATEWAYS) {
    await new Promise((resolve) => setTimeout(resolve, PIECE_MS));
    const now = welcomesOf(fleet);
    pieces.push({ welcomes: now - seen, tries: tries - tried });
    [seen, tried] = [now, tries];
    if (performance.now() - backAt > BACK_WITHIN_MS) break;
  }
  const backMs = performance.now() - backAt;
  print("fleet", [
    { what: "gateways, each with a connection over TLS", figure: GATEWAYS },
    { what: "all welcomed after, s", figure: round(connectedMs / 1_000, 1) },
    { what: "welcomes a second", figure: round(GATEWAYS / (connectedMs / 1_000), 0) },
    { what: "memory per gateway, KiB", figure: round(perGatewayKib, 0) },
    { what: "memory of the process, MiB", figure: round(process.memoryUsage().rss / MIB, 0) },
    { what: "changes to each, pages stored", figure: `${CHANGES}, ${pages}` },
    { what: "messages a second through the broker", figure: round(messages / (busyMs / 1_000), 0) },
    { what: "processor time per message, µs", figure: round((cpu.user + cpu.system) / messages, 0) },
    { what: "broker away, s; attempts meanwhile", figure: `${BROKER_AWAY_MS / 1_000}; ${triesWhileAway}` },
    { what: "welcomed again; within, s", figure: `${seen - welcomedBefore}; ${round(backMs / 1_000, 1)}` },
    { what: `welcomes in each ${PIECE_MS} ms`, figure: pieces.map(({ welcomes }) => welcomes).join(" ") },
    { what: `attempts in each ${PIECE_MS} ms`, figure: pieces.map((piece) => piece.tries).join(" ") },
  ]);
} finally {
  await Promise.all(fleet.map(({ link }) => link.stop()));
  cloud.disconnect();
  await broker.stop();
  authority.remove();
}
