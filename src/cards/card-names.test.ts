import { expect, test } from "vitest";
import { fromHex } from "#src/lib/hex";
import { namesOfCard } from "./card-names.js";
import { encodeWiegand, leftJustified, WIEGAND_FORMATS } from "./wiegand.js";

test.each([
  ["H10301", 12, 3_456, ["12-3456"]],
  ["H10306", 600, 65_000, ["600-65000"]],
  // 37 bits have the same length and parities with and without a facility code.
  ["H10304", 600, 500_000, ["600-500000", String(600 * 2 ** 19 + 500_000)]],
  ["C1000-35", 4_000, 1_000_000, ["4000-1000000"]],
] as const)("%s %i %i", (name, facility, number, names) => {
  const format = WIEGAND_FORMATS.find((known) => known.name === name)!; // named above
  const encoded = encodeWiegand(format, { facility, number });
  if (!encoded.isValid) throw new Error(encoded.message);
  const card = { bits: leftJustified(encoded.bits), bitCount: encoded.bits.length };
  expect([...namesOfCard(card).numbers].sort()).toEqual([...names].sort());
});

test("a wrong parity names nobody", () => {
  expect(namesOfCard({ bits: fromHex("80a1b2c0"), bitCount: 26 })).toEqual({ serials: [], numbers: [] });
});

test.each([
  ["04a1b2c3", "c3b2a104"],
  // Digits only, as one serial number of four bytes in 43 is: no number all the same.
  ["04112233", "33221104"],
])("a serial number is known from either end: %s", (serial, reversed) => {
  expect(namesOfCard({ bits: fromHex(serial), bitCount: 32 })).toEqual({
    serials: [serial, reversed],
    numbers: [],
  });
});
