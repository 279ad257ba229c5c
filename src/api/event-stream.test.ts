import { createServer, request as ask, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { VirtualClock } from "#test/support/virtual-clock";
import { EventStreams, type EventStreamRequest } from "./event-stream.js";
import type { EventFeed, PlacedEvent } from "./model.js";
import { HEARTBEAT_MS, OpenStreams, STALLED_MS } from "./sse.js";

/** Events in memory, and a server that streams them on a virtual clock. */
async function rig(request: Partial<EventStreamRequest> = {}) {
  const clock = new VirtualClock();
  const stored: PlacedEvent[] = [];
  const listeners = new Set<() => void>();
  const reads: number[] = [];
  const feed: EventFeed = {
    head: () => stored.length,
    placeOf: (id) => stored.find((event) => event.id === id)?.place,
    after(place, limit, seesPins) {
      reads.push(limit);
      return stored
        .slice(place, place + limit)
        .map((placed) => ({ ...placed, event: { ...placed.event, code: seesPins ? "4711" : null } }));
    },
    onNew(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const streams = new OpenStreams(clock);
  const live = new EventStreams(feed, streams, clock);
  const server = createServer((incoming, response) => {
    const id = incoming.headers["last-event-id"];
    const lastEventId = typeof id === "string" ? id : undefined;
    live.open({ lastEventId, types: undefined, seesPins: false, ...request }, {}, () => response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const add = (type = "acs_user.created", extra = {}): void => {
    const place = stored.length + 1;
    const id = `e${place}`;
    stored.push({ place, id, type, event: { event_id: id, event_type: type, ...extra } });
  };
  /** Stores events and tells of them. */
  const emit = (...types: readonly string[]): void => {
    for (const type of types) add(type);
    for (const listener of listeners) listener();
  };
  return {
    clock,
    stored,
    reads,
    streams,
    listeners,
    emit,
    add,
    connect: (lastEventId?: string) => reader(port, lastEventId),
  };
}

async function reader(port: number, lastEventId: string | undefined) {
  const headers = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  const request = ask({ port, host: "127.0.0.1", headers });
  const response = await new Promise<IncomingMessage>((resolve) => {
    request.on("response", resolve);
    request.end();
  });
  onTestFinished(() => void request.destroy());
  let text = "";
  response.setEncoding("utf8");
  response.on("error", () => undefined);
  return {
    request,
    response,
    read: () => response.on("data", (part: string) => void (text += part)),
    ids: () => [...text.matchAll(/^id: (\S+)$/gm)].map(([, id]) => id),
    text: () => text,
  };
}

test("who comes gets what is stored from then on; who resumes gets what was missed", async () => {
  const { emit, connect } = await rig();
  emit("acs_user.created", "acs_user.deleted");
  const fresh = await connect();
  const back = await connect("e1");
  fresh.read();
  back.read();
  await expect.poll(back.ids).toEqual(["e2"]);
  emit("acs_user.created");
  await expect.poll(back.ids).toEqual(["e2", "e3"]);
  await expect.poll(fresh.ids).toEqual(["e3"]);
  const [, data = ""] = /^data: (.*)$/m.exec(fresh.text()) ?? [];
  expect(JSON.parse(data)).toEqual({ event_id: "e3", event_type: "acs_user.created", code: null });
});

test("PINs are for whoever may see them", async () => {
  const { emit, connect } = await rig({ seesPins: true });
  const stream = await connect();
  stream.read();
  emit("access_code.set_on_device");
  await expect.poll(stream.text).toContain('"code":"4711"');
});

test("who names what is no longer kept is told so, and goes on from now", async () => {
  const { emit, connect } = await rig();
  emit("acs_user.created");
  const stream = await connect("long-gone");
  stream.read();
  await expect.poll(stream.text).toContain("event: reset\n");
  emit("acs_user.deleted");
  await expect.poll(stream.ids).toEqual(["e2"]);
});

test("only wanted types; a long gap is crossed a piece at a time", async () => {
  const { clock, add, emit, connect, reads } = await rig({ types: new Set(["wanted"]), lastEventId: "e1" });
  for (let n = 0; n < 950; n += 1) add("other");
  emit("wanted");
  const stream = await connect();
  stream.read();
  expect(reads).toEqual([100]);
  await clock.advance(1);
  await expect.poll(stream.ids).toEqual(["e951"]);
  expect(reads).toHaveLength(10);
});

test("a reader that does not read costs no memory, gets everything once it reads, and is let go when it never does", async () => {
  const { clock, add, emit, connect, reads, listeners } = await rig({ lastEventId: "e1" });
  const large = { text: "x".repeat(10_000) };
  for (let n = 0; n < 3_000; n += 1) add("acs_user.created", large);
  const slow = await connect();
  const never = await connect();
  await clock.advance(100);
  const sent = reads.length;
  // 60 MB wait, one or two events a read: what the sockets took are a few.
  expect(sent).toBeLessThan(1_500);
  for (let n = 0; n < 50; n += 1) emit("acs_user.created");
  expect(reads).toHaveLength(sent);
  slow.read();
  await expect
    .poll(
      async () => {
        await clock.advance(1);
        return slow.ids().length;
      },
      { timeout: 15_000 },
    )
    .toBe(3_049);
  expect(new Set(slow.ids()).size).toBe(3_049);
  expect(listeners.size).toBe(2);
  for (let ms = 0; ms <= STALLED_MS; ms += HEARTBEAT_MS) await clock.advance(HEARTBEAT_MS);
  await expect.poll(() => listeners.size).toBe(1);
  expect(never.response.destroyed).toBe(false);
});

test("a server that closes ends its streams; a reader that leaves takes its timers along", async () => {
  const { clock, connect, streams, listeners } = await rig();
  const first = await connect();
  const second = await connect();
  first.read();
  second.read();
  await expect.poll(() => listeners.size).toBe(2);
  first.request.destroy();
  await expect.poll(() => listeners.size).toBe(1);
  streams.closeAll();
  await expect.poll(() => second.response.complete).toBe(true);
  expect(listeners.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test("a quiet stream beats, so that nothing between closes it", async () => {
  const { clock, connect } = await rig();
  const stream = await connect();
  stream.read();
  await clock.advance(HEARTBEAT_MS);
  await expect.poll(stream.text).toContain(": still here");
});
