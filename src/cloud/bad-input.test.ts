import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { fingerprintOf, type JsonObject } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import { MemoryGateway, silentLog } from "#test/support/memory-gateway";
import { VirtualClock } from "#test/support/virtual-clock";
import { encodeBody } from "./body.js";
import type { Carrier, CarrierSink } from "./carrier.js";
import { createCloudLink } from "./link.js";
import { type GatewayMessage, LIMITS, type Message } from "./wire.js";

/**
 * Whatever the cloud, or somebody in its place, may send: each fault has a name, is counted each time and logged once,
 * moves the cursor nowhere, and is over when good messages come again.
 */
const EPOCH = { n: 1, id: "e" };

/** The other end, as the test wants it. */
class Wire implements Carrier {
  readonly name = "wire";
  readonly isEncrypted = true;
  #sink: CarrierSink | null = null;
  #nonce = "";
  readonly said: GatewayMessage[] = [];

  open(sink: CarrierSink): void {
    this.#sink = sink;
    sink.up();
  }
  send(_session: string | null, messages: readonly GatewayMessage[]): void {
    for (const message of messages) {
      this.said.push(message);
      if (message.type === "hello") this.#nonce = message.nonce;
    }
  }
  listen(): void {}
  close(): void {
    this.#sink = null;
  }
  destroy(): Promise<void> {
    return Promise.resolve();
  }
  hear(bytes: Uint8Array): void {
    this.#sink?.received(bytes);
  }
  welcome(head: number): void {
    const { length } = this.said.filter(({ type }) => type === "hello");
    const message = {
      ...{ type: "welcome", session: `s${length}`, nonce_echo: this.#nonce, epoch: EPOCH, head, floor: 0 },
      ...{ ingested: {}, want_from: 1, time: 0 },
    };
    this.hear(body(message));
  }
}

const body = (...messages: unknown[]) =>
  new TextEncoder().encode(JSON.stringify({ v: "1.0", session: "s", messages }));
const text = (value: string) => new TextEncoder().encode(value);
const spec = (rev: number, change: JsonObject = {}): JsonObject => ({
  ...{ acs_user_id: `u${rev}`, acs_system_id: "s", full_name: "A", state: "active" },
  ...{ created_at: "2026-11-22T10:00:00Z", ...change },
});
const item = (rev: number, change: JsonObject = {}) => {
  const specOf = (change["spec"] ?? spec(rev)) as JsonObject;
  const identity = { rev, kind: "acs_user", id: `u${rev}`, op: "put" };
  return { ...identity, spec: specOf, spec_hash: fingerprintOf(specOf), ...change };
};
const page = (from: number, to: number, change: object = {}) => ({
  ...{ type: "page", epoch: EPOCH, from, to, head: to, ingested: {} },
  items: Array.from({ length: to - from }, (_, at) => item(from + at + 1)),
  ...change,
});

function rig() {
  const clock = new VirtualClock();
  const memory = new MemoryGateway();
  const wire = new Wire();
  const [faults, lines]: [string[], Record<string, unknown>[]] = [[], []];
  const tell = (fields: object) => void lines.push({ ...fields });
  const log: Log = { ...silentLog, info: tell, warn: tell, error: tell, child: () => log };
  const link = createCloudLink({
    gateway: "g",
    sw: "1",
    carrier: wire,
    store: memory.store,
    engine: memory.engine,
    clock,
    time: { read: () => ({ now: clock.now(), quality: "trusted", certain: clock.now() }) },
    random: (size) => new Uint8Array(size),
    log,
    meter: { cloudFault: (fault) => void faults.push(fault) },
  });
  link.start();
  wire.welcome(1);
  wire.hear(body(page(0, 1)));
  expect(link.status()).toMatchObject({ isCaughtUp: true, cursor: { rev: 1 } });
  /** Lines of a fault. */
  const told = (fault: string) => lines.filter((line) => line["fault"] === fault);
  return { clock, memory, wire, link, faults, told };
}
type Rig = ReturnType<typeof rig>;

/** Good messages do their work again, after a rest or at once. */
async function expectWellAgain({ clock, wire, link, memory }: Rig): Promise<void> {
  if (link.status().phase !== "welcomed") {
    await clock.advance((link.status().nextTryMs ?? 0) + 1);
    wire.welcome(1);
  }
  const from = memory.cursor?.rev ?? 0;
  wire.hear(body(page(from, from + 1)));
  expect(link.status()).toMatchObject({ phase: "welcomed", isCaughtUp: true, cursor: { rev: from + 1 } });
}

const bodies: readonly (readonly [string, Uint8Array, string])[] = [
  ["a captive portal's page", text("<!doctype html><title>Hotel WLAN</title>"), "body.is_html"],
  ["nothing", new Uint8Array(), "body.not_json"],
  ["half a body", body(page(1, 2)).slice(0, -9), "body.not_json"],
  ["no UTF-8", Uint8Array.of(0x7b, 0xff), "body.not_json"],
  ["a list", text("[]"), "body.malformed"],
  ["a body without messages", text('{"v":"1.0","session":null}'), "body.malformed"],
  [
    "too many messages",
    body(...Array.from({ length: LIMITS.messagesPerBody + 1 }, () => ({}))),
    "body.malformed",
  ],
  ["another version", text('{"v":"2.0","session":null,"messages":[]}'), "body.version_unknown"],
  ["no version", text('{"v":"","session":null,"messages":[]}'), "body.version_unknown"],
  ["brackets without end", text("[".repeat(300_000)), "body.too_deep"],
  ["more than agreed", new Uint8Array(LIMITS.bodyBytes + 1), "body.too_big"],
  ["a gzip that breaks off", gzipSync(body(page(1, 2))).subarray(0, 40), "body.gzip_broken"],
  ["a gzip of something else", gzipSync("<html>"), "body.is_html"],
  ["a gzip bomb", gzipSync(Buffer.alloc(64 * LIMITS.inflatedBytes)), "body.too_big"],
];

test.each(bodies)("%s ends the session and nothing more", async (_name, bytes, fault) => {
  const it = rig();
  it.wire.hear(bytes);
  expect(it.link.status()).toMatchObject({ phase: "resting", problem: { code: "cloud.unreadable" } });
  await it.clock.advance((it.link.status().nextTryMs ?? 0) + 1);
  it.wire.welcome(1);
  it.wire.hear(bytes);
  expect(it.faults).toEqual([fault, fault]);
  expect(it.told(fault)).toMatchObject([{ event: "cloud.problem", problem: "cloud.unreadable" }]);
  expect(it.told(fault)[0]?.["reason"]).toMatch(/^what answers at the cloud's address is not the cloud: ./);
  expect(it.memory.pages).toHaveLength(1);
  await expectWellAgain(it);
});

const messages: readonly (readonly [string, object, string])[] = [
  ["a page whose range runs backwards", page(3, 1), "message.malformed"],
  ["a page that ends beyond its head", page(1, 3, { head: 2 }), "message.malformed"],
  ["a page with a rev outside of its range", page(1, 2, { items: [item(7)] }), "message.malformed"],
  ["a page with revs out of order", page(1, 3, { items: [item(3), item(2)] }), "message.malformed"],
  ["a page with too many items", page(1, LIMITS.pageItems + 2), "message.malformed"],
  ["a page of items that are no list", page(1, 2, { items: { 0: item(2) } }), "message.malformed"],
  ["a page whose counter is no integer", page(1, 2, { to: 2.5 }), "message.malformed"],
  ["a page with a counter beyond 2^53", page(1, 2, { head: 2 ** 60 }), "message.malformed"],
  ["an acknowledgement without a journal", { type: "ack", ingested: 1, refused: [] }, "message.malformed"],
  ["a command for an unknown act", { type: "cmd", act: "explode", cmd: "c" }, "message.malformed"],
  [
    "a snapshot without a manifest",
    { type: "gone", req: "r", epoch: EPOCH, floor: 0, reason: "floor" },
    "message.malformed",
  ],
  ["a message without a type", { kind: "page" }, "message.malformed"],
  ["a message of another release", { type: "firework", colour: "red" }, "message.unknown"],
];

test.each(messages)("%s is passed over, and the rest of its body is not", async (_name, bad, fault) => {
  const it = rig();
  it.wire.hear(body(bad));
  expect(it.link.status()).toMatchObject({ phase: "welcomed", cursor: { rev: 1 }, problem: null });
  it.wire.hear(body(bad, page(1, 2)));
  expect(it.memory.cursor?.rev).toBe(2);
  expect(it.faults).toEqual([fault, fault]);
  expect(it.told(fault)).toHaveLength(1);
  expect(it.memory.ran).toEqual([]);
  await expectWellAgain(it);
});

test.each([
  ["an unknown kind", item(3, { kind: "acs_robot" }), "item.kind_unknown"],
  ["a wrong hash", item(3, { spec_hash: "0".repeat(64) }), "item.hash_wrong"],
  ["another object's spec", item(3, { spec: spec(9) }), "item.spec_invalid"],
  ["a PIN where it does not belong", item(3, { spec: spec(3, { code: "4711" }) }), "item.spec_invalid"],
  ["no object at all", 3, "item.malformed"],
])("an item with %s blocks itself; its neighbours are stored", async (_name, bad, fault) => {
  const it = rig();
  it.wire.hear(body(page(1, 4, { items: [item(2), bad, item(4)] })));
  expect(it.faults).toEqual([fault]);
  expect([...it.memory.objects.keys()]).toEqual(["acs_user/u1", "acs_user/u2", "acs_user/u4"]);
  expect(it.memory.blocked).toMatchObject([{ code: fault }]);
  expect(JSON.stringify(it.link.status())).not.toContain("4711");
  await expectWellAgain(it);
});

test("messages of the gateway's own kinds, sent back to it, do nothing", async () => {
  const it = rig();
  const [hello] = it.wire.said;
  const own: Message[] = [
    { type: "pull", req: "r", epoch: EPOCH, since: 0 },
    { type: "live", cmd: "c", step: "done", say: "" },
    { type: "state", online: true, boot: 1, connection: 1 },
    ...(hello?.type === "hello" ? [hello] : []),
  ];
  const before = it.wire.said.length;
  it.wire.hear(encodeBody("s", own as GatewayMessage[]));
  expect([it.faults, it.wire.said.length]).toEqual([[], before]);
  await expectWellAgain(it);
});
