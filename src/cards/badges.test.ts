import fc from "fast-check";
import { expect, test } from "vitest";
import { badgeNumber } from "#src/domain/badge";
import { fromHex } from "#src/lib/hex";
import { makeBadge, readBadge } from "./badges.js";
import vectors from "./vectors.json" with { type: "json" };
import { fromLeftJustified, leftJustified, WIEGAND_FORMATS } from "./wiegand.js";

const named = (...names: readonly string[]) => WIEGAND_FORMATS.filter(({ name }) => names.includes(name));
const cardOf = (word: string, bitCount: number) => ({
  bits: leftJustified({ length: bitCount, word: BigInt(`0x${word}`) }),
  bitCount,
});

test.each(vectors.wiegand.numbers)("$format $facility-$number, both ways", (vector) => {
  const formats = named(vector.format);
  const [format] = formats;
  const { facility, number } = vector;
  const card = cardOf(vector.word, format?.length ?? 0);
  const read = readBadge(card, formats);
  expect(read).toMatchObject({ is: "badge", badge: { format: vector.format, facility, number } });
  const made = makeBadge({ facility, number }, formats, undefined);
  expect(made).toEqual({ ok: true, badge: read.is === "badge" ? read.badge : null });
  if (made.ok) expect(fromHex(made.badge.bits)).toEqual(card.bits);
});

test("37 bits are not guessed at; one format configured, and they are plain", () => {
  const card = cardOf("103E93C481", 37);
  const read = readBadge(card, WIEGAND_FORMATS);
  expect(read).toMatchObject({
    is: "ambiguous",
    message:
      "the badge's 37 bits fit H10304 (1001-123456) and H10302 (524935744), and nothing on it says which",
  });
  expect(readBadge(card, named("H10302"))).toMatchObject({ badge: { facility: null, number: 524_935_744 } });
});

test.each([
  ["0CA0A72", 26, "the badge's 26 bits are no valid H10301: a parity bit is wrong"],
  ["0CA0A73", 27, "the badge has 27 bits, and no format of so many is configured"],
  ["0CA0A73", 200, "the badge has 200 bits, and no format of so many is configured"],
])("%s with %i bits names nobody", (word, bitCount, message) => {
  expect(readBadge(cardOf(word, bitCount), WIEGAND_FORMATS)).toEqual({ is: "unknown", message });
});

test("a number that several formats can say is asked about, and one that none can is refused", () => {
  const both = { facility: 101, number: 1337 };
  expect(makeBadge(both, WIEGAND_FORMATS, undefined)).toMatchObject({ ok: false, what: "format" });
  expect(makeBadge(both, WIEGAND_FORMATS, "H10306")).toMatchObject({ badge: { bitCount: 34 } });
  expect(makeBadge({ facility: 70_000, number: 1 }, WIEGAND_FORMATS, undefined)).toMatchObject({
    ok: false,
    what: "format",
  });
  expect(makeBadge({ facility: 256, number: 1 }, WIEGAND_FORMATS, "H10301")).toMatchObject({
    ok: false,
    what: "facility",
    message: "H10301 has a value from 0 to 255 here",
  });
  expect(makeBadge(both, WIEGAND_FORMATS, "H10399")).toMatchObject({ ok: false, what: "format" });
});

test("any bits are a badge, several or none, and a badge says the bits that it was read from", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), fc.integer({ min: 0, max: 96 }), (bytes, bitCount) => {
      const read = readBadge({ bits: bytes, bitCount }, WIEGAND_FORMATS);
      if (read.is !== "badge") return;
      const { badge } = read;
      expect(fromLeftJustified(fromHex(badge.bits), bitCount)).toEqual(fromLeftJustified(bytes, bitCount));
      expect(badgeNumber(badge)).toMatch(/^\d+(-\d+)?$/);
    }),
  );
});
