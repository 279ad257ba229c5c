import { expect, test } from "vitest";
import { encodeWiegand } from "#src/cards/wiegand";
import { parseConfig } from "./load.js";

const drivers = { ids: [], load: () => Promise.resolve(undefined) };

/** A file whose system has these formats, line 3, and which describes these others, line 4. */
async function load(listed: string, described = "{}") {
  const text = `site: { id: 6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10, name: Office, time_zone: Europe/Lisbon }
systems:
  staff: { badge_formats: ${listed} }
badge_formats: ${described}
`;
  return parseConfig(text, { env: {}, drivers });
}

async function problems(listed: string, described?: string): Promise<string[]> {
  const loaded = await load(listed, described);
  if (loaded.ok) return [];
  return loaded.problems.map(
    ({ line, path, message, suggestion }) =>
      `${line} ${path}: ${message}${suggestion === undefined ? "" : ` (${suggestion})`}`,
  );
}

async function formats(listed: string, described?: string) {
  const loaded = await load(listed, described);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config.badgeFormats.get(loaded.config.systems[0]?.id ?? "");
}

test("a system without a list has the well-known formats", async () => {
  const loaded = await parseConfig(
    `site: { id: 6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10, name: Office, time_zone: Europe/Lisbon }
systems: { staff: {} }
`,
    { env: {}, drivers },
  );
  if (!loaded.ok) throw new Error("refused");
  const [known] = [...loaded.config.badgeFormats.values()];
  expect(known?.map(({ name }) => name)).toEqual(["H10301", "H10306", "H10304", "H10302", "C1000-35"]);
});

test("a described format makes the bits that it says", async () => {
  // The 26 bits of H10301, described once more.
  const [own] = (await formats(
    "[ours, H10302]",
    `{ ours: { bits: 26, facility: { first: 1, length: 8 }, number: { first: 9, length: 16 },
        parity: [{ bit: 0, makes: even, over: "1-12" }, { bit: 25, makes: odd, over: "13-20, 21,22-24" }] } }`,
  ))!;
  const made = encodeWiegand(own!, { facility: 101, number: 1337 });
  expect(made).toEqual({ isValid: true, bits: { length: 26, word: 0x0ca0a73n } });
});

const FIELD = "number: { first: 1, length: 24 }";
test.each([
  [
    "a name that there is not",
    "[H10303]",
    undefined,
    '3 systems.staff.badge_formats.0: there is no badge format "H10303" (did you mean "H10301"?)',
  ],
  ["none at all", "[]", undefined, "3 systems.staff.badge_formats: this must have at least 1 entries"],
  [
    "37 bits with and without a facility code",
    "[H10301, H10302, H10304]",
    undefined,
    '3 systems.staff.badge_formats.2: badges of "H10304" and "H10302" cannot be told apart: leave one of them out',
  ],
  ["one twice", "[H10301, H10301]", undefined, '3 systems.staff.badge_formats.1: "H10301" stands here twice'],
  [
    "a well-known name described",
    "[H10301]",
    `{ H10301: { bits: 26, ${FIELD} } }`,
    '4 badge_formats.H10301: "H10301" is a well-known format, which is not described here',
  ],
  ["no number", "[ours]", "{ ours: { bits: 26 } }", '4 badge_formats.ours.number: "number" is missing'],
  [
    "a field beyond the end",
    "[ours]",
    "{ ours: { bits: 24, number: { first: 1, length: 24 } } }",
    "4 badge_formats.ours.number: reaches beyond the badge's 24 bits: its last bit is 23",
  ],
  [
    "fields that overlap",
    "[ours]",
    `{ ours: { bits: 26, facility: { first: 0, length: 8 }, ${FIELD} } }`,
    "4 badge_formats.ours.number: shares bits with the facility code",
  ],
  [
    "a parity bit inside the number",
    "[ours]",
    `{ ours: { bits: 26, ${FIELD}, parity: [{ bit: 5, makes: odd, over: "6-9" }] } }`,
    "4 badge_formats.ours.parity.0.bit: bit 5 belongs to the number",
  ],
  [
    "parity over bits that there are not",
    "[ours]",
    `{ ours: { bits: 26, ${FIELD}, parity: [{ bit: 0, makes: odd, over: "1-26" }] } }`,
    "4 badge_formats.ours.parity.0.over: there is no bit 26: its last bit is 25",
  ],
  [
    "parity over itself",
    "[ours]",
    `{ ours: { bits: 26, ${FIELD}, parity: [{ bit: 0, makes: odd, over: "0-9" }] } }`,
    "4 badge_formats.ours.parity.0.over: a parity bit does not cover itself (bit 0)",
  ],
  [
    "parity over one that is computed later",
    "[ours]",
    `{ ours: { bits: 26, ${FIELD}, parity: [{ bit: 0, makes: odd, over: "1-25" }, { bit: 25, makes: odd, over: "1-9" }] } }`,
    "4 badge_formats.ours.parity.0.over: bit 25 is a parity bit that stands later in the list",
  ],
  [
    "a range that runs backwards",
    "[ours]",
    `{ ours: { bits: 26, ${FIELD}, parity: [{ bit: 0, makes: odd, over: "9-1" }] } }`,
    "4 badge_formats.ours.parity.0.over: a range begins with its lower bit",
  ],
  [
    "a range that is none",
    "[ours]",
    `{ ours: { bits: 26, ${FIELD}, parity: [{ bit: 0, makes: odd, over: all }] } }`,
    '4 badge_formats.ours.parity.0.over: bits and ranges of bits in quotes, such as "1-12" or "2, 3, 5-9"',
  ],
] as const)("refuses %s, and says where", async (_what, listed, described, expected) => {
  expect(await problems(listed, described)).toEqual([expected]);
});
