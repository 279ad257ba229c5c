import { expect, test } from "vitest";
import { nextTurn } from "./schedule.js";

const due = (name: string, dueAt: number, jobs = 0, isUp = true) => ({
  name,
  dueAt,
  isUp,
  jobs: Array.from({ length: jobs }),
});

test.each([
  ["who is due first", [due("a", 20), due("b", 10)], 30, false, ["b", 0]],
  ["nobody yet: the time until then", [due("a", 50), due("b", 40)], 30, false, ["b", 10]],
  ["a command before every poll", [due("a", 0), due("b", 900, 1)], 100, true, ["b", 0]],
  ["also where everybody waits for long", [due("a", 0), due("b", 900, 1)], 9_000, false, ["b", 0]],
  ["but between two commands one who has waited", [due("a", 0), due("b", 900, 1)], 1_000, true, ["a", 0]],
  ["somebody away may wait for longer", [due("a", 0, 0, false), due("b", 900, 1)], 5_000, true, ["b", 0]],
] as const)("%s", (_, all, now, wasCommand, [name, waitMs]) => {
  expect(nextTurn(all, now, wasCommand)).toEqual({ who: all.find((it) => it.name === name), waitMs });
});

test("on a line without readers there is no turn", () => {
  expect(nextTurn([], 0, false)).toBeNull();
});
