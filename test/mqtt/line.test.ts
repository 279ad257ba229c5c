import { afterEach, expect, test } from "vitest";
import type { Carrier } from "#src/cloud/carrier";
import { createMqttCarrier } from "#src/cloud/mqtt-carrier";
import { gatewayTopics } from "#src/cloud/mqtt-topics";
import type { CarrierProblem } from "#src/cloud/sync-state";
import { LIMITS } from "#src/cloud/wire";
import { Secret } from "#src/lib/secret";
import { VirtualClock } from "#test/support/virtual-clock";
import { eventually, GATEWAY, SITE, TOKEN } from "./rig.js";
import {
  CONNECT,
  connack4,
  connack5,
  disconnect5,
  packetIdOf,
  PUBACK,
  PUBLISH,
  puback,
  publish5,
  publishIdOf,
  type RawPacket,
  ScriptedBroker,
  SUBSCRIBE,
  suback5,
  topicOf,
  versionOf,
} from "./scripted-broker.js";

/** The carrier against a broker that does what no good broker does, or at the worst moment. */
const TOPICS = gatewayTopics(SITE, GATEWAY);
const HELLO = new TextEncoder().encode('{"v":"1.0","session":null,"messages":[]}');

let broker: ScriptedBroker;
let dialled: Dialled;
afterEach(async () => {
  await dialled.clock.until(dialled.carrier.destroy(), { msMax: 1_000 });
  await broker.stop();
  expect(dialled.clock.pending).toBe(0);
});

interface Dialled {
  readonly carrier: Carrier;
  readonly clock: VirtualClock;
  readonly ups: true[];
  readonly received: string[];
  readonly problems: CarrierProblem[];
  open(): void;
}

/** `act` does with a message what the core would. */
function dial(act: (text: string, carrier: Carrier) => void = () => {}): Dialled {
  const clock = new VirtualClock();
  const config = { url: broker.url, site: SITE, gateway: GATEWAY, token: new Secret(TOKEN) };
  const carrier = createMqttCarrier(config, clock);
  const [ups, received, problems]: [true[], string[], CarrierProblem[]] = [[], [], []];
  const open = () =>
    carrier.open(
      {
        up: () => void ups.push(true),
        received(bytes) {
          const text = new TextDecoder().decode(bytes);
          received.push(text);
          act(text, carrier);
        },
        down: (problem) => void problems.push(problem),
      },
      1,
    );
  open();
  return { carrier, clock, ups, received, problems, open };
}

const isUp = () => eventually(() => expect(dialled.ups).toHaveLength(1));
const pull = (since: number) => ({ type: "pull", req: "r", epoch: { n: 1, id: "e" }, since }) as const;
const tick = { type: "live", cmd: "c", step: "reading", say: "…" } as const;
const isConnect = (packet: RawPacket) => packet.type === CONNECT;

test("a message on the heels of the CONNACK is handed over, and acknowledged only then", async () => {
  const acknowledgedBefore: number[] = [];
  broker = await ScriptedBroker.start((packet) =>
    isConnect(packet) ? Buffer.concat([connack5(0), publish5(`${TOPICS}d/page`, HELLO)]) : null,
  );
  dialled = dial(() => acknowledgedBefore.push(broker.of(PUBACK).length));
  await eventually(() => expect(broker.of(PUBACK).map(packetIdOf)).toEqual([7]));
  expect(dialled.received).toHaveLength(1);
  expect(acknowledgedBefore).toEqual([0]);
});

test("what could not be stored is not acknowledged: the connection ends at once", async () => {
  broker = await ScriptedBroker.start();
  dialled = dial((_, carrier) => carrier.close());
  await isUp();
  broker.say(
    Buffer.concat([publish5(`${TOPICS}d/page`, HELLO), publish5(`${TOPICS}d/ack`, HELLO, { id: 8 })]),
  );
  await eventually(() => expect(broker.openSockets).toBe(0));
  expect(dialled.received).toHaveLength(1);
  expect(broker.of(PUBACK)).toEqual([]);
  expect(dialled.problems).toEqual([]);
});

test("what the broker kept is acknowledged and passed over", async () => {
  broker = await ScriptedBroker.start();
  dialled = dial();
  await isUp();
  broker.say(publish5(`${TOPICS}d/cmd`, HELLO, { isRetained: true }));
  await eventually(() => expect(broker.of(PUBACK)).toHaveLength(1));
  expect(dialled.received).toEqual([]);
});

