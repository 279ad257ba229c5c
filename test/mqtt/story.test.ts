import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import { gatewayTopics, siteTopics } from "#src/cloud/mqtt-topics";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { type Broker, startBroker } from "#src/sandbox/cloud/mqtt-broker";
import type { CloudMqtt, CloudMqttOptions } from "#src/sandbox/cloud/mqtt-side";
import type { CloudSite } from "#src/sandbox/cloud/site";
import { Authority } from "#test/support/certificates";
import { Mosquitto } from "./mosquitto.js";
import {
  eventually,
  GATEWAY,
  type GatewayOptions,
  LinkedGateway,
  put,
  SITE,
  startCloud,
  tlsOf,
  TOKEN,
  user,
} from "./rig.js";

/** What the link does over HTTP, over every way that MQTT can go. */
let authority: Authority;
let mosquitto: Mosquitto;
let plain: Broker;
let gatewayTls: ReturnType<typeof tlsOf>;
let cloudTls: { ca: string; certificate: string; key: string };

beforeAll(async () => {
  authority = new Authority();
  const { certificate: ca } = authority;
  gatewayTls = tlsOf(ca, authority.issue(GATEWAY));
  cloudTls = { ca, ...authority.issue("cloud") };
  mosquitto = await Mosquitto.start({ site: SITE, authority, identity: authority.issue("broker") });
  const all = [siteTopics(SITE)];
  const own = gatewayTopics(SITE, GATEWAY);
  plain = await startBroker([
    { username: "cloud", password: "cloud's", publishes: all, reads: all },
    { username: GATEWAY, password: TOKEN, publishes: [`${own}u/`], reads: [`${own}d/`] },
  ]);
});
afterAll(async () => {
  await mosquitto.stop();
  await plain.close();
  authority.remove();
});

const WAYS: readonly {
  readonly way: string;
  readonly gateway: () => GatewayOptions;
  readonly cloud: () => CloudMqttOptions;
}[] = [
  {
    way: "MQTT 5 over TLS with client certificates",
    gateway: () => ({ url: mosquitto.url("certificates"), tls: gatewayTls }),
    cloud: () => ({ url: mosquitto.url("certificates"), tls: cloudTls }),
  },
  {
    way: "MQTT 5 over WebSocket and TLS with client certificates",
    gateway: () => ({ url: mosquitto.url("websockets"), tls: gatewayTls }),
    cloud: () => ({ url: mosquitto.url("certificates"), tls: cloudTls }),
  },
  {
    way: "MQTT 3.1.1, the broker refusing 5, on this machine",
    gateway: () => ({ url: plain.url }),
    cloud: () => ({ url: plain.url, username: "cloud", password: "cloud's" }),
  },
];

