import { randomBytes } from "node:crypto";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CloudConfigError } from "#src/cloud/carrier";
import { createHttpCarrier } from "#src/cloud/http-carrier";
import { type CloudLink, createCloudLink } from "#src/cloud/link";
import { LIMITS } from "#src/cloud/wire";
import type { Log } from "#src/lib/log";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { type Cloud, createCloud } from "#src/sandbox/cloud/server";
import type { CloudFault } from "#src/sandbox/cloud/faults";
import { MemoryGateway, silentLog } from "#test/support/memory-gateway";
import { VirtualClock } from "#test/support/virtual-clock";

const SITE = "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10";
const TOKEN = "token-of-the-gateway";

let cloud: Cloud;
let gateway: MemoryGateway;
let link: CloudLink | null = null;
const told: string[] = [];
const log: Log = { ...silentLog, warn: (fields) => void told.push(JSON.stringify(fields)), child: () => log };

beforeEach(async () => {
  told.length = 0;
  gateway = new MemoryGateway();
  cloud = await createCloud({
    port: 0,
    siteId: SITE,
    apiKey: "seam_test_key",
    gatewayId: "g1",
    gatewayToken: TOKEN,
    clock: realClock,
  });
});
afterEach(async () => {
  await link?.stop();
  link = null;
  await cloud.close();
});

/** Rests have no length here: chance is always zero. */
function connect(token = TOKEN): CloudLink {
  const random = (size: number) => (size === 4 ? new Uint8Array(4) : new Uint8Array(randomBytes(size)));
  link = createCloudLink({
    gateway: "g1",
    sw: "1",
    carrier: createHttpCarrier({ url: cloud.endpoint, gateway: "g1", token: new Secret(token) }, realClock),
    store: gateway.store,
    engine: gateway.engine,
    clock: realClock,
    time: { read: () => ({ now: 0, quality: "trusted", certain: 0 }) },
    random,
    log,
  });
  link.start();
  return link;
}

const eventually = (look: () => void) => vi.waitFor(look, { timeout: 8_000, interval: 10 });
const user = (id: string) => ({
  acs_user_id: id,
  acs_system_id: "sys",
  full_name: "Ada",
  state: "active",
  created_at: "2026-11-22T10:00:00Z",
});
const put = (id: string, code: Secret<string> | null = null) =>
  cloud.site.put({ kind: "acs_user", id, spec: user(id), code });

test("changes come down at once, with their PINs; facts go up; a command runs and its result arrives", async () => {
  for (let number = 0; number < 250; number++) put(`u${number}`);
  connect();
  await eventually(() => expect(gateway.objects.size).toBe(250));
  expect(gateway.pages.map(({ items }) => items.length)).toEqual([100, 100, 50]);

  put("late", new Secret("4711"));
  await eventually(() => expect(gateway.objects.get("acs_user/late")?.code?.reveal()).toBe("4711"));

  const { id } = cloud.site.command("scan", "encoder", null, "app");
  await eventually(() => expect(gateway.ran).toMatchObject([{ id, act: "scan", encoderId: "encoder" }]));
  gateway.say(id, "waiting_for_card");
  await eventually(() => expect(cloud.site.progressOf(id)?.step).toBe("waiting_for_card"));
  gateway.finish(id);
  await eventually(() => expect(cloud.site.commands.get(id)?.status).toBe("success"));

  gateway.localChange("acs_user", "desk", user("desk"), { pin: "1234" });
  await eventually(() => expect(gateway.objects.get("acs_user/desk")?.code?.reveal()).toBe("1234"));
  await eventually(() =>
    expect(link?.status()).toMatchObject({
      phase: "welcomed",
      isCaughtUp: true,
      ackedSeq: 2,
      lastSeq: 2,
      problem: null,
    }),
  );
  expect(gateway.caughtUpAt).toEqual([250]);
  expect(gateway.welcomes).toBe(1);
});

const faults: { fault: CloudFault; problem: string }[] = [
  { fault: { kind: "dropRequest" }, problem: "carrier.unreachable" },
  { fault: { kind: "dropReply" }, problem: "carrier.unreachable" },
  { fault: { kind: "close" }, problem: "carrier.unreachable" },
  { fault: { kind: "status", status: 500 }, problem: "carrier.server_error" },
  { fault: { kind: "status", status: 503, retryAfterS: 0 }, problem: "carrier.busy" },
  { fault: { kind: "status", status: 409 }, problem: "carrier.session_lost" },
  { fault: { kind: "status", status: 410 }, problem: "carrier.session_lost" },
  { fault: { kind: "status", status: 413 }, problem: "carrier.batch_too_big" },
  { fault: { kind: "status", status: 404 }, problem: "carrier.not_found" },
  { fault: { kind: "redirect", to: "https://elsewhere.example/" }, problem: "carrier.redirected" },
  { fault: { kind: "html" }, problem: "cloud.unreadable" },
  { fault: { kind: "garbage" }, problem: "cloud.unreadable" },
  { fault: { kind: "tooBig", bytes: LIMITS.bodyBytes + 1 }, problem: "carrier.answer_too_big" },
  { fault: { kind: "gzipBomb", bytes: LIMITS.inflatedBytes + 1 }, problem: "cloud.unreadable" },
];
test.each(faults)(
  "$fault.kind $fault.status: told as $problem, and nothing is lost",
  async ({ fault, problem }) => {
    put("u1");
    cloud.faults.next(fault, 2);
    connect();
    await eventually(() => expect(link?.status().isCaughtUp).toBe(true));
    cloud.faults.next(fault, 3);
    put("u2");
    gateway.localChange("acs_user", "u3", user("u3"));
    const { id } = cloud.site.command("scan", "encoder", null, "app");
    await eventually(() => {
      expect(cloud.faults.pending).toBe(0);
      expect([...gateway.objects.keys()].sort()).toEqual(["acs_user/u1", "acs_user/u2", "acs_user/u3"]);
      expect(gateway.ran.map((command) => command.id)).toEqual([id]);
      expect(link?.status()).toMatchObject({
        phase: "welcomed",
        isCaughtUp: true,
        ackedSeq: 1,
        problem: null,
      });
    });
    expect(told.join("\n")).toContain(`"problem":"${problem}"`);
    expect(told.join("\n")).not.toContain(TOKEN);
  },
);