test.each([
  ["the reason of MQTT 5", () => connack5(132), [5, 4, 4]],
  ["the code of MQTT 3.1.1", () => connack4(1), [5, 4, 4]],
  // It may have had another cause: MQTT 5 is tried again the next time.
  ["hanging up", () => null, [5, 4, 5, 4]],
])("a broker that refuses MQTT 5 by %s is spoken to in 3.1.1", async (_, refusal, versions) => {
  broker = await ScriptedBroker.start((packet, socket) => {
    if (!isConnect(packet) || versionOf(packet) === 4) return null;
    const said = refusal();
    if (said === null) socket.destroy();
    else socket.end(said);
    return said === null ? null : new Uint8Array();
  });
  dialled = dial();
  await isUp();
  dialled.carrier.close();
  dialled.open();
  await eventually(() => expect(dialled.ups).toHaveLength(2));
  expect(dialled.problems).toEqual([]);
  expect(broker.of(CONNECT).map(versionOf)).toEqual(versions);
});

test("at most sixteen messages are on their way; the others follow, progress is left out meanwhile", async () => {
  broker = await ScriptedBroker.start();
  dialled = dial();
  await isUp();
  const { carrier } = dialled;
  for (let since = 0; since < 20; since++) carrier.send("s", [pull(since)]);
  carrier.send("s", [tick]);
  await eventually(() => expect(broker.of(PUBLISH)).toHaveLength(16));
  for (const packet of broker.of(PUBLISH)) broker.say(puback(publishIdOf(packet)));
  await eventually(() => expect(broker.of(PUBLISH)).toHaveLength(20));
  expect(new Set(broker.of(PUBLISH).map(topicOf))).toEqual(new Set([`${TOPICS}u/pull`]));
  for (const packet of broker.of(PUBLISH).slice(16)) broker.say(puback(publishIdOf(packet)));
  await eventually(() => {
    carrier.send("s", [tick]);
    expect(broker.of(PUBLISH).at(-1)?.flags).toBe(0);
  });
});

test("a broker that wants fewer at a time gets fewer; one that takes none is left", async () => {
  const receiveMaximum = [0x21, 0, 3];
  broker = await ScriptedBroker.start((packet) => (isConnect(packet) ? connack5(0, receiveMaximum) : null));
  dialled = dial();
  await isUp();
  for (let since = 0; since < 67; since++) dialled.carrier.send("s", [pull(since)]);
  expect(dialled.problems).toEqual([]);
  await eventually(() => expect(broker.of(PUBLISH)).toHaveLength(3));
  dialled.carrier.send("s", [pull(67)]);
  expect(dialled.problems).toMatchObject([{ code: "carrier.timeout" }]);
  await eventually(() => expect(broker.openSockets).toBe(0));
  expect(broker.of(PUBLISH)).toHaveLength(3);
});

test("a body larger than the broker takes is not sent, and halves the batches", async () => {
  const maximumPacketSize = [0x27, 0, 0, 1, 0];
  broker = await ScriptedBroker.start((packet) =>
    isConnect(packet) ? connack5(0, maximumPacketSize) : null,
  );
  dialled = dial();
  await isUp();
  dialled.carrier.send("s", [{ type: "ev", jid: "j".repeat(200), events: [{ seq: 1 }], secrets: {} }]);
  expect(dialled.problems).toMatchObject([{ code: "carrier.batch_too_big" }]);
  expect(broker.of(PUBLISH)).toEqual([]);
});

test("a packet without end is cut, whatever length it promised", async () => {
  broker = await ScriptedBroker.start((packet) => {
    if (isConnect(packet)) return versionOf(packet) === 5 ? connack4(1) : null;
    return null;
  });
  dialled = dial();
  await isUp();
  // PUBLISH with the greatest length there is, 256 MiB.
  broker.say(Uint8Array.of(0x32, 0xff, 0xff, 0xff, 0x7f));
  const filler = new Uint8Array(64 * 1024);
  for (let sent = 0; sent < 2 * LIMITS.bodyBytes; sent += filler.length) broker.say(filler);
  await eventually(() => expect(dialled.problems).toMatchObject([{ code: "carrier.answer_too_big" }]));
  expect(dialled.received).toEqual([]);
});

