import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "#src/lib/hex";
import vectors from "./vectors.json" with { type: "json" };
import {
  decodeWiegand,
  encodeWiegand,
  leftJustified,
  WIEGAND_FORMATS,
  type WiegandBits,
  type WiegandFormat,
} from "./wiegand.js";

const FACILITY_BITS = { H10301: 8, H10306: 16, H10304: 16, H10302: null, "C1000-35": 12 } as const;
const NUMBER_BITS = { H10301: 16, H10306: 16, H10304: 19, H10302: 35, "C1000-35": 20 } as const;
const LENGTH = { H10301: 26, H10306: 34, H10304: 37, H10302: 37, "C1000-35": 35 } as const;

const numbered = fc.constantFrom(...WIEGAND_FORMATS).chain((format) => {
  const bits = FACILITY_BITS[format];
  return fc.record({
    format: fc.constant(format),
    facility: bits === null ? fc.constant(null) : fc.nat(2 ** bits - 1),
    number: fc.maxSafeNat().map((number) => number % 2 ** NUMBER_BITS[format]),
  });
});

function bitsOf(format: WiegandFormat, value: { facility: number | null; number: number }): WiegandBits {
  const encoded = encodeWiegand(format, value);
  if (!encoded.isValid) throw new Error(encoded.message);
  return encoded.bits;
}

describe.each(vectors.wiegand.numbers)("$format FC $facility CN $number", (vector) => {
  const format = WIEGAND_FORMATS.find((known) => known === vector.format)!;
  const bits = bitsOf(format, vector);

  test("is the published word, and back", () => {
    expect(bits).toEqual({ length: LENGTH[format], word: BigInt(`0x${vector.word}`) });
    expect(decodeWiegand(format, bits)).toEqual({
      isValid: true,
      facility: vector.facility,
      number: vector.number,
    });
  });
});

test.each(vectors.wiegand.numbers.filter((vector) => vector.leftJustified !== undefined))(
  "$format $word left-justified, as OSDP carries it",
  ({ format, word, leftJustified: expected }) => {
    const { length } = bitsOf(
      WIEGAND_FORMATS.find((known) => known === format)!,
      { facility: 1, number: 1 },
    );
    expect(toHex(leftJustified({ length, word: BigInt(`0x${word}`) }))).toBe(expected);
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
            length === LENGTH[format] && word >> BigInt(length) === 0n ? "parity" : "length",
          );
      },
    ),
  );
});

test.each([
  ["H10301", { facility: 256, number: 1 }, "facility"],
  ["H10301", { facility: null, number: 1 }, "facility"],
  ["H10302", { facility: 1, number: 1 }, "facility"],
  ["H10302", { facility: null, number: 2 ** 35 }, "number"],
  ["H10301", { facility: 1, number: 1.5 }, "number"],
] as const)("%s refuses %o: %s", (format, value, reason) => {
  expect(encodeWiegand(format, value)).toMatchObject({ isValid: false, reason });
});
