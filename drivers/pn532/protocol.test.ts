import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import {
  ACK,
  encodeCommand,
  type Frame,
  FrameDecoder,
  NACK,
  parseFirmware,
  parseTargets,
  uidFilter,
  WAKE_UP,
} from "./protocol.js";
import vectors from "./vectors.json" with { type: "json" };

const decode = (hex: string) => new FrameDecoder().push(fromHex(hex));
const shown = (frames: readonly Frame[]) =>
  frames.map((frame) => (frame.is === "answer" ? { ...frame, body: toHex(frame.body) } : frame));

const ACK_HEX = "0000ff00ff00";
const ANSWER_HEX = "0000ff02fed5151600";
const ANSWER = { is: "answer", code: 0x15, body: "" };

describe("published frames", () => {
  test.each(vectors.commands)("$command $parameters becomes $frame", ({ code, parameters, frame }) => {
    expect(toHex(encodeCommand(parseInt(code, 16), fromHex(parameters)))).toBe(frame);
  });

  test.each(vectors.answers)("$frame is the answer to $answerTo", ({ code, body, frame }) => {
    expect(shown(decode(frame))).toEqual([{ is: "answer", code: parseInt(code, 16), body }]);
  });

  test.each(vectors.special)("$frame is $is", ({ is, frame }) => {
    expect(decode(frame)).toEqual([{ is }]);
  });

  test("what the host sends besides commands", () => {
    const [ack, nack] = vectors.special;
    expect([toHex(ACK), toHex(NACK)]).toEqual([ack?.frame, nack?.frame]);
    expect(toHex(WAKE_UP)).toBe(vectors.wakeUp.bytes);
  });
});

describe("long frames", () => {
  test.each([
    [253, "ff01"],
    [254, "ffff0100ff"],
    [263, "ffff0109f6"],
  ])("%i bytes of parameters have the length field %s", (count, field) => {
    const frame = toHex(encodeCommand(0x42, new Uint8Array(count)));
    expect(frame.slice(6, 6 + field.length)).toBe(field);
  });

  test("more than the chip takes is refused", () => {
    expect(() => encodeCommand(0x42, new Uint8Array(264))).toThrow(RangeError);
  });

  test("an extended answer is an answer", () => {
    const body = "aa".repeat(262);
    const sum = (0xd5 + 0x41 + 0xaa * 262) & 0xff;
    const frame = `0000ffffff0108f7d541${body}${((256 - sum) & 0xff).toString(16).padStart(2, "0")}00`;
    expect(shown(decode(frame))).toEqual([{ is: "answer", code: 0x41, body }]);
  });
});

describe("what is wrong on the line", () => {
  test.each([
    ["noise before a frame", `1234ff00aa${ANSWER_HEX}`, [ANSWER]],
    ["noise that ends like a frame begins", `00${ANSWER_HEX}`, [ANSWER]],
    ["acknowledgement and answer glued", `${ACK_HEX}${ANSWER_HEX}`, [{ is: "ack" }, ANSWER]],
    ["no preamble and no postamble", "00ff02fed51516", [ANSWER]],
    ["a wrong length checksum", `0000ff02ffd5151600${ANSWER_HEX}`, [ANSWER]],
    ["a wrong data checksum", `0000ff02fed5151700${ANSWER_HEX}`, [{ is: "damaged" }, ANSWER]],
    ["an extended length beyond what there is", `0000ffffffffff02${ANSWER_HEX}`, [ANSWER]],
    ["an empty frame", `0000ff000000${ANSWER_HEX}`, [ANSWER]],
    ["an echo of the host's own frame", `0000ff02fed4022a00${ANSWER_HEX}`, [ANSWER]],
  ])("%s", (_, hex, frames) => {
    expect(shown(decode(hex))).toEqual(frames);
  });

  test("a frame cut short is waited for, and forgotten on request", () => {
    const decoder = new FrameDecoder();
    expect(decoder.push(fromHex("0000ff06fad503"))).toEqual([]);
    expect(decoder.pending).toBeGreaterThan(0);
    decoder.reset();
    expect(shown(decoder.push(fromHex(ANSWER_HEX)))).toEqual([ANSWER]);
  });
});

/** Bytes that look like frames more often than chance. */
const streams = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(...[...vectors.answers, ...vectors.special].map(({ frame }) => fromHex(frame))),
      fc.constantFrom(fromHex("00ff"), fromHex("0000ffffff01"), fromHex("00ffffff0109f6")),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

test("any bytes decode, in any chunks to the same frames, with at most one frame kept", () => {
  fc.assert(
    fc.property(streams, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (bytes, sizes) => {
      const whole = new FrameDecoder();
      const pieces = new FrameDecoder();
      const expected = whole.push(bytes);
      const found: Frame[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        found.push(...pieces.push(bytes.subarray(at, at + size)));
        at += size;
      }
      expect(shown(found)).toEqual(shown(expected));
      expect(pieces.pending).toBe(whole.pending);
      expect(whole.pending).toBeLessThanOrEqual(7 + 265);
    }),
    { numRuns: 300 },
  );
});

describe("what is in the answers", () => {
  test("the firmware version", () => {
    expect(parseFirmware(fromHex("32010607"))).toEqual({ ic: 0x32, version: 1, revision: 6 });
    expect(parseFirmware(fromHex("320106"))).toBeNull();
  });

  test.each([
    ["00", []],
    ["010100040804deadbeef", [{ number: 1, atqa: 0x0004, sak: 0x08, uid: "deadbeef" }]],
    ["01010044000704a1b2c3d4e5f6", [{ number: 1, atqa: 0x0044, sak: 0x00, uid: "04a1b2c3d4e5f6" }]],
    [
      "010103442007041122334455660675778102 80",
      [{ number: 1, atqa: 0x0344, sak: 0x20, uid: "04112233445566" }],
    ],
    [
      "0201000408 04deadbeef 0200040804cafebabe",
      [
        { number: 1, atqa: 4, sak: 8, uid: "deadbeef" },
        { number: 2, atqa: 4, sak: 8, uid: "cafebabe" },
      ],
    ],
  ])("the cards in %s", (body, cards) => {
    expect(parseTargets(fromHex(body))?.map((it) => ({ ...it, uid: toHex(it.uid) }))).toEqual(cards);
  });

  test.each([
    "",
    "01",
    "0101000408",
    "010100040804deadbe",
    "010100040805deadbeef00",
    "0201000408 04deadbeef",
  ])("no list of cards: %s", (body) => expect(parseTargets(fromHex(body))).toBeNull());

  test("any bytes are a list of cards or none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (body) => {
        expect(parseTargets(body)?.length ?? 0).toBeLessThanOrEqual(64);
      }),
    );
  });

  test.each([
    ["deadbeef", "deadbeef"],
    ["04a1b2c3d4e5f6", "8804a1b2c3d4e5f6"],
    ["04a1b2c3d4e5f6071829", "8804a1b288c3d4e5f6071829"],
  ])("the filter for UID %s is %s", (uid, filter) => {
    expect(toHex(uidFilter(fromHex(uid)))).toBe(filter);
  });
});
