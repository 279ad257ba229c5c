import { z } from "zod";
import type { WiegandFormat } from "./wiegand.js";

/** One entry of `badge_formats` in the configuration: where in the bits of a badge its numbers lie. */
const BITS_MAX = 64;
/** What a number holds exactly, with room. */
const FIELD_BITS_MAX = 48;

const field = z.strictObject({
  first: z
    .int()
    .min(0)
    .max(63)
    .describe("Its first bit; bits are numbered from 0, in the order they are sent."),
  length: z.int().min(1).max(FIELD_BITS_MAX).describe("How many bits it has."),
});

const parity = z.strictObject({
  bit: z.int().min(0).max(63).describe("The parity bit itself."),
  makes: z.enum(["even", "odd"]).describe("Number of ones in it and the covered bits together."),
  over: z
    .string('bits and ranges of bits in quotes, such as "1-12" or "2, 3, 5-9"')
    .regex(
      /^\s*\d{1,2}\s*(-\s*\d{1,2}\s*)?(,\s*\d{1,2}\s*(-\s*\d{1,2}\s*)?)*$/,
      'bits and ranges of bits in quotes, such as "1-12" or "2, 3, 5-9"',
    )
    .describe('The bits it covers: bits and ranges, such as "1-12" or "2, 3, 5-9".'),
});

export const badgeFormatSchema = z
  .strictObject({
    bits: z.int().min(8).max(BITS_MAX).describe("How many bits the badge sends, parity bits included."),
    facility: field.optional().describe("The facility code, where the badge has one."),
    number: field.describe("The badge's number."),
    parity: z
      .array(parity)
      .default([])
      .describe("Parity bits, in the order of computation: a later one may cover an earlier one."),
  })
  .superRefine((format, context) => {
    const wrong = (path: PropertyKey[], message: string) =>
      context.addIssue({ code: "custom", path, message });
    const { bits } = format;
    const last = `its last bit is ${bits - 1}`;
    const taken = new Map<number, string>();
    for (const what of ["facility", "number"] as const) {
      const { first, length } = format[what] ?? { first: 0, length: 0 };
      if (first + length > bits) wrong([what], `reaches beyond the badge's ${bits} bits: ${last}`);
      const holder = bitsFrom(first, length).flatMap((bit) => taken.get(bit) ?? [])[0];
      if (holder !== undefined) wrong([what], `shares bits with the ${holder}`);
      for (const bit of bitsFrom(first, length))
        taken.set(bit, what === "number" ? "number" : "facility code");
    }
    for (const [index, { bit, over }] of format.parity.entries()) {
      const covered = coveredBits(over);
      const holder = taken.get(bit);
      if (bit >= bits) wrong(["parity", index, "bit"], `there is no bit ${bit}: ${last}`);
      else if (holder !== undefined) wrong(["parity", index, "bit"], `bit ${bit} belongs to the ${holder}`);
      taken.set(bit, "parity bits");
      if (covered === null) wrong(["parity", index, "over"], "a range begins with its lower bit");
      else if (covered.includes(bit))
        wrong(["parity", index, "over"], `a parity bit does not cover itself (bit ${bit})`);
      else if (Math.max(...covered) >= bits)
        wrong(["parity", index, "over"], `there is no bit ${Math.max(...covered)}: ${last}`);
      const later = format.parity.slice(index + 1).find((other) => covered?.includes(other.bit));
      if (later !== undefined)
        wrong(["parity", index, "over"], `bit ${later.bit} is a parity bit that stands later in the list`);
    }
  });

export function formatOf(name: string, described: z.infer<typeof badgeFormatSchema>): WiegandFormat {
  const { bits, facility, number, parity: parities } = described;
  return {
    name,
    length: bits,
    facility: facility === undefined ? null : { at: facility.first, length: facility.length },
    number: { at: number.first, length: number.length },
    parities: parities.map(({ bit, makes, over }) => ({ at: bit, makes, over: coveredBits(over) ?? [] })),
  };
}

const bitsFrom = (first: number, length: number): number[] =>
  Array.from({ length }, (_, index) => first + index);

/** null: a range runs backwards. */
function coveredBits(over: string): number[] | null {
  const ranges = over.split(",").map((part) => part.split("-").map(Number));
  if (ranges.some(([first = 0, last = first]) => last < first)) return null;
  return ranges.flatMap(([first = 0, last = first]) => bitsFrom(first, last - first + 1));
}