test("hanging up three times in a row, each time after letting in, is told as a second client's doing", async () => {
  broker = await ScriptedBroker.start();
  dialled = dial();
  const codes: string[] = [];
  for (const waitMs of [0, 0, 0, 0, 10 * 60_000 + 1]) {
    await eventually(() => expect(dialled.ups).toHaveLength(codes.length + 1));
    broker.hangUp();
    await eventually(() => expect(dialled.problems).toHaveLength(codes.length + 1));
    codes.push(dialled.problems.at(-1)?.code ?? "");
    await dialled.clock.advance(waitMs);
    dialled.open();
  }
  await eventually(() => expect(dialled.ups).toHaveLength(6));
  broker.hangUp();
  await eventually(() => expect(dialled.problems).toHaveLength(6));
  codes.push(dialled.problems.at(-1)?.code ?? "");
  const [gone, taken] = ["carrier.unreachable", "carrier.taken_over"];
  expect(codes).toEqual([gone, gone, taken, taken, taken, gone]);
});

test.each([
  [135, "carrier.unauthorized"],
  [139, "carrier.busy"],
  [142, "carrier.taken_over"],
  [149, "carrier.batch_too_big"],
  [151, "carrier.busy"],
  [157, "carrier.redirected"],
  [0, "carrier.unreachable"],
  [250, "carrier.unexpected_answer"],
] as const)("a DISCONNECT for reason %i is told as %s, once", async (reason, code) => {
  broker = await ScriptedBroker.start();
  dialled = dial();
  await isUp();
  broker.say(disconnect5(reason));
  await eventually(() => expect(dialled.problems).toMatchObject([{ code }]));
  await eventually(() => expect(broker.openSockets).toBe(0));
  expect(dialled.problems).toHaveLength(1);
});

test.each([
  ["5", (packet: RawPacket) => (isConnect(packet) ? connack5(134) : null), "carrier.unauthorized"],
  ["5", (packet: RawPacket) => (isConnect(packet) ? connack5(137) : null), "carrier.busy"],
  [
    "3.1.1",
    (packet: RawPacket) => (isConnect(packet) ? connack4(versionOf(packet) === 5 ? 1 : 4) : null),
    "carrier.unauthorized",
  ],
  [
    "5, for the subscription,",
    (packet: RawPacket) => (packet.type === SUBSCRIBE ? suback5(packetIdOf(packet), 135) : null),
    "carrier.unauthorized",
  ],
] as const)("a refusal in MQTT %s is told as such, without the token", async (_, answer, code) => {
  broker = await ScriptedBroker.start(answer);
  dialled = dial();
  await eventually(() => expect(dialled.problems).toMatchObject([{ code }]));
  expect(dialled.problems[0]?.message).not.toContain(TOKEN);
  expect(dialled.ups).toEqual([]);
});

test("a broker that takes the connection and says nothing is given up after its time", async () => {
  broker = await ScriptedBroker.start((packet) => (isConnect(packet) ? new Uint8Array() : null));
  dialled = dial();
  await eventually(() => expect(broker.of(CONNECT)).toHaveLength(1));
  await dialled.clock.advance(9_999);
  expect(dialled.problems).toEqual([]);
  await dialled.clock.advance(1);
  expect(dialled.problems).toMatchObject([{ code: "carrier.timeout" }]);
});

test("a broker that falls silent is left after one and a half times the keep-alive", async () => {
  broker = await ScriptedBroker.start();
  dialled = dial();
  await isUp();
  await dialled.clock.advance(44_999);
  expect(dialled.problems).toEqual([]);
  await dialled.clock.advance(1);
  expect(dialled.problems).toMatchObject([{ code: "carrier.timeout" }]);
});

test("bytes that are no MQTT end the connection, told as what they are", async () => {
  broker = await ScriptedBroker.start((packet) =>
    isConnect(packet) ? Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") : null,
  );
  dialled = dial();
  await eventually(() => expect(dialled.problems).toMatchObject([{ code: "carrier.unexpected_answer" }]));
  expect(dialled.ups).toEqual([]);
});

test("whoever leaves says goodbye, also to a broker that no longer answers", async () => {
  broker = await ScriptedBroker.start();
  dialled = dial();
  await isUp();
  dialled.carrier.listen("s");
  await eventually(() => expect(broker.of(PUBLISH)).toHaveLength(1));
  const left = dialled.carrier.destroy();
  await eventually(() => expect(broker.of(PUBLISH)).toHaveLength(2));
  const [online, offline] = broker.of(PUBLISH).map(({ body }) => body.toString());
  expect(online).toContain('"online":true');
  expect(offline).toContain('"online":false');
  await dialled.clock.until(left, { msMax: 1_000 });
});
