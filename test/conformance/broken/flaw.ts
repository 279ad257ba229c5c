import type { Patch } from "#test/conformance/broken/copy";

/** One mistake that a driver's author could make, laid on a copy of a driver. */
export interface Flaw {
  /** The reference driver has all but stripes. */
  readonly driver: "reference" | "msr605";
  readonly flaw: string;
  /** The cases that find it; others may too. */
  readonly caughtBy: readonly string[];
  readonly patches: readonly Patch[];
}

type Patches = readonly (readonly [file: string, find: string, put: string])[];

export function flaw(what: string, caughtBy: readonly string[], ...patches: Patches): Flaw {
  return flawOf("reference", what, caughtBy, patches);
}

export function stripeFlaw(what: string, caughtBy: readonly string[], ...patches: Patches): Flaw {
  return flawOf("msr605", what, caughtBy, patches);
}

function flawOf(driver: Flaw["driver"], what: string, caughtBy: readonly string[], patches: Patches): Flaw {
  return { driver, flaw: what, caughtBy, patches: patches.map(([file, find, put]) => ({ file, find, put })) };
}
