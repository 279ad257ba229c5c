import { expect, test } from "vitest";
import type { Log } from "#src/lib/log";
import { silentLog } from "#test/support/memory-gateway";
import { VirtualClock } from "#test/support/virtual-clock";
import type { Carrier, CarrierSink } from "./carrier.js";
import { createFailoverCarrier } from "./failover-carrier.js";
import type { CarrierProblem } from "./sync-state.js";

/** Does what the test says, when the test says it. */
class ScriptedCarrier implements Carrier {
  readonly name: string;
  readonly isEncrypted: boolean;
  sink: CarrierSink | null = null;
  opened = 0;
  readonly sent: (string | null)[] = [];
  readonly listened: string[] = [];

  constructor(name: string, isEncrypted = true) {
    this.name = name;
    this.isEncrypted = isEncrypted;
  }

  open(sink: CarrierSink): void {
    this.sink = sink;
    this.opened += 1;
  }
  send(session: string | null): void {
    this.sent.push(session);
  }
  listen(session: string): void {
    this.listened.push(session);
  }
  close(): void {
    this.sink = null;
  }
  destroy(): Promise<void> {
    this.close();
    return Promise.resolve();
  }
  /** As a carrier does: what is down says so once. */
  break(problem: CarrierProblem = { code: "carrier.unreachable", message: "cut" }): void {
    const { sink } = this;
    this.sink = null;
    sink?.down(problem);
  }
}

function rig(issuer: () => Promise<string | null> = () => Promise.resolve(null)) {
  const clock = new VirtualClock();
  const [mqtt, http] = [new ScriptedCarrier("mqtt"), new ScriptedCarrier("http", false)];
  const moves: object[] = [];
  const log: Log = { ...silentLog, info: (fields) => void moves.push(fields) };
  const carrier = createFailoverCarrier(
    [
      { carrier: mqtt, host: "broker.example", issuer },
      { carrier: http, host: "cloud.example" },
    ],
    { clock, log, random: (size) => Uint8Array.from({ length: size }, (_, at) => (at === 0 ? 0x80 : 0)) },
  );
  const told: { ups: number; heard: string[]; downs: CarrierProblem[] } = { ups: 0, heard: [], downs: [] };
  const open = () =>
    carrier.open(
      {
        up: () => (told.ups += 1),
        received: (bytes) => void told.heard.push(new TextDecoder().decode(bytes)),
        down: (problem) => void told.downs.push(problem),
      },
      7,
    );
  const stateOf = (name: string) => carrier.status?.().find((one) => one.name === name)?.state;
  return { clock, mqtt, http, moves, carrier, told, open, stateOf };
}
type Rig = ReturnType<typeof rig>;

/** Over HTTP, welcomed, since MQTT failed twice. */
function onHttp(): Rig {
  const it = rig();
  for (let time = 0; time < 2; time++) {
    it.open();
    it.mqtt.break();
  }
  it.open();
  it.http.sink?.up();
  it.carrier.listen("s");
  return it;
}
const bytes = (text: string) => new TextEncoder().encode(text);

test("the preferred carrier is used, and what it does is passed on", () => {
  const { carrier, mqtt, http, told, open, stateOf } = rig();
  open();
  mqtt.sink?.up();
  expect(stateOf("mqtt")).toBe("trying");
  carrier.listen("s");
  carrier.send("s", []);
  mqtt.sink?.received(bytes("page"));
  expect([told.ups, told.heard, mqtt.listened, mqtt.sent, http.opened]).toEqual([
    1,
    ["page"],
    ["s"],
    ["s"],
    0,
  ]);
  expect([carrier.name, carrier.isEncrypted]).toEqual(["mqtt", true]);
  expect(carrier.status?.()).toEqual([
    { name: "mqtt", state: "in_use", problem: null, nextTryMs: null },
    { name: "http", state: "standby", problem: null, nextTryMs: null },
  ]);
});

test("after two failures another one is used, with the reason for it; the link is told when to come again", () => {
  const { carrier, told, http, moves, mqtt } = onHttp();
  expect(told.downs).toMatchObject([{ nextTryMs: 500 }, { nextTryMs: 500 }]);
  expect([mqtt.opened, http.opened, carrier.name, carrier.isEncrypted]).toEqual([2, 1, "http", false]);
  expect(carrier.status?.()).toMatchObject([
    { name: "mqtt", state: "out", problem: { code: "carrier.unreachable" }, nextTryMs: 1_000 },
    { name: "http", state: "in_use" },
  ]);
  expect(moves).toEqual([{ event: "cloud.carrier_changed", from: "mqtt", to: "http", reason: "cut" }]);
});

test("the better one is used again when it has been connected for three minutes, without a word of trouble", async () => {
  const { carrier, clock, mqtt, http, told, stateOf } = onHttp();
  await clock.advance(1_000);
  expect([mqtt.opened, stateOf("mqtt")]).toEqual([3, "proving"]);
  mqtt.sink?.up();
  mqtt.sink?.received(bytes("of nobody's session"));
  await clock.advance(3 * 60_000 - 1);
  expect([told.ups, http.sink === null]).toEqual([1, false]);
  await clock.advance(1);
  expect([told.ups, http.sink, told.heard]).toEqual([2, null, []]);
  carrier.send(null, []);
  expect(mqtt.sent).toEqual([null]);
  expect(told.downs).toHaveLength(2);
  carrier.listen("s2");
  expect([stateOf("mqtt"), stateOf("http"), mqtt.listened]).toEqual(["in_use", "standby", ["s2"]]);
  expect(clock.pending).toBe(0);
});

