import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "#src/lib/hex";
import vectors from "./vectors.json" with { type: "json" };
import {
  decodeWiegand,
  encodeWiegand,
  fromLeftJustified,
  isIndistinguishable,
  leftJustified,
  WIEGAND_FORMATS,
  type WiegandBits,
  type WiegandFormat,
} from "./wiegand.js";

const FACILITY_BITS = { H10301: 8, H10306: 16, H10304: 16, H10302: null, "C1000-35": 12 } as const;
const NUMBER_BITS = { H10301: 16, H10306: 16, H10304: 19, H10302: 35, "C1000-35": 20 } as const;
const LENGTH = { H10301: 26, H10306: 34, H10304: 37, H10302: 37, "C1000-35": 35 } as const;

const format = (name: string): WiegandFormat => WIEGAND_FORMATS.find((known) => known.name === name)!; // named in the vectors
const NAMES = ["H10301", "H10306", "H10304", "H10302", "C1000-35"] as const;

const numbered = fc.constantFrom(...NAMES).chain((name) => {
  const bits = FACILITY_BITS[name];
  return fc.record({
    format: fc.constant(format(name)),
    facility: bits === null ? fc.constant(null) : fc.nat(2 ** bits - 1),
    number: fc.maxSafeNat().map((number) => number % 2 ** NUMBER_BITS[name]),
  });
});

function bitsOf(format: WiegandFormat, value: { facility: number | null; number: number }): WiegandBits {
  const encoded = encodeWiegand(format, value);
  if (!encoded.isValid) throw new Error(encoded.message);
  return encoded.bits;
}

describe.each(vectors.wiegand.numbers)("$format FC $facility CN $number", (vector) => {
  const bits = bitsOf(format(vector.format), vector);

  test("is the published word, and back", () => {
    expect(bits).toEqual({
      length: LENGTH[vector.format as keyof typeof LENGTH], // the vectors name no others
      word: BigInt(`0x${vector.word}`),
    });
    expect(decodeWiegand(format(vector.format), bits)).toEqual({
      isValid: true,
      facility: vector.facility,
      number: vector.number,
    });
  });
});

test.each(vectors.wiegand.numbers.filter((vector) => vector.leftJustified !== undefined))(
  "$format $word left-justified, as OSDP carries it",
  ({ format: name, word, leftJustified: expected }) => {
    const { length } = format(name);
    const bits = { length, word: BigInt(`0x${word}`) };
    expect(toHex(leftJustified(bits))).toBe(expected);
    expect(fromLeftJustified(leftJustified(bits), length)).toEqual(bits);
  },
);

test("decoding what was encoded gives the same numbers", () => {
  fc.assert(
    fc.property(numbered, ({ format, facility, number }) => {
      const decoded = decodeWiegand(format, bitsOf(format, { facility, number }));
      expect(decoded).toEqual({ isValid: true, facility, number });
    }),
  );
});

test("one wrong bit is never a valid number", () => {
  fc.assert(
    fc.property(numbered, fc.nat(36), ({ format, facility, number }, at) => {
      const bits = bitsOf(format, { facility, number });
      const word = bits.word ^ (1n << BigInt(at % bits.length));
      expect(decodeWiegand(format, { ...bits, word })).toMatchObject({ isValid: false, reason: "parity" });
    }),
  );
});

test("any bits are a number or a typed refusal", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...WIEGAND_FORMATS),
      fc.integer({ min: -1, max: 64 }),
      fc.bigInt({ min: -1n, max: 2n ** 64n }),
      (format, length, word) => {
        const decoded = decodeWiegand(format, { length, word });
        if (decoded.isValid) expect(bitsOf(format, decoded)).toEqual({ length, word });
        else
          expect(decoded.reason).toBe(
            length === format.length && word >> BigInt(length) === 0n ? "parity" : "length",
          );
      },
    ),
  );
});

test("with a facility code or without: 37 bits do not say, and no other two are alike", () => {
  const alike = NAMES.flatMap((one) =>
    NAMES.filter((other) => one < other && isIndistinguishable(format(one), format(other))).map(
      (other) => `${one} ${other}`,
    ),
  );
  expect(alike).toEqual(["H10302 H10304"]);
});

test.each([
  ["H10301", { facility: 256, number: 1 }, "facility"],
  ["H10301", { facility: null, number: 1 }, "facility"],
  ["H10302", { facility: 1, number: 1 }, "facility"],
  ["H10302", { facility: null, number: 2 ** 35 }, "number"],
  ["H10301", { facility: 1, number: 1.5 }, "number"],
] as const)("%s refuses %o: %s", (name, value, reason) => {
  expect(encodeWiegand(format(name), value)).toMatchObject({ isValid: false, reason });
});
