import { afterEach, beforeEach, expect, test } from "vitest";
import type { CloudMqtt } from "#src/sandbox/cloud/mqtt-side";
import type { CloudSite } from "#src/sandbox/cloud/site";
import { Authority } from "#test/support/certificates";
import { Mosquitto } from "./mosquitto.js";
import { eventually, GATEWAY, LinkedGateway, put, SITE, startCloud, tlsOf, user } from "./rig.js";

/**
 * The broker dies as in a power cut and comes back with nothing: no queue, no session, no retained message. It had
 * acknowledged what it forgot.
 */
let authority: Authority;
let broker: Mosquitto;
let site: CloudSite;
let mqtt: CloudMqtt;
let gateway: LinkedGateway;
let connectCloud: () => ReturnType<typeof startCloud>;

beforeEach(async () => {
  authority = new Authority();
  broker = await Mosquitto.start({ site: SITE, authority, identity: authority.issue("broker") });
  const [url, ca] = [broker.url("certificates"), authority.certificate];
  const cloudTls = { ca, ...authority.issue("cloud") };
  connectCloud = () => startCloud({ url, tls: cloudTls }, site);
  ({ site, mqtt } = await startCloud({ url, tls: cloudTls }));
  gateway = new LinkedGateway({ url, tls: tlsOf(ca, authority.issue(GATEWAY)) });
  await eventually(() => expect(gateway.isInStep).toBe(true));
});
afterEach(async () => {
  await gateway.link.stop();
  await mqtt.close();
  await broker.stop();
  site.close();
  authority.remove();
});

/** Everything is on both sides, once, and in order. */
function expectEqual(): void {
  const { memory } = gateway;
  expect(gateway.isInStep).toBe(true);
  expect(memory.cursor?.rev).toBe(site.feed.head);
  for (const object of site.feed.list("acs_user")) {
    const here = memory.objects.get(`acs_user/${object.id}`);
    expect(here).toMatchObject({ rev: object.rev, spec: object.spec });
    expect(here?.code?.reveal()).toBe(object.code?.reveal());
  }
  const told = site.ledger.events(memory.jid).map(({ event }) => event);
  expect(told).toEqual(memory.events.map(({ seq, prev, event }) => ({ seq, prev, ...event })));
  const ran = memory.ran.map(({ id }) => id);
  expect(new Set(ran).size).toBe(ran.length);
}

test("events that the broker acknowledged and nobody heard arrive all the same, once", async () => {
  await mqtt.close();
  const acknowledged = () =>
    broker.log.filter((line) => line.includes(`Sending PUBACK to ${GATEWAY}`)).length;
  const before = acknowledged();
  for (let number = 0; number < 5; number++) {
    gateway.memory.localChange("acs_user", `desk${number}`, user(`desk${number}`), { pin: String(number) });
  }
  await eventually(() => expect(acknowledged()).toBeGreaterThan(before));
  expect(site.ledger.events(gateway.memory.jid)).toEqual([]);
  await broker.kill();
  await broker.run();
  ({ mqtt } = await connectCloud());
  await eventually(expectEqual);
  expect(gateway.memory.events).toHaveLength(5);
  expect(gateway.memory.objects.get("acs_user/desk4")?.code?.reveal()).toBe("4");
});

test("changes pushed into a dying broker arrive when it is back", async () => {
  await broker.kill();
  put(site, "u1", "4711");
  const { id } = site.command("scan", "encoder", null, "app");
  await eventually(() => expect(gateway.link.status().phase).not.toBe("welcomed"));
  await broker.run();
  await eventually(expectEqual);
  await eventually(() => expect(gateway.memory.ran.map((command) => command.id)).toEqual([id]));
  expect(gateway.memory.objects.get("acs_user/u1")?.code?.reveal()).toBe("4711");
  // The head is kept for whoever looks next, by the new broker too.
  await eventually(() => expect(mqtt.isOnline(GATEWAY)).toBe(true));
});

/** A stream of whole numbers below `limit` from one seed (mulberry32). */
function numbersFrom(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

test("a busy story with the broker killed eight times: nothing lost, nothing doubled", async () => {
  const seed = Date.now() % 1_000_000;
  const below = numbersFrom(seed);
  const { memory } = gateway;
  const ids = Array.from({ length: 6 }, (_, at) => `u${at}`);
  const anyId = () => ids[below(ids.length)] ?? "u0";
  let at = 0;
  const acts = [
    () => put(site, anyId(), below(2) === 0 ? null : String(1_000 + at), `cloud ${at}`),
    () => {
      const id = anyId();
      const base = memory.objects.get(`acs_user/${id}`)?.rev ?? 0;
      memory.localChange("acs_user", id, user(id, `desk ${at}`), { pin: String(2_000 + at), base });
    },
    () => void site.command("scan", "encoder", null, "app"),
    finishWhatRuns,
  ];
  const live = async (count: number) => {
    for (let time = 0; time < count; time++, at++) {
      acts[below(acts.length)]?.();
      // Some happen at once, some after the I/O of the ones before.
      if (below(3) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  try {
    for (let round = 0; round < 8; round++) {
      await live(12);
      // Every other time all is under way when it dies, the other times it has come to rest.
      if (round % 2 === 1) await eventually(expectEqual);
      await broker.kill();
      await live(6);
      await broker.run();
    }
    await eventually(() => {
      finishWhatRuns();
      expectEqual();
      expect(site.commands.list().map(({ status }) => status)).not.toContain("pending");
    }, 20_000);
    expect(memory.blocked).toEqual([]);
    expect(memory.events.length).toBeGreaterThan(20);
  } catch (error) {
    throw new Error(`SEED=${seed}`, { cause: error });
  }
}, 60_000);

function finishWhatRuns(): void {
  const { memory } = gateway;
  for (const [id, attempt] of memory.attempts) {
    if (attempt.status !== "pending") continue;
    memory.attempts.set(id, { ...attempt, status: "success" });
    memory.finish(id);
  }
}
