import { randomBytes } from "node:crypto";
import { SeamWebhook } from "@seamapi/webhook";
import { expect, onTestFinished, test } from "vitest";
import { realClock } from "#src/ops/clock";
import type { Clock } from "#src/lib/deadline";
import { StoreError } from "#src/store/store-error";
import { fastClock } from "#test/mqtt/fast-clock";
import { ACCEPT, type Receiver, startReceiver } from "#test/support/receiver";
import { tempStore } from "#test/support/temp-store";
import { httpPost } from "./post.js";
import { WebhookSender, type SenderOptions } from "./sender.js";
import { mintWebhookSecret } from "./signature.js";

const SECRET = mintWebhookSecret(randomBytes);

/** A store, a sender over real HTTP to loopback, and time that runs so many times as fast. */
function rig({
  times = 1,
  ...changes
}: Partial<SenderOptions> & { times?: number; mayBeLoopback?: boolean } = {}) {
  const store = tempStore();
  const clock: Clock = times === 1 ? realClock : { ...fastClock(times), now: () => Date.now() };
  const logged: { event: string }[] = [];
  const note = (fields: object) => void logged.push(fields as { event: string });
  const options: SenderOptions = {
    table: store.webhooks,
    eventOf: (id) => store.events.get(id),
    clock: realClock,
    random: randomBytes,
    post: httpPost({ mayBeLoopback: changes.mayBeLoopback ?? true, clock, agent: "lockbridge/test" }),
    log: { info: note, warn: note, error: note },
    ...changes,
  };
  let sender = new WebhookSender(options);
  onTestFinished(() => sender.stop());
  const add = (id: string, url: string, eventTypes: readonly string[] | null = null): void => {
    store.webhooks.add({ id, url, eventTypes, secret: SECRET, createdAt: 1 });
  };
  const emit = (...ids: readonly string[]): void => {
    for (const id of ids) store.events.append(seamEvent(id));
    sender.wake();
  };
  /** As a restart of the gateway does. */
  const restart = async (): Promise<void> => {
    await sender.stop();
    sender = new WebhookSender(options);
    sender.wake();
  };
  const eventsLogged = () => logged.map(({ event }) => event);
  return { store, sender, logged, options, add, emit, restart, eventsLogged };
}

function seamEvent(id: string) {
  const at = "2026-11-22T14:00:00.000Z";
  return {
    event_id: id,
    event_type: "acs_credential.issued",
    workspace_id: "w1",
    created_at: at,
    occurred_at: at,
    acs_credential_id: "ünïcode",
  };
}

/** `random` for which full jitter waits the least there is. */
const SOON = () => new Uint8Array(4);
const waitingFor = (store: ReturnType<typeof rig>["store"]) => store.webhooks.waiting();

test("a delivery is what Seam's verifier accepts, and says which event it is", async () => {
  const receiver = await startReceiver();
  const { emit, add } = rig();
  add("w", receiver.url);
  emit("e1");
  await expect.poll(() => receiver.ids).toEqual(["e1"]);
  const [{ body, headers }] = receiver.received as [Receiver["received"][number]];
  const event = new SeamWebhook(SECRET.reveal()).verify(body, headers);
  expect(event).toEqual(seamEvent("e1"));
  expect(headers).toMatchObject({
    "svix-id": "e1",
    "content-type": "application/json",
    "user-agent": "lockbridge/test",
  });
  expect(() => new SeamWebhook(SECRET.reveal()).verify(body.replace("e1", "e2"), headers)).toThrow();
  expect(() => new SeamWebhook(mintWebhookSecret(randomBytes).reveal()).verify(body, headers)).toThrow();
});

test("events come in order, each once, to everybody who wants them", async () => {
  const [one, two] = [await startReceiver(), await startReceiver()];
  const { emit, add, store } = rig();
  add("one", one.url);
  add("two", two.url, ["acs_user.created"]);
  const ids = Array.from({ length: 50 }, (_, n) => `e${n}`);
  emit(...ids);
  await expect.poll(() => waitingFor(store)).toEqual([]);
  expect(one.ids).toEqual(ids);
  expect(two.ids).toEqual([]);
});