test("an answer that comes late is waited for", async () => {
  put("u1");
  cloud.faults.next({ kind: "delay", ms: 50 }, 3);
  connect();
  await eventually(() => expect(gateway.objects.size).toBe(1));
  expect(told).toEqual([]);
});

test("a refused token: the slow lane, and a reason that names what to check", async () => {
  connect("wrong");
  await eventually(() => expect(link?.status().problem?.code).toBe("carrier.unauthorized"));
  expect(link?.status().problem?.message).toContain("cloud.token");
  expect(link?.status().nextTryMs).toBeGreaterThan(4 * 60_000);
});

test("a cloud that forgot the session is greeted again, and its commands run once", async () => {
  connect();
  await eventually(() => expect(link?.status().isCaughtUp).toBe(true));
  const first = cloud.site.command("scan", "encoder", null, "app");
  await eventually(() => expect(gateway.ran).toHaveLength(1));
  cloud.site.dropSession();
  const second = cloud.site.command("scan", "encoder", null, "app");
  await eventually(() => expect(gateway.ran).toHaveLength(2));
  expect(gateway.ran.map(({ id }) => id)).toEqual([first.id, second.id]);
  expect(gateway.welcomes).toBe(2);
});

test("what cannot be stored is told, and brought again when it can", async () => {
  gateway.storeFails = true;
  put("u1");
  connect();
  await eventually(() => expect(told.join("\n")).toContain('"problem":"store.failed"'));
  expect(gateway.cursor).toBeNull();
  gateway.storeFails = false;
  await eventually(() => expect(gateway.objects.size).toBe(1));
});

test("a cloud that takes the connection and says nothing is given up after its time", async () => {
  const mute = createServer((socket) => void socket.resume()).listen(0, "127.0.0.1");
  await new Promise((resolve) => mute.once("listening", resolve));
  const { port } = mute.address() as AddressInfo;
  const clock = new VirtualClock();
  const carrier = createHttpCarrier(
    { url: `http://127.0.0.1:${port}`, gateway: "g", token: new Secret("t") },
    clock,
  );
  const problem = new Promise<string>((resolve) => {
    carrier.open({ up: () => {}, received: () => {}, down: ({ code }) => resolve(code) }, 1);
  });
  carrier.send(null, [{ type: "live", cmd: "c", step: "done", say: "" }]);
  await clock.advance(15_000);
  expect(await problem).toBe("carrier.timeout");
  expect(clock.pending).toBe(0);
  await carrier.destroy();
  await new Promise((resolve) => mute.close(resolve));
});

test.each([
  ["http://cloud.example", "not encrypted"],
  ["http://10.0.0.7:8080", "not encrypted"],
  ["http://localhost.example", "not encrypted"],
  ["ftp://cloud.example", "not encrypted"],
  ["https://user:secret@cloud.example", "no user or password"],
  ["cloud.example", "not an address"],
])("%s is no address for a link that carries PINs", (url, why) => {
  const make = () => createHttpCarrier({ url, gateway: "g", token: new Secret("t") }, realClock);
  expect(make).toThrow(CloudConfigError);
  expect(make).toThrow(why);
});

test.each([
  ["https://cloud.example/base"],
  ["http://127.0.0.1:1"],
  ["http://[::1]:1"],
  ["http://localhost:1"],
])("%s is one", async (url) => {
  const carrier = createHttpCarrier({ url, gateway: "g", token: new Secret("t") }, realClock);
  expect(carrier.isEncrypted).toBe(url.startsWith("https"));
  await carrier.destroy();
});

test("apps have their own door, with their own key", async () => {
  const ask = (path: string, key: string) =>
    fetch(`${cloud.endpoint}${path}`, { method: "POST", headers: { authorization: `Bearer ${key}` } });
  expect((await ask("/acs/systems/list", "seam_test_key")).status).toBe(200);
  expect((await ask("/acs/systems/list", TOKEN)).status).toBe(401);
  expect((await ask("/gateway/v1/g1/sync", "seam_test_key")).status).toBe(401);
  expect((await ask("/gateway/v1/other/sync", TOKEN)).status).toBe(404);
  expect((await ask("/gateway/v1/g1/sync", TOKEN)).status).toBe(400);
});