describe.each(WAYS)("$way", ({ way, gateway: howToConnect, cloud: cloudOptions }) => {
  // Nothing waits for silence here, and Mosquitto serves WebSockets in turns of a tenth of a second.
  const gatewayOptions = () => ({ ...howToConnect(), timesFaster: 1 });
  let site: CloudSite;
  let mqtt: CloudMqtt;
  let gateway: LinkedGateway;
  afterEach(async () => {
    await gateway.link.stop();
    await mqtt.close();
    site.close();
  });

  test("changes come down at once, with their PINs; facts go up; a command runs and its result arrives", async () => {
    ({ site, mqtt } = await startCloud(cloudOptions()));
    for (let number = 0; number < 250; number++) put(site, `u${number}`);
    gateway = new LinkedGateway(gatewayOptions());
    const { memory, link } = gateway;
    await eventually(() => expect(memory.objects.size).toBe(250));
    expect(memory.pages.map(({ items }) => items.length)).toEqual([100, 100, 50]);

    put(site, "late", "4711");
    await eventually(() => expect(memory.objects.get("acs_user/late")?.code?.reveal()).toBe("4711"));

    const { id } = site.command("scan", "encoder", null, "app");
    await eventually(() => expect(memory.ran).toMatchObject([{ id, act: "scan", encoderId: "encoder" }]));
    memory.say(id, "waiting_for_card");
    await eventually(() => expect(site.progressOf(id)?.step).toBe("waiting_for_card"));
    memory.finish(id);
    await eventually(() => expect(site.commands.get(id)?.status).toBe("success"));

    memory.localChange("acs_user", "desk", user("desk"), { pin: "1234" });
    await eventually(() => expect(memory.objects.get("acs_user/desk")?.code?.reveal()).toBe("1234"));
    await eventually(() => expect(gateway.isInStep).toBe(true));
    expect(link.status()).toMatchObject({ carrier: "mqtt", ackedSeq: 2, lastSeq: 2, problem: null });
    expect(memory.caughtUpAt).toEqual([250]);
    expect(memory.welcomes).toBe(1);
    expect(site.lastHello?.transport).toBe("mqtt");
    await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(true));
    expect(gateway.problems).toEqual([]);
    if (way.startsWith("MQTT 5")) {
      // Mosquitto writes the version (p5) and whether the client began clean (c1) into its log.
      expect(mosquitto.log.join("\n")).toMatch(new RegExp(`as ${GATEWAY} \\(p5, c1, k30`));
    }
  });

  test("a gateway that stops says goodbye, and one that comes back goes on where it was", async () => {
    ({ site, mqtt } = await startCloud(cloudOptions()));
    put(site, "u1");
    const first = new LinkedGateway(gatewayOptions());
    gateway = first;
    await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(true));
    await first.link.stop();
    await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(false));
    put(site, "u2");
    first.memory.localChange("acs_user", "u3", user("u3"));

    gateway = new LinkedGateway({ ...gatewayOptions(), memory: first.memory });
    await eventually(() => expect(gateway.isInStep).toBe(true));
    expect([...gateway.memory.objects.keys()].sort()).toEqual(["acs_user/u1", "acs_user/u2", "acs_user/u3"]);
    await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(true));
  });

  test("a cloud that forgot the session asks for hello, and its commands run once", async () => {
    ({ site, mqtt } = await startCloud(cloudOptions()));
    gateway = new LinkedGateway(gatewayOptions());
    await eventually(() => expect(gateway.isInStep).toBe(true));
    const first = site.command("scan", "encoder", null, "app");
    await eventually(() => expect(gateway.memory.ran).toHaveLength(1));
    site.dropSession();
    const second = site.command("scan", "encoder", null, "app");
    gateway.memory.finish(first.id);
    await eventually(() => expect(gateway.memory.ran).toHaveLength(2));
    expect(gateway.memory.ran.map(({ id }) => id)).toEqual([first.id, second.id]);
    expect(gateway.problems).toEqual(["cloud.asked_for_hello"]);
    await eventually(() => expect(site.commands.get(first.id)?.status).toBe("success"));
  });
});

test("of a gateway that is cut off the broker tells the absence, in 3.1.1 at once", async () => {
  const { site, mqtt } = await startCloud({ url: plain.url, username: "cloud", password: "cloud's" });
  const line = await cuttableLine(Number(new URL(plain.url).port));
  const config = { url: line.url, site: SITE, gateway: GATEWAY, token: new Secret(TOKEN) };
  const carrier = createMqttCarrier(config, realClock);
  const problems: string[] = [];
  carrier.open(
    { up: () => carrier.listen("s"), received: () => {}, down: ({ code }) => problems.push(code) },
    1,
  );
  await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(true));
  await line.cut();
  await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(false));
  expect(problems).toEqual(["carrier.unreachable"]);
  await carrier.destroy();
  await mqtt.close();
  site.close();
});

/** A way to a port of this machine that can end without a goodbye. */
async function cuttableLine(port: number): Promise<{ readonly url: string; cut(): Promise<void> }> {
  const ends = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const end of [near, far]) {
      ends.add(end);
      end.on("error", () => end.destroy());
    }
    near.pipe(far);
    far.pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async cut() {
      const closed = once(server, "close");
      server.close();
      for (const end of ends) end.destroy();
      await closed;
    },
  };
}
