import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { COMMAND, encodeCommand, encodeData, framesIn, sakOf, trailerParts, uidsOf } from "./protocol.js";
import vectors from "./vectors.json" with { type: "json" };

const { frames } = vectors;
/** Frames that belong to a conversation about one command: what was sent, and all that came back, in one piece. */
const heardAfter = (bytes: string) => {
  const from = frames.findIndex((frame) => frame.bytes === bytes);
  const rest = frames.slice(from + 1);
  const end = rest.findIndex(({ to }) => to === "reader");
  return fromHex(
    rest
      .slice(0, end < 0 ? undefined : end)
      .map((frame) => frame.bytes)
      .join(""),
  );
};
const hexes = frames.filter(({ to }) => to === "reader").map(({ bytes }) => bytes);

describe("the vendor's examples are what we say", () => {
  test.each([
    ["reader type", encodeCommand({ code: COMMAND.readerType })],
    ["firmware", encodeCommand({ code: COMMAND.firmware })],
    ["hardware", encodeCommand({ code: COMMAND.hardware })],
    ["signal", encodeCommand({ code: COMMAND.signal, p0: 1, p1: 2 })],
    ["write block", encodeCommand({ code: COMMAND.writeBlock, p0: 0x60, data: new Uint8Array(26) })],
    ["its data", encodeData(fromHex("01000000ffffffffffff01020304050607080000000000000000"))],
    ["read block", encodeCommand({ code: COMMAND.readBlock, data: new Uint8Array(4) })],
    ["APDU", encodeCommand({ code: COMMAND.apdu, p1: 0xcc, data: new Uint8Array(13) })],
    ["its data", encodeData(fromHex("00a4040007d276000085010100"))],
  ])("%s", (_, bytes) => {
    expect(hexes).toContain(toHex(bytes));
  });
});

describe("and what the reader says is understood", () => {
  test("type, serial number, firmware", () => {
    expect(framesIn(heardAfter("5510aa000000f6"))).toEqual([
      { is: "answer", code: 0x10, v0: 0, v1: 0, data: fromHex("210015d1") },
    ]);
    expect(framesIn(heardAfter("5540aa00aacce0"))).toMatchObject([
      { data: new Uint8Array(Buffer.from("UF123456")) },
    ]);
    expect(framesIn(heardAfter("5529aa000000dd"))).toMatchObject([{ v0: 3, v1: 9 }]);
  });

  test("acknowledgements, errors and a card", () => {
    expect(framesIn(heardAfter("5516aa050000f3"))).toEqual([{ is: "ack", code: 0x16 }]);
    expect(framesIn(heardAfter("552caa000000da"))).toEqual([
      { is: "answer", code: 0x2c, v0: 8, v1: 4, data: fromHex("13e20a87000000000000") },
      { is: "error", error: 0x08 },
    ]);
    expect(framesIn(heardAfter("0100000008"))).toMatchObject([{ is: "answer", data: new Uint8Array(16) }]);
  });

  test("noise before a frame is dropped, and a frame with one wrong bit is none", () => {
    const frame = fromHex("de10ed0500002d210015d1ec");
    expect(framesIn(Buffer.concat([fromHex("035555bbde10"), frame, fromHex("de")]))).toHaveLength(1);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const wrong = frame.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(framesIn(wrong)).toEqual([]);
    }
  });

  test("any bytes are something", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(framesIn(bytes).length).toBeLessThanOrEqual(bytes.length / 7);
        expect(uidsOf(bytes)?.length ?? 0).toBeLessThanOrEqual(bytes.length / 11);
      }),
    );
  });
});

test("a list of cards has eleven bytes for each", () => {
  const entry = (uid: string) => `${(uid.length / 2).toString(16).padStart(2, "0")}${uid.padEnd(20, "0")}`;
  expect(uidsOf(fromHex(entry("deadbeef") + entry("04a1b2c3d4e5f6")))).toEqual([
    "deadbeef",
    "04a1b2c3d4e5f6",
  ]);
  expect(uidsOf(new Uint8Array())).toEqual([]);
  expect(uidsOf(fromHex(entry("deadbe")))).toBeNull();
  expect(uidsOf(new Uint8Array(12))).toBeNull();
});

test("trailers are handed over as access conditions, and only those that no wrong bit makes", () => {
  // As the vendor's example of writing a transport trailer has it: general byte, key A, conditions, key B.
  const delivered = fromHex("ffffffffffffff078069ffffffffffff");
  expect(toHex(Uint8Array.from(trailerParts(delivered) ?? []))).toBe("69ffffffffffff00000001ffffffffffff");
  const issued = fromHex("010203040506787788690a0b0c0d0e0f");
  expect(toHex(Uint8Array.from(trailerParts(issued) ?? []))).toBe("69010203040506040404030a0b0c0d0e0f");
  for (let bit = 48; bit < 72; bit++) {
    const wrong = issued.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    expect(trailerParts(wrong)).toBeNull();
  }
});

test("kinds of cards are told by the vendor's numbers", () => {
  expect([0x21, 0x22, 0x08, 0x0a, 0x2a, 0x40].map(sakOf)).toEqual([0x08, 0x18, 0x00, 0x00, 0x20, 0xff]);
});
