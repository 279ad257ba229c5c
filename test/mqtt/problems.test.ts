import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import fc from "fast-check";
import { connectAsync, type MqttClient } from "mqtt";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Carrier, CloudConfigError } from "#src/cloud/carrier";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import { gatewayTopics } from "#src/cloud/mqtt-topics";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import type { CloudMqtt } from "#src/sandbox/cloud/mqtt-side";
import type { CloudSite } from "#src/sandbox/cloud/site";
import { Authority, type Identity } from "#test/support/certificates";
import { Mosquitto } from "./mosquitto.js";
import { eventually, GATEWAY, LinkedGateway, put, SITE, startCloud, tlsOf, TOKEN } from "./rig.js";

/** What can be wrong between a gateway and a good broker, each told as what it is. */
const TOPICS = gatewayTopics(SITE, GATEWAY);

let authority: Authority;
let stranger: Authority;
let own: Identity;
let broker: Mosquitto;
/** With a certificate that was good until yesterday. */
let expiredBroker: Mosquitto;
let site: CloudSite;
let mqtt: CloudMqtt;
/** May publish whatever it likes below the site. */
let mischief: MqttClient;
const gateways: LinkedGateway[] = [];

beforeAll(async () => {
  authority = new Authority();
  stranger = new Authority("another authority");
  own = authority.issue(GATEWAY);
  broker = await Mosquitto.start({
    site: SITE,
    authority,
    identity: authority.issue("broker"),
    passwords: { [GATEWAY]: TOKEN },
  });
  const identity = authority.issue("old-broker", "expired");
  expiredBroker = await Mosquitto.start({ site: SITE, authority, identity });
  const { certificate: ca } = authority;
  const cloud = authority.issue("cloud");
  ({ site, mqtt } = await startCloud({ url: broker.url("certificates"), tls: { ca, ...cloud } }));
  const options = { ca, cert: cloud.certificate, key: cloud.key, protocolVersion: 5 } as const;
  mischief = await connectAsync(broker.url("certificates"), options);
});
afterEach(async () => {
  for (const gateway of gateways.splice(0)) await gateway.link.stop();
});
afterAll(async () => {
  await mischief.endAsync(true);
  await mqtt.close();
  await Promise.all([broker.stop(), expiredBroker.stop()]);
  site.close();
  authority.remove();
  stranger.remove();
});

function start(options: ConstructorParameters<typeof LinkedGateway>[0]): LinkedGateway {
  const gateway = new LinkedGateway(options);
  gateways.push(gateway);
  return gateway;
}
const byCertificate = (identity = own) => ({
  url: broker.url("certificates"),
  tls: tlsOf(authority.certificate, identity),
});

