import fc from "fast-check";
import { expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { VirtualClock } from "#test/support/virtual-clock";
import { askedPage, cardOf, COMMAND, encodeCommand, parseInfo } from "./protocol.js";
import { PcproxSimulator } from "./simulator.js";
import vectors from "./vectors.json" with { type: "json" };

test("commands are one byte and seven zeros", () => {
  const made = [COMMAND.info, COMMAND.page0, COMMAND.card, COMMAND.cardBits].map((it) =>
    toHex(encodeCommand(it)),
  );
  expect(made).toEqual(vectors.exchanges.map(({ set }) => set));
  // A mask that is not zero would burn the setting into the reader.
  expect(toHex(encodeCommand(COMMAND.finish))).toBe("9000000000000000");
});

test.each(vectors.pages)("page 0 $found becomes $asked", ({ found, asked }) => {
  expect(toHex(askedPage(fromHex(found)))).toBe(asked);
});

test.each(vectors.cards)("$data with $length is $bits", ({ data, length, bits, bitCount }) => {
  const card = cardOf(fromHex(data), fromHex(length));
  expect(card).toEqual(bits === null ? null : { bits: fromHex(bits), bitCount });
});

test("says who it is, and takes nothing else for a reader", () => {
  expect(parseInfo(fromHex("000030070011f800"))).toEqual({ firmware: "7.3.0", type: "f811" });
  for (const other of ["0000000000000000", "0d0a4552524f520d", "0000300700"])
    expect(parseInfo(fromHex(other))).toBeNull();
});

test("more bits than were counted are no card", () => {
  expect(cardOf(fromHex("ff01000000000000"), fromHex("0800000000000000"))).toBeNull();
  expect(cardOf(fromHex("0100000000000000"), fromHex("4100000000000000"))).toBeNull();
});

test("any reports are a card or none, never a throw", () => {
  const report = fc.uint8Array({ maxLength: 12 });
  fc.assert(
    fc.property(report, report, (one, other) => {
      parseInfo(one);
      askedPage(one);
      const card = cardOf(one, other);
      if (card !== null) expect(card.bits).toHaveLength(Math.ceil(card.bitCount / 8));
    }),
  );
});

/** The simulator shares no code with the driver: here the published exchanges stand between the two. */
test("the simulator holds the published exchanges", () => {
  const simulator = new PcproxSimulator(new VirtualClock());
  // P FFFFFFFF CCCCCCCCCCCCCCCC P, facility 101, card 1337.
  simulator.hold("00110010100000101001110011");
  for (const { set, get } of vectors.exchanges) {
    simulator.setFeature([...fromHex(set)]);
    expect({ set, get: toHex(Uint8Array.from(simulator.getFeature())) }).toEqual({ set, get });
  }
});
