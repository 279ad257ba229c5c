import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { CODE_CONSTRAINTS, type CodeConstraint, type LockFacts } from "./lock-facts.js";
import { checkPin, generatePin } from "./pin.js";

const lock = (
  constraints: readonly CodeConstraint[],
  codeLengths: readonly number[] = [4, 6],
): LockFacts => ({
  id: "lock",
  name: "Front door",
  canProgramCodes: true,
  codeLengths,
  constraints,
  supportsBackupPool: false,
  isOnline: true,
});

/** Each of Seam's constraints with a PIN that keeps it and one that does not. */
const KEPT: Readonly<Record<CodeConstraint, readonly [good: string, bad: string]>> = {
  no_zeros: ["1234", "1024"],
  cannot_start_with_12: ["2112", "1234"],
  no_triple_consecutive_ints: ["123999", "123499"],
  no_ascending_or_descending_sequence: ["1243", "9876"],
  no_all_same_digits: ["1112", "1111"],
  at_least_three_unique_digits: ["1213", "1212"],
  unique_first_four_digits: ["123411", "122345"],
  cannot_contain_089: ["1237", "1208"],
  cannot_contain_0789: ["1236", "1237"],
};
test.each(CODE_CONSTRAINTS.map((constraint) => [constraint] as const))("%s", (constraint) => {
  const [good, bad] = KEPT[constraint];
  expect(checkPin(new Secret(good), lock([constraint]))).toBeUndefined();
  const fault = checkPin(new Secret(bad), lock([constraint]));
  expect(fault).toMatchObject({ status: 400, parameter: "code" });
  expect(fault?.message).not.toContain(bad);
});

test("a length that the lock does not take is refused with those that it takes", () => {
  expect(checkPin(new Secret("12345"), lock([]))?.message).toContain("4 or 6 digits");
  expect(checkPin(new Secret("1234"), lock([], []))).toBeDefined();
});

test("a made-up PIN keeps every constraint, is free, and has the preferred length where all locks take it", () => {
  let next = 0;
  const random = (size: number) => Uint8Array.from({ length: size }, () => (next = (next * 7 + 3) % 256));
  const strict = lock(["no_zeros", "at_least_three_unique_digits", "no_ascending_or_descending_sequence"]);
  const made = generatePin([strict, lock([], [6, 8])], { preferredLength: 8, taken: new Set(), random });
  expect(made?.reveal()).toMatch(/^[1-9]{6}$/);
  expect(generatePin([strict, lock([], [8])], { taken: new Set(), random })).toBeUndefined();
  const all = new Set(Array.from({ length: 10_000 }, (_, number) => String(number).padStart(4, "0")));
  expect(generatePin([lock([], [4])], { taken: all, random })).toBeUndefined();
});