test.each([
  {
    what: "a broker of an authority that nobody here knows",
    options: () => ({ url: broker.url("certificates"), tls: tlsOf(stranger.certificate, own) }),
    code: "carrier.tls",
    says: /no authority known here; check cloud\.tls\.ca/,
  },
  {
    what: "a broker whose certificate has expired",
    options: () => ({ ...byCertificate(), url: expiredBroker.url("certificates") }),
    code: "carrier.tls",
    says: /its certificate has expired/,
  },
  {
    what: "a gateway without a certificate",
    options: () => ({ url: broker.url("certificates"), tls: { ca: authority.certificate } }),
    code: "carrier.certificate_refused",
    says: /does not accept this gateway's certificate .*check cloud\.tls/,
  },
  {
    what: "a gateway whose certificate has expired",
    options: () => byCertificate(authority.issue(GATEWAY, "expired")),
    code: "carrier.certificate_refused",
    says: /does not accept this gateway's certificate/,
  },
  {
    what: "a gateway with a certificate of another authority",
    options: () => byCertificate(stranger.issue(GATEWAY)),
    code: "carrier.certificate_refused",
    says: /does not accept this gateway's certificate/,
  },
  {
    what: "a file of certificates that is damaged",
    options: () =>
      byCertificate({ ...own, key: "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----" }),
    code: "carrier.tls",
    says: /a file of cloud\.tls is damaged/,
  },
  {
    what: "a wrong token",
    options: () => ({
      url: broker.url("passwords"),
      tls: { ca: authority.certificate },
      token: "wrong-token",
    }),
    code: "carrier.unauthorized",
    says: /check cloud\.token/,
  },
  {
    what: "a gateway with the certificate of another one",
    options: () => byCertificate(authority.issue("0d8f4c52-0000-4000-8000-000000000000")),
    code: "carrier.unauthorized",
    says: /does not let this gateway do that/,
  },
  {
    what: "no broker",
    options: () => ({ ...byCertificate(), url: "mqtts://127.0.0.1:9" }),
    code: "carrier.unreachable",
    says: /cannot reach 127\.0\.0\.1:9 \(ECONNREFUSED\)/,
  },
])("$what is told as $code", async ({ options, code, says }) => {
  const gateway = start(options());
  await eventually(() => expect(gateway.link.status().problem).toMatchObject({ code }));
  const { problem, nextTryMs } = gateway.link.status();
  expect(problem?.message).toMatch(says);
  // Only what a person must put right is left for long.
  const isSlow = code === "carrier.unauthorized" || code === "carrier.certificate_refused";
  expect((nextTryMs ?? 0) > 60_000).toBe(isSlow);
  expect(gateway.memory.welcomes).toBe(0);
  for (const secret of [TOKEN, "wrong-token", own.key]) {
    expect(gateway.told + JSON.stringify(gateway.link.status())).not.toContain(secret);
  }
});

// This Mosquitto ends the older connection without a word; brokers that give a reason are in line.test.ts.
test("of two gateways with one id each is told before long that its place is taken; one alone is well", async () => {
  const first = start(byCertificate());
  await eventually(() => expect(first.isInStep).toBe(true));
  const second = start(byCertificate());
  await eventually(() => expect(first.problems).toContain("carrier.taken_over"));
  expect(first.told).toContain("is a copy of this gateway running somewhere?");
  await second.link.stop();
  await eventually(() => expect(first.isInStep).toBe(true));
  expect(first.link.status().problem).toBeNull();
});

const bodies: readonly (readonly [string, Uint8Array])[] = [
  ["no JSON", Buffer.from("{not json")],
  ["a web page", Buffer.from("<!doctype html>")],
  ["nothing", Buffer.alloc(0)],
  ["a gzip that breaks off", Buffer.from([0x1f, 0x8b, 8, 0, 0])],
  ["half a page", Buffer.from('{"v":"1.0","session":null,"messages":[{"type":"page","from":0}]}')],
  ["another version", Buffer.from('{"v":"9.0","session":null,"messages":[]}')],
  ["no UTF-8", Buffer.from([0x22, 0xff, 0xfe, 0x22])],
];
const topics = ["d/page", "d/ack", "d/cmd", "d/ctl", "d/head"];

test("poisoned bodies move nothing, break nothing, and the link comes back to its work", async () => {
  put(site, "before");
  const gateway = start(byCertificate());
  await eventually(() => expect(gateway.isInStep).toBe(true));
  const { memory } = gateway;
  const before = { cursor: memory.cursor, pages: memory.pages.length };
  for (const [, body] of bodies) {
    for (const topic of topics)
      await mischief.publishAsync(`${TOPICS}${topic}`, Buffer.from(body), { qos: 1 });
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...topics), async (body, topic) => {
      await mischief.publishAsync(`${TOPICS}${topic}`, Buffer.from(body), { qos: 1 });
    }),
    { numRuns: 40 },
  );
  await eventually(() => expect(gateway.problems).toContain("cloud.unreadable"));
  await eventually(() => expect(gateway.isInStep).toBe(true));
  expect(memory.cursor).toEqual(before.cursor);
  expect(memory.pages).toHaveLength(before.pages);
  expect(memory.ran).toEqual([]);
  put(site, "after");
  await eventually(() => expect(memory.objects.has("acs_user/after")).toBe(true));
});