test("what fails is sent again under the same id with the same body, and those behind it wait", async () => {
  const receiver = await startReceiver((n, response) => void response.writeHead(n === 1 ? 503 : 204).end());
  const { emit, add, store, eventsLogged } = rig({ random: SOON });
  add("w", receiver.url);
  emit("e1", "e2");
  await expect.poll(() => waitingFor(store), { timeout: 5_000 }).toEqual([]);
  expect(receiver.ids).toEqual(["e1", "e1", "e2"]);
  const [first, again] = receiver.received;
  expect(again!.body).toBe(first!.body);
  expect(again!.headers["svix-id"]).toBe(first!.headers["svix-id"]);
  expect(again!.at - first!.at).toBeGreaterThan(900);
  expect(eventsLogged()).toEqual(["webhook.failing", "webhook.recovered"]);
});

test("an event that its receiver never takes holds up the others for three tries only", async () => {
  const receiver = await startReceiver((_, response, request) => {
    response.writeHead(request.headers["svix-id"] === "poison" ? 400 : 200).end();
  });
  const { emit, add, store } = rig({ random: SOON });
  add("w", receiver.url);
  emit("poison", "e2", "e3");
  await expect.poll(() => receiver.ids, { timeout: 10_000 }).toContain("e3");
  expect(receiver.ids.slice(0, 3)).toEqual(["poison", "poison", "poison"]);
  expect(receiver.ids.filter((id) => id === "e2")).toHaveLength(1);
  expect(waitingFor(store)).toEqual([{ webhookId: "w", count: 1, late: 1 }]);
});

test("after its last try an event is given up, and that is said", async () => {
  const receiver = await startReceiver((_, response) => void response.writeHead(500).end());
  const { add, store, sender, logged } = rig({ random: SOON });
  add("w", receiver.url);
  store.events.append(seamEvent("e1"));
  const { seq } = store.webhooks.firstInOrder("w")!;
  for (let n = 0; n < 7; n += 1) store.webhooks.failed(seq, { at: 0, late: true });
  sender.wake();
  await expect.poll(() => waitingFor(store)).toEqual([]);
  expect(logged).toContainEqual({ event: "webhook.given_up", webhook: "w", seam_event: "e1", tries: 8 });
});

test.each([
  ["a redirect is no acknowledgement and is not followed", 302, "status 302"],
  ["gone is no acknowledgement", 410, "status 410"],
])("%s", async (_, status, reason) => {
  const elsewhere = await startReceiver();
  const receiver = await startReceiver((n, response) => {
    response.writeHead(n === 1 ? status : 200, { location: elsewhere.url }).end();
  });
  const { emit, add, logged } = rig({ random: SOON });
  add("w", receiver.url);
  emit("e1");
  await expect.poll(() => receiver.ids, { timeout: 5_000 }).toEqual(["e1", "e1"]);
  expect(elsewhere.ids).toEqual([]);
  expect(logged).toContainEqual(expect.objectContaining({ event: "webhook.failing", reason }));
});

test("a receiver that does not answer is let go after its time, one that floods is cut off", async () => {
  const silent = await startReceiver((n, response) =>
    n === 1 ? undefined : ACCEPT(n, response, null as never),
  );
  const flooding = await startReceiver((_, response) => {
    response.writeHead(200);
    response.on("error", () => undefined);
    const more = () => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on("drain", more);
    more();
  });
  const { emit, add, store, logged } = rig({ random: SOON, times: 50 });
  add("silent", silent.url);
  add("flooding", flooding.url);
  emit("e1");
  await expect.poll(() => waitingFor(store), { timeout: 8_000 }).toEqual([]);
  expect(silent.ids).toEqual(["e1", "e1"]);
  expect(flooding.ids).toEqual(["e1"]);
  expect(logged).toContainEqual(
    expect.objectContaining({
      event: "webhook.failing",
      webhook: "silent",
      reason: "nothing within 15000 ms",
    }),
  );
});

test("one receiver that hangs delays no other", async () => {
  const silent = await startReceiver(() => undefined);
  const receiver = await startReceiver();
  const { emit, add } = rig();
  add("silent", silent.url);
  add("w", receiver.url);
  emit("e1", "e2", "e3");
  await expect.poll(() => receiver.ids).toEqual(["e1", "e2", "e3"]);
  expect(silent.ids).toEqual(["e1"]);
});

