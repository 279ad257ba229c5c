import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Signal } from "#driver-api";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { decodeEvent } from "./events.js";
import {
  crc16,
  decodeReply,
  encodeFrame,
  type Frame,
  PAYLOAD_BYTES_MAX,
  type Request,
  requests,
  takeFrames,
} from "./protocol.js";
import vectors from "./vectors.json" with { type: "json" };

type Fields = (typeof vectors.requests)[number]["fields"];
const bytes = (hex: string | undefined) => new Secret(fromHex(hex ?? ""));
const key = ({ slot, key }: Fields) => ({
  slot: slot === "A" ? ("A" as const) : ("B" as const),
  key: bytes(key),
});

/** Builds each request of `vectors.json` from its fields. */
const build: Record<string, (f: Fields & { unit: number }) => Request<unknown> | undefined> = {
  hello: () => requests.hello(),
  describeUnit: ({ unit }) => requests.describeUnit(unit),
  ping: () => requests.ping(),
  findCard: ({ unit }) => requests.findCard(unit),
  selectCard: ({ unit, uid = "" }) => requests.selectCard(unit, uid),
  readBlock: (f) => requests.readBlock(f.unit, f.block ?? 0, key(f)),
  writeBlock: (f) => requests.writeBlock(f.unit, f.block ?? 0, key(f), bytes(f.data)),
  openPages: ({ unit, password }) => requests.openPages(unit, bytes(password)),
  readPage: ({ unit, page = 0 }) => requests.readPage(unit, page),
  writePage: ({ unit, page = 0, data }) => requests.writePage(unit, page, bytes(data)),
  releaseCard: ({ unit }) => requests.releaseCard(unit),
  startIssue: ({ unit, facts }) => facts && requests.startIssue(unit, facts),
  pollIssue: ({ unit }) => requests.pollIssue(unit),
  stopIssue: ({ unit }) => requests.stopIssue(unit),
  readIssued: ({ unit }) => requests.readIssued(unit),
  cancelIssued: ({ unit, cardNumber = "" }) => requests.cancelIssued(unit, cardNumber),
  readSlot: ({ unit, slot }) => requests.readSlot(unit, Number(slot)),
  writeSlot: ({ unit, slot, code = "" }) => requests.writeSlot(unit, Number(slot), new Secret(code)),
  clearSlot: ({ unit, slot }) => requests.clearSlot(unit, Number(slot)),
  setLocked: ({ unit, isLocked = false }) => requests.setLocked(unit, isLocked),
  writeTimed: ({ unit, slot, code = "", window = { startsAt: 0, endsAt: 60_000 } }) =>
    requests.writeTimed(unit, Number(slot), new Secret(code), window),
  readWindow: ({ unit, slot }) => requests.readWindow(unit, Number(slot)),
  setClock: ({ unit, time }) => time && requests.setClock(unit, time),
  checksum: ({ unit }) => requests.checksum(unit),
  readState: ({ unit }) => requests.readState(unit),
  grant: ({ unit, tenths = 0 }) => requests.grant(unit, tenths),
  deny: ({ unit }) => requests.deny(unit),
  signal: ({ unit, signal }) => requests.signal(unit, signal as Signal),
};

function onlyFrame(hex: string): Frame {
  const { frames, rest, noiseBytes } = takeFrames(fromHex(hex));
  expect({ frames: frames.length, rest: rest.length, noiseBytes }).toEqual({
    frames: 1,
    rest: 0,
    noiseBytes: 0,
  });
  return frames[0]!;
}

