import type { Patch } from "#test/conformance/broken/copy";

/** One mistake that a driver's author could make, laid on a copy of the reference driver. */
export interface Flaw {
  readonly flaw: string;
  /** The cases that find it; others may too. */
  readonly caughtBy: readonly string[];
  readonly patches: readonly Patch[];
}

export function flaw(
  what: string,
  caughtBy: readonly string[],
  ...patches: readonly (readonly [file: string, find: string, put: string])[]
): Flaw {
  return { flaw: what, caughtBy, patches: patches.map(([file, find, put]) => ({ file, find, put })) };
}