test("one that breaks while it is being proved is tried again later, and later still", async () => {
  const { clock, mqtt, told, stateOf } = onHttp();
  const tries: number[] = [];
  for (let time = 0; time < 5; time++) {
    const before = clock.monotonic();
    while (mqtt.sink === null) await clock.advance(500);
    tries.push(clock.monotonic() - before);
    mqtt.sink.up();
    mqtt.break();
  }
  expect(tries).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
  expect([stateOf("http"), told.downs.length]).toEqual(["in_use", 2]);
});

test("what is connected already is used at once when the lesser one breaks", async () => {
  const { carrier, clock, mqtt, http, told, open } = onHttp();
  await clock.advance(1_000);
  mqtt.sink?.up();
  http.break();
  expect(told.downs.at(-1)?.nextTryMs).toBe(500);
  open();
  expect([told.ups, mqtt.opened, carrier.name]).toEqual([2, 3, "mqtt"]);
  await clock.advance(10 * 60_000);
  expect([told.ups, mqtt.opened]).toEqual([2, 3]);
});

test("one that is still connecting is not opened a second time", async () => {
  const { clock, mqtt, http, told, open } = onHttp();
  await clock.advance(1_000);
  http.break();
  http.sink = null;
  open();
  http.break();
  open();
  expect([mqtt.opened, http.opened]).toEqual([3, 2]);
  mqtt.sink?.up();
  expect(told.ups).toBe(2);
});

test("a welcome that does not come over the better one sends the link back, and the next proof waits long", async () => {
  const { carrier, clock, mqtt, http, open, stateOf } = onHttp();
  await clock.advance(1_000);
  mqtt.sink?.up();
  await clock.advance(3 * 60_000);
  await clock.advance(10_000);
  carrier.close({ code: "welcome.missing", message: "no welcome" });
  open();
  expect(http.opened).toBe(2);
  http.sink?.up();
  carrier.listen("s3");
  await clock.advance(4 * 60_000);
  expect([mqtt.opened, stateOf("mqtt")]).toEqual([3, "out"]);
  await clock.advance(2 * 60_000);
  expect(mqtt.opened).toBe(4);
});

test("what the link finds in a session counts against its carrier, what the cloud wishes does not", () => {
  const { carrier, mqtt, http, open } = rig();
  for (const code of ["cloud.asked_to_wait", "cloud.asked_for_hello", "store.failed"] as const) {
    open();
    carrier.close({ code, message: "" });
  }
  expect([mqtt.opened, http.opened]).toEqual([3, 0]);
  open();
  carrier.close({ code: "cloud.unreadable", message: "" });
  open();
  expect([mqtt.opened, http.opened]).toEqual([4, 1]);
});

test("the end of a session that held is no failure, but the pause it asks for holds", async () => {
  const { carrier, clock, mqtt, http, told, open } = rig();
  for (let time = 0; time < 3; time++) {
    open();
    mqtt.sink?.up();
    carrier.listen("s");
    await clock.advance(60_000);
    mqtt.break();
  }
  expect([mqtt.opened, http.opened]).toEqual([3, 0]);
  open();
  carrier.listen("s");
  await clock.advance(60_000);
  mqtt.break({ code: "carrier.busy", message: "503", retryAfterMs: 90_000 });
  expect(told.downs.at(-1)?.nextTryMs).toBe(500);
  open();
  expect(http.opened).toBe(1);
});

test("when a session was lost to another gateway, the link rests by its own rule, which grows", () => {
  const { carrier, mqtt, http, told, open } = rig();
  for (let time = 0; time < 4; time++) {
    open();
    carrier.listen("s");
    mqtt.break({ code: "carrier.session_lost", message: "409" });
  }
  expect(told.downs.map(({ nextTryMs }) => nextTryMs)).toEqual([undefined, undefined, undefined, undefined]);
  expect([mqtt.opened, http.opened]).toEqual([4, 0]);
});

test("a session that held wipes the failures before it", async () => {
  const { carrier, clock, mqtt, http, open } = rig();
  open();
  mqtt.break();
  open();
  mqtt.sink?.up();
  carrier.listen("s");
  await clock.advance(60_000);
  mqtt.break();
  open();
  mqtt.break();
  open();
  expect([mqtt.opened, http.opened]).toEqual([4, 0]);
});

test("whose certificate is not trusted is told, and asked for once; what was given up meanwhile says nothing", async () => {
  let asked = 0;
  const { carrier, clock, mqtt, http, told, open } = rig(() => {
    asked += 1;
    return Promise.resolve("Hotel Web Filter");
  });
  const problem = { code: "carrier.tls", message: "not trusted" } as const;
  open();
  mqtt.break(problem);
  await clock.advance(0);
  expect(told.downs[0]?.message).toBe(
    'not trusted; the certificate that is shown there was issued by "Hotel Web Filter"',
  );
  open();
  http.sink?.up();
  carrier.listen("s");
  await clock.advance(2_000);
  mqtt.break(problem);
  await clock.advance(0);
  expect(carrier.status?.()[0]?.problem?.message).toContain("Hotel Web Filter");
  expect([asked, told.downs.length]).toEqual([1, 1]);

  const other = rig(() => new Promise((resolve) => setImmediate(() => resolve("late"))));
  other.open();
  other.mqtt.break(problem);
  other.carrier.close();
  await other.clock.advance(0);
  expect(other.told.downs).toEqual([]);
});

test("when it is freed nothing is under way and nothing comes any more", async () => {
  const { carrier, clock, mqtt, http, told } = onHttp();
  await clock.advance(1_000);
  mqtt.sink?.up();
  await carrier.destroy();
  expect([mqtt.sink, http.sink, clock.pending]).toEqual([null, null, 0]);
  expect(told.ups).toBe(1);
});
