import { Secret } from "#src/lib/secret";
import { invalidInput, type Fault } from "./fault.js";
import type { CodeConstraint, LockFacts } from "./lock-facts.js";

/** PINs against what a lock takes. Seam: `supported_code_lengths` and `code_constraints` of a device. */

/** Why each constraint refuses, completing "code must …". */
const WANTED: Readonly<Record<CodeConstraint, string>> = {
  no_zeros: "not contain 0",
  cannot_start_with_12: "not begin with 12",
  no_triple_consecutive_ints: "have no run of more than three equal or consecutive digits",
  no_ascending_or_descending_sequence: "not be one run of rising or falling digits",
  no_all_same_digits: "not be one digit repeated",
  at_least_three_unique_digits: "use at least three different digits",
  unique_first_four_digits: "have four different digits at its beginning",
  cannot_contain_089: "not contain 0, 8 or 9",
  cannot_contain_0789: "not contain 0, 7, 8 or 9",
};

function keeps(digits: string, constraint: CodeConstraint): boolean {
  switch (constraint) {
    case "no_zeros":
      return !digits.includes("0");
    case "cannot_start_with_12":
      return !digits.startsWith("12");
    case "no_triple_consecutive_ints":
      return longestRun(digits) <= 3;
    case "no_ascending_or_descending_sequence":
      return !isSteps(digits, 1) && !isSteps(digits, -1);
    case "no_all_same_digits":
      return new Set(digits).size > 1;
    case "at_least_three_unique_digits":
      return new Set(digits).size >= 3;
    case "unique_first_four_digits":
      return new Set(digits.slice(0, 4)).size === Math.min(4, digits.length);
    case "cannot_contain_089":
      return !/[089]/.test(digits);
    case "cannot_contain_0789":
      return !/[0789]/.test(digits);
  }
}

/** Why this lock would not take the PIN; undefined when it would. The message never repeats the PIN. */
export function checkPin(code: Secret<string>, lock: LockFacts): Fault | undefined {
  const digits = code.reveal();
  if (!lock.codeLengths.includes(digits.length)) {
    return invalidInput(
      "code",
      `must have ${listed(lock.codeLengths)} digits: "${lock.name}" takes no other length`,
    );
  }
  const broken = lock.constraints.find((constraint) => !keeps(digits, constraint));
  return broken === undefined ? undefined : invalidInput("code", `must ${WANTED[broken]} on "${lock.name}"`);
}

/** Far more than are needed where a lock takes thousands of PINs and holds a hundred. */
const TRIES_MAX = 2_000;

/**
 * A PIN that every one of `locks` takes and that is not in `taken`; undefined when none was found. The length is the
 * preferred one where all locks take it, else the shortest that they share.
 */
export function generatePin(
  locks: readonly LockFacts[],
  {
    preferredLength,
    taken,
    random,
  }: {
    readonly preferredLength?: number | undefined;
    readonly taken: ReadonlySet<string>;
    readonly random: (size: number) => Uint8Array;
  },
): Secret<string> | undefined {
  const [first, ...others] = locks;
  const shared = (first?.codeLengths ?? []).filter((length) =>
    others.every((lock) => lock.codeLengths.includes(length)),
  );
  const length = shared.find((known) => known === preferredLength) ?? Math.min(...shared);
  if (!Number.isFinite(length)) return undefined;
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const code = new Secret(randomDigits(length, random));
    if (!taken.has(code.reveal()) && locks.every((lock) => checkPin(code, lock) === undefined)) return code;
  }
  return undefined;
}

/** Bytes of 250 and more are left out, so that every digit is as likely as any other. */
function randomDigits(length: number, random: (size: number) => Uint8Array): string {
  let digits = "";
  while (digits.length < length) {
    for (const byte of random(length * 2)) {
      if (byte < 250 && digits.length < length) digits += String(byte % 10);
    }
  }
  return digits;
}

function isSteps(digits: string, step: number): boolean {
  return Array.from(digits).every(
    (digit, index) => index === 0 || Number(digit) - Number(digits[index - 1]) === step,
  );
}

/** Length of the longest stretch of equal, rising or falling digits. */
function longestRun(digits: string): number {
  let longest = 0;
  for (const step of [0, 1, -1]) {
    let run = 1;
    for (let index = 1; index < digits.length; index++) {
      run = Number(digits[index]) - Number(digits[index - 1]) === step ? run + 1 : 1;
      longest = Math.max(longest, run);
    }
  }
  return longest;
}

function listed(lengths: readonly number[]): string {
  return lengths.length === 0 ? "no" : lengths.join(" or ");
}
