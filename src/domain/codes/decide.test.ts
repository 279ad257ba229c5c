import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { decide, type Decision, type DoorCode, type DoorState, FRESH_DOOR, MISSES_MAX } from "./decide.js";
import { type KeyEntry, pressed } from "./key-entry.js";

const NOW = 1_000_000_000;
const MINUTE = 60_000;
const at = (now: number) => ({ now, certain: now });
const code = (changes: Partial<DoorCode> = {}): DoorCode => ({
  owner: "access_code:a",
  startsAt: null,
  endsAt: null,
  isOneTimeUse: false,
  ...changes,
});
const decided = (codes: readonly DoorCode[], now = NOW, state = FRESH_DOOR): Decision =>
  decide(codes, state, at(now)).decision;

test.each([
  ["a code without dates", [code()], { grant: true, owner: "access_code:a", usedUp: false }],
  ["one that opens once", [code({ isOneTimeUse: true })], { grant: true, usedUp: true }],
  ["within its dates", [code({ startsAt: NOW, endsAt: NOW + 1 })], { grant: true }],
  ["before its start", [code({ startsAt: NOW + 1 })], { grant: false, reason: "expired_code" }],
  ["at its end", [code({ endsAt: NOW })], { grant: false, reason: "expired_code" }],
  ["nobody's", [], { grant: false, reason: "unknown_code", owner: null }],
  ["two people's", [code(), code({ owner: "access_code:b" })], { grant: false, reason: "unknown_code" }],
  [
    "two people's, one of them gone",
    [code(), code({ owner: "access_code:b", endsAt: NOW })],
    { grant: true, owner: "access_code:a" },
  ],
])("%s", (_, codes, expected) => {
  expect(decided(codes)).toMatchObject(expected);
});

test("an end counts once it has surely passed; a start by the best knowledge of the time", () => {
  const { decision } = decide([code({ endsAt: NOW })], FRESH_DOOR, { now: NOW + 1, certain: NOW - 1 });
  expect(decision.grant).toBe(true);
});

test("wrong PINs close the keypad for five minutes, for the right one too; then it is as before", () => {
  let state: DoorState = FRESH_DOOR;
  for (let miss = 0; miss < MISSES_MAX; miss++) state = decide([], state, at(NOW + miss)).state;
  const closed = { grant: false, reason: "too_many_attempts" };
  expect(decided([code()], NOW + MINUTE, state)).toMatchObject(closed);
  expect(decided([code()], NOW + 6 * MINUTE, state).grant).toBe(true);
  // A clock that jumped back.
  expect(decided([code()], NOW - 60 * MINUTE, state).grant).toBe(true);
});

test("misses that lie far apart close nothing, a right PIN forgets them, and coming early is none", () => {
  let state: DoorState = FRESH_DOOR;
  for (let miss = 0; miss < 3 * MISSES_MAX; miss++)
    state = decide([], state, at(NOW + miss * 2 * MINUTE)).state;
  expect(state.closedUntil).toBeNull();
  expect(decide([code()], state, at(NOW)).state).toEqual(FRESH_DOOR);
  for (let miss = 0; miss < 2 * MISSES_MAX; miss++) {
    state = decide([code({ startsAt: 2 * NOW })], FRESH_DOOR, at(NOW)).state;
  }
  expect(state).toEqual(FRESH_DOOR);
});

test("however often and whenever it is tried, at most five wrong PINs are looked at in five minutes", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 3 * MINUTE }), { maxLength: 100 }), (pauses) => {
      let state: DoorState = FRESH_DOOR;
      let now = NOW;
      const looked: number[] = [];
      for (const pause of pauses) {
        now += pause;
        const next = decide([], state, at(now));
        if (!next.decision.grant && next.decision.reason === "unknown_code") looked.push(now);
        state = next.state;
      }
      for (const from of looked) {
        expect(looked.filter((when) => when >= from && when - from < 5 * MINUTE).length).toBeLessThanOrEqual(
          MISSES_MAX,
        );
      }
    }),
  );
});

describe("keys", () => {
  /** What is submitted, in order. */
  function typed(...chunks: readonly (readonly [keys: string, at: number])[]): string[] {
    let entry: KeyEntry | null = null;
    const pins: string[] = [];
    for (const [keys, when] of chunks) {
      const next = pressed(entry, new Secret(keys), when);
      entry = next.entry;
      if (next.pin !== null) pins.push(next.pin.reveal());
    }
    return pins;
  }

  test.each([
    ["a whole entry", [["4711", 0]], ["4711"]],
    ["a whole entry with its end", [["4711#", 0]], ["4711"]],
    [
      "key by key",
      [
        ["4", 0],
        ["7", 1],
        ["1", 2],
        ["1", 3],
        ["#", 4],
      ],
      ["4711"],
    ],
    [
      "begun anew",
      [
        ["99*47", 0],
        ["11#", 1],
      ],
      ["4711"],
    ],
    [
      "left for a while",
      [
        ["47", 0],
        ["4712#", 20_000],
      ],
      ["4712"],
    ],
    [
      "no PIN at all",
      [
        ["#", 0],
        ["*", 1],
        ["12", 2],
      ],
      [],
    ],
  ] as const)("%s", (_, chunks, expected) => {
    expect(typed(...chunks)).toEqual(expected);
  });
});
