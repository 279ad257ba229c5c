import fc from "fast-check";
import { expect, test } from "vitest";
import { type Entry, type EntryRules, isOver, NOTHING_TYPED, press } from "./entry.js";

const free: EntryRules = { digits: null, pauseMs: 5_000 };
const four: EntryRules = { digits: 4, pauseMs: 5_000 };

/** Types each part, so many milliseconds after the one before. */
function type(rules: EntryRules, ...parts: readonly (readonly [string, number])[]) {
  let entry: Entry = NOTHING_TYPED;
  let at = 1_000;
  const ended: string[] = [];
  for (const [keys, afterMs] of parts) {
    at += afterMs;
    const step = press(entry, keys, at, rules);
    entry = step.entry;
    ended.push(...step.ended);
  }
  return { ended, left: entry.keys };
}

test.each([
  ["enter ends an entry", free, [["1234#", 0]], ["1234"], ""],
  [
    "keys that come one by one",
    free,
    [
      ["1", 0],
      ["2", 300],
      ["#", 300],
    ],
    ["12"],
    "",
  ],
  ["several entries at once", free, [["12#34#5", 0]], ["12", "34"], "5"],
  ["clear forgets what was typed", free, [["12*34#", 0]], ["34"], ""],
  ["enter alone is nothing", free, [["##", 0]], [], ""],
  ["the last digit ends it", four, [["1234", 0]], ["1234"], ""],
  ["enter after the last digit is nothing more", four, [["1234#", 0]], ["1234"], ""],
  ["a shorter entry still ends with enter", four, [["12#", 0]], ["12"], ""],
  [
    "after a pause a new entry begins",
    free,
    [
      ["12", 0],
      ["34#", 5_000],
    ],
    ["12", "34"],
    "",
  ],
  [
    "before that it goes on",
    free,
    [
      ["12", 0],
      ["34#", 4_999],
    ],
    ["1234"],
    "",
  ],
] as const)("%s", (_, rules, parts, ended, left) => {
  expect(type(rules, ...parts)).toEqual({ ended, left });
});

test("a pause ends what was typed, and nothing else", () => {
  const entry: Entry = { keys: "12", at: 1_000 };
  expect([isOver(entry, 5_999, free), isOver(entry, 6_000, free)]).toEqual([false, true]);
  expect(isOver(NOTHING_TYPED, 1e9, free)).toBe(false);
});

test("no entry grows without end, and a cut one is not taken for its beginning", () => {
  const { ended } = type(free, ["1".repeat(500), 0], ["#", 0]);
  expect(ended.map(({ length }) => length)).toEqual([33]);
});

test("however keys are split, the same entries come out", () => {
  const keys = fc.string({ unit: fc.constantFrom(..."0123456789*#".split("")), maxLength: 60 });
  fc.assert(
    fc.property(keys, fc.integer({ min: 1, max: 7 }), (text, size) => {
      const parts = text.match(new RegExp(`.{1,${size}}`, "g")) ?? [];
      expect(type(four, ...parts.map((part) => [part, 10] as const))).toEqual(type(four, [text, 10]));
    }),
  );
});