test("only a sandbox sends to its own machine, whatever name leads there", async () => {
  const receiver = await startReceiver();
  const { emit, add, logged } = rig({ mayBeLoopback: false });
  add("address", receiver.url);
  add("name", receiver.url.replace("127.0.0.1", "localhost"));
  emit("e1");
  await expect.poll(() => logged.length).toBe(2);
  expect(receiver.ids).toEqual([]);
  expect(logged.map((entry) => (entry as unknown as { reason: string }).reason).sort()).toEqual([
    "127.0.0.1 is this machine itself: only a sandbox sends there",
    "localhost leads to no address of a receiver",
  ]);
});

test("PINs go where the way is encrypted or ends in this machine, and nowhere else", async () => {
  const receiver = await startReceiver();
  const sent: [string, boolean][] = [];
  const { emit, add } = rig({
    post: ({ url }) => Promise.resolve(url === "" ? { ok: false, why: "" } : { ok: true }),
    eventOf: (id, seesPins) => {
      sent.push([id, seesPins]);
      return seamEvent(id);
    },
  });
  add("a", receiver.url, null);
  emit("loopback");
  await expect.poll(() => sent.length).toBe(1);
  add("b", "https://app.example/", null);
  add("c", "http://192.168.1.9/", null);
  emit("all");
  await expect.poll(() => sent.length).toBe(4);
  expect(sent.map(([, seesPins]) => seesPins).sort()).toEqual([false, true, true, true]);
});

test("what was not acknowledged before a restart is sent after it", async () => {
  const receiver = await startReceiver(() => undefined);
  const site = rig();
  site.add("w", receiver.url);
  site.emit("e1", "e2");
  await expect.poll(() => receiver.ids).toEqual(["e1"]);
  receiver.behave(ACCEPT);
  await site.restart();
  await expect.poll(() => receiver.ids).toEqual(["e1", "e1", "e2"]);
  expect(waitingFor(site.store)).toEqual([]);
});

test("a disk that takes no acknowledgement means again, later, and not at once", async () => {
  const receiver = await startReceiver();
  const site = rig();
  site.add("w", receiver.url);
  const { table } = site.options;
  const full = { ...table, done: () => void fail(new StoreError("disk_full", "full")) };
  const sender = new WebhookSender({ ...site.options, table: full });
  onTestFinished(() => sender.stop());
  site.store.events.append(seamEvent("e1"));
  sender.wake();
  await expect.poll(() => site.eventsLogged()).toContain("webhook.not_noted");
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(receiver.ids).toEqual(["e1"]);
  await site.restart();
  await expect.poll(() => receiver.ids).toEqual(["e1", "e1"]);
});

function fail(error: Error): never {
  throw error;
}

test("a wall clock that went back holds nothing up", async () => {
  const receiver = await startReceiver();
  const { add, store, sender } = rig();
  add("w", receiver.url);
  store.events.append(seamEvent("e1"));
  store.webhooks.failed(store.webhooks.firstInOrder("w")!.seq, {
    at: Date.now() + 365 * 86_400_000,
    late: false,
  });
  sender.wake();
  await expect.poll(() => receiver.ids).toEqual(["e1"]);
});

test("too many that wait: the oldest are dropped, and that is said", async () => {
  const receiver = await startReceiver();
  const { add, emit, logged } = rig({ waitingMax: 5 });
  add("w", receiver.url);
  emit(...Array.from({ length: 8 }, (_, n) => `e${n}`));
  await expect.poll(() => receiver.ids).toContain("e7");
  expect(logged).toContainEqual({ event: "webhook.dropped", webhook: "w", count: 3 });
});

test("a receiver that was removed gets nothing more", async () => {
  const receiver = await startReceiver(() => undefined);
  const { add, emit, store, sender } = rig();
  add("w", receiver.url);
  emit("e1", "e2");
  await expect.poll(() => receiver.ids).toEqual(["e1"]);
  store.webhooks.remove("w");
  sender.removed("w");
  emit("e3");
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(receiver.ids).toEqual(["e1"]);
});