test("what a broker keeps by mistake is no command and no poison to those who come later", async () => {
  for (const topic of topics) {
    await mischief.publishAsync(`${TOPICS}${topic}`, "{poison", { qos: 1, retain: true });
  }
  try {
    const gateway = start(byCertificate());
    await eventually(() => expect(gateway.isInStep).toBe(true));
    expect(gateway.problems).toEqual([]);
  } finally {
    for (const topic of topics)
      await mischief.publishAsync(`${TOPICS}${topic}`, "", { qos: 1, retain: true });
  }
});

test("the will of an older connection comes late and makes nobody absent; that of the present one does", async () => {
  const gateway = start(byCertificate());
  await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(true));
  const state = (boot: number, connection: number) =>
    JSON.stringify({
      v: "1.0",
      session: null,
      messages: [{ type: "state", online: false, boot, connection }],
    });
  const heard = () => broker.log.filter((line) => /Sending PUBLISH to .*u\/state/.test(line)).length;
  const before = heard();
  await mischief.publishAsync(`${TOPICS}u/state`, state(1, 0), { qos: 1 });
  await mischief.publishAsync(`${TOPICS}u/state`, state(0, 1), { qos: 1 });
  await eventually(() => expect(heard()).toBe(before + 2));
  expect(mqtt.isOnline(GATEWAY)).toBe(true);
  await mischief.publishAsync(`${TOPICS}u/state`, state(1, 1), { qos: 1 });
  await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(false));
  expect(gateway.problems).toEqual([]);
});

/** Passes everything on to the broker, but asks it in the CONNECT to go on with the session it may have. */
async function relayWithOldSession(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const { port } = new URL(broker.url("passwords"));
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connectTls({ host: "127.0.0.1", port: Number(port), ca: authority.certificate });
    sockets.add(near);
    near.once("data", (chunk: Buffer) => {
      // The flags stand behind the name and the version; bit 1 is Clean Start.
      const flags = chunk.indexOf("MQTT") + 5;
      chunk[flags] = (chunk[flags] ?? 0) & ~0b10;
      far.write(chunk);
      near.on("data", (more: Buffer) => far.write(more));
    });
    far.on("data", (chunk: Buffer) => near.write(chunk));
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on("error", () => undefined);
      one.on("close", () => other.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

test("a message that waits at the broker when the gateway connects is handed over, not lost", async () => {
  const relay = await relayWithOldSession();
  const received: string[] = [];
  let ups = 0;
  const carrier: Carrier = createMqttCarrier(
    { url: relay.url, site: SITE, gateway: GATEWAY, token: new Secret(TOKEN) },
    realClock,
  );
  const open = () =>
    carrier.open(
      {
        up: () => (ups += 1),
        received: (bytes) => void received.push(new TextDecoder().decode(bytes)),
        down: ({ message }) => received.push(message),
      },
      1,
    );
  try {
    open();
    await eventually(() => expect(ups).toBe(1));
    await carrier.destroy();
    await mischief.publishAsync(`${TOPICS}d/page`, "it waited", { qos: 1 });
    open();
    await eventually(() => expect(received).toContain("it waited"));
  } finally {
    await carrier.destroy();
    await relay.close();
  }
});

test.each([
  ["mqtt://broker.example", "not encrypted"],
  ["mqtt://10.0.0.7:1883", "not encrypted"],
  ["ws://broker.example/mqtt", "not encrypted"],
  ["https://broker.example", "not encrypted"],
  ["mqtts://user:secret@broker.example", "no user or password"],
  ["broker.example", "not an address"],
])("%s is no broker for a link that carries PINs", (url, why) => {
  const make = () =>
    createMqttCarrier({ url, site: SITE, gateway: GATEWAY, token: new Secret(TOKEN) }, realClock);
  expect(make).toThrow(CloudConfigError);
  expect(make).toThrow(why);
});