describe("worked examples", () => {
  test("the checksum's published check value", () => {
    expect(crc16(Buffer.from(vectors.checksum.text)).toString(16)).toBe(vectors.checksum.crc);
  });

  test("there is one for every request", () => {
    expect(vectors.requests.map(({ name }) => name).sort()).toEqual(Object.keys(requests).sort());
  });

  test.each(vectors.requests)("request $name", ({ name, fields, sequence, frame }) => {
    const request = build[name]?.({ unit: 0, ...fields });
    expect(request?.name).toBe(name);
    expect(request && toHex(encodeFrame({ sequence, ...request }))).toBe(frame);
  });

  test.each(vectors.answers)("answer to $name: $reply.status", ({ name, sequence, frame, reply }) => {
    const request = build[name]?.({ unit: 0 });
    const got = onlyFrame(frame);
    expect(got.sequence).toBe(sequence);
    expect(got.command).toBe((request?.command ?? 0) | 0x80);
    expect(request && decodeReply(request, got.payload)).toEqual(reply);
  });

  test.each(vectors.events)("event $event.type", ({ frame, event }) => {
    const got = decodeEvent(onlyFrame(frame));
    const plain = {
      ...got,
      ...(got?.type === "card" && { bits: toHex(got.bits) }),
      ...(got?.type === "keys" && { keys: got.keys.reveal() }),
    };
    expect(plain).toEqual(event);
  });
});

test("a code that was read is wrapped", () => {
  const reply = decodeReply(requests.readSlot(3, 1), Uint8Array.of(0, 1, 4, 0x31, 0x32, 0x33, 0x34));
  expect(reply).toMatchObject({ status: "ok", answer: { is: "code" } });
  expect(JSON.stringify(reply)).not.toContain("1234");
});

test.each([
  ["more entrances than one frame holds", { entrances: Array.from({ length: 40 }, (_, n) => `room-${n}`) }],
  ["a date before 1970", { startsAt: -1_000 }],
  ["a date after 2106", { endsAt: Date.parse("2200-01-01") }],
])("facts that do not fit are not sent: %s", (_, facts) => {
  const whole = {
    credentialId: "c",
    generation: 1,
    entrances: [],
    startsAt: null,
    endsAt: null,
    holder: null,
  };
  expect(requests.startIssue(1, whole)).toBeDefined();
  expect(requests.startIssue(1, { ...whole, ...facts })).toBeUndefined();
});

const frames = fc.record({
  sequence: fc.integer({ min: 0, max: 255 }),
  command: fc.integer({ min: 0, max: 255 }),
  payload: fc.uint8Array({ maxLength: PAYLOAD_BYTES_MAX }),
});

test("what was encoded comes out again, however the stream is split", () => {
  fc.assert(
    fc.property(fc.array(frames, { maxLength: 4 }), fc.integer({ min: 1, max: 40 }), (sent, size) => {
      const stream = Buffer.concat(sent.map(encodeFrame));
      const got: Frame[] = [];
      let rest: Uint8Array = new Uint8Array();
      for (let at = 0; at < stream.length; at += size) {
        const taken = takeFrames(Buffer.concat([rest, stream.subarray(at, at + size)]));
        got.push(...taken.frames);
        rest = taken.rest;
        expect(taken.noiseBytes).toBe(0);
      }
      expect(rest.length).toBe(0);
      expect(got).toEqual(sent);
    }),
  );
});

test("any bytes decode to something, and less than one frame is kept", () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    // Many start bytes and lengths, which noise alone seldom has.
    fc
      .array(fc.constantFrom(0x7e, 0x00, 0x02, 0xf0, 0xff), { maxLength: 600 })
      .map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(anything, (noise) => {
      const { frames: found, rest, noiseBytes } = takeFrames(noise);
      const used = found.reduce((sum, { payload }) => sum + payload.length + 6, 0);
      expect(used + rest.length + noiseBytes).toBe(noise.length);
      expect(rest.length).toBeLessThan(PAYLOAD_BYTES_MAX + 6);
    }),
  );
});

test("any payload is an answer or none, and any frame an event or none", () => {
  const all = Object.values(build).flatMap((of) => of({ unit: 0 }) ?? []);
  fc.assert(
    fc.property(frames, fc.constantFrom(...all), (frame, request) => {
      const reply = decodeReply(request, frame.payload);
      if (reply !== undefined) expect(reply.status).toBeTypeOf("string");
      const event = decodeEvent(frame);
      if (event !== undefined) expect(frame.sequence).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});
