import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { connectAsync } from "mqtt";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { gatewayTopics, siteTopics } from "#src/cloud/mqtt-topics";
import { LIMITS } from "#src/cloud/wire";
import { realClock } from "#src/ops/clock";
import type { CloudFault } from "#src/sandbox/cloud/faults";
import { type Broker, startBroker } from "#src/sandbox/cloud/mqtt-broker";
import { type Cloud, createCloud } from "#src/sandbox/cloud/server";
import { eventually, GATEWAY, LinkedGateway, put, SITE, TOKEN } from "#test/mqtt/rig";

/** What only a real carrier can be sent. What may stand in a body that arrived is `src/cloud/bad-input.test.ts`. */
let broker: Broker;
let cloud: Cloud;
let gateway: LinkedGateway;
beforeAll(async () => {
  const all = [siteTopics(SITE)];
  const own = gatewayTopics(SITE, GATEWAY);
  broker = await startBroker([
    { username: "cloud", password: "cloud's", publishes: all, reads: all },
    { username: GATEWAY, password: TOKEN, publishes: [`${own}u/`], reads: [`${own}d/`] },
  ]);
  cloud = await createCloud({
    port: 0,
    siteId: SITE,
    apiKey: "seam_test1_0000",
    gatewayId: GATEWAY,
    gatewayToken: TOKEN,
    clock: realClock,
    mqtt: { url: broker.url, username: "cloud", password: "cloud's" },
  });
});
afterEach(() => gateway.link.stop());
afterAll(async () => {
  await cloud.close();
  await broker.close();
});

/** In step, with one change stored. */
async function start(options: { readonly url?: string; readonly http?: string }): Promise<void> {
  gateway = new LinkedGateway(options);
  put(cloud.site, "u0");
  await eventually(() => expect([gateway.isInStep, gateway.memory.objects.size > 0]).toEqual([true, true]));
}

/** The fault has its name, moved nothing, and is over. */
async function expectSurvived(faults: readonly string[], cursor: unknown): Promise<void> {
  await eventually(() => expect(gateway.faults).toEqual(expect.arrayContaining([...faults])));
  expect(gateway.memory.cursor).toEqual(cursor);
  await eventually(() => expect(gateway.isInStep).toBe(true));
  put(cloud.site, "u0", null, "after");
  await eventually(() => expect(gateway.memory.objects.get("acs_user/u0")?.spec["full_name"]).toBe("after"));
  expect(gateway.memory.blocked).toEqual([]);
  expect(new Set(gateway.problems).size).toBe(gateway.problems.length);
}

test.each<[string, CloudFault, string]>([
  ["a portal's page", { kind: "html" }, "body.is_html"],
  ["garbage", { kind: "garbage" }, "body.not_json"],
  ["an answer without end", { kind: "tooBig", bytes: 4 * LIMITS.bodyBytes }, "carrier.answer_too_big"],
  ["a gzip bomb", { kind: "gzipBomb", bytes: 2 * LIMITS.inflatedBytes }, "body.too_big"],
  ["an answer that breaks off", { kind: "close" }, "carrier.unreachable"],
  ["a busy cloud", { kind: "status", status: 429 }, "carrier.busy"],
  ["a broken cloud", { kind: "status", status: 500 }, "carrier.server_error"],
])("over HTTP: %s is told as what it is, twice, and is over", async (_name, fault, code) => {
  await start({ http: cloud.endpoint });
  const { cursor } = gateway.memory;
  cloud.faults.next(fault, 2);
  cloud.site.dropSession();
  await eventually(() => expect(cloud.faults.pending).toBe(0), 15_000);
  await expectSurvived([code], cursor);
});

test("over HTTP: a redirect is told, and nobody elsewhere sees token or events", async () => {
  const seen: string[] = [];
  const elsewhere = createServer((request, response) => {
    seen.push(request.url ?? "");
    response.end();
  });
  elsewhere.listen(0, "127.0.0.1");
  await once(elsewhere, "listening");
  const { port } = elsewhere.address() as AddressInfo; // It listens on TCP.
  await start({ http: cloud.endpoint });
  const { cursor } = gateway.memory;
  cloud.faults.next({ kind: "redirect", to: `http://127.0.0.1:${port}/` }, 2);
  cloud.site.dropSession();
  await expectSurvived(["carrier.redirected"], cursor);
  expect(gateway.told).toContain("never followed");
  expect(seen).toEqual([]);
  elsewhere.close();
  await once(elsewhere, "close");
});

test.each([
  ["a gzip bomb", () => gzipSync(Buffer.alloc(2 * LIMITS.inflatedBytes)), "body.too_big"],
  ["a packet without end", () => Buffer.alloc(4 * LIMITS.bodyBytes, 0x20), "carrier.answer_too_big"],
  ["another version", () => Buffer.from('{"v":"7.0","session":null,"messages":[]}'), "body.version_unknown"],
] as const)("over MQTT: %s is told as what it is, and is over", async (_name, bytes, code) => {
  await start({ url: broker.url });
  const { cursor } = gateway.memory;
  const mischief = await connectAsync(broker.url, { username: "cloud", password: "cloud's" });
  await mischief.publishAsync(`${gatewayTopics(SITE, GATEWAY)}d/page`, bytes(), { qos: 1 });
  await expectSurvived([code], cursor);
  await mischief.endAsync();
});
