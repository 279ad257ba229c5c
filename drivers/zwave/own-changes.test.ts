import { expect, test } from "vitest";
import type { Clock } from "#src/lib/deadline";
import { OwnChanges } from "./own-changes.js";

let at = 0;
const clock: Clock = { now: () => at, monotonic: () => at, startTimer: () => () => undefined };
const added = { change: "added", slot: 3 } as const;

test.each([
  [9_999, true],
  [10_000, false],
])("a lock that tells of our order %i ms after it was done tells what is ours: %s", (lateMs, isOurs) => {
  const own = new OwnChanges(clock);
  own.begin(3, "added").end(true);
  at += lateMs;
  expect(own.explain(added)).toBe(isOurs);
  expect(own.explain(added)).toBe(false);
});

test("what a lock refused and tells as done is news, and so is another slot", () => {
  const own = new OwnChanges(clock);
  own.begin(3, "added").end(false);
  expect(own.explain(added)).toBe(false);
  own.begin(4, "added").end(true);
  expect(own.explain(added)).toBe(false);
});
