import type { Issuance } from "./credential.schema.js";

/**
 * The states as they are stored, and the machine's value for each. XState throws on a value that it does not know, so
 * a stored name is looked up here before it reaches a machine.
 */
const PRESENTED = {
  waiting_to_be_issued: "waiting_to_be_issued",
  "issuing.presenting": { issuing: "presenting" },
  "issuing.writing": { issuing: "writing" },
  issued: "issued",
  needs_to_be_reissued: "needs_to_be_reissued",
  "reissuing.presenting": { reissuing: "presenting" },
  "reissuing.writing": { reissuing: "writing" },
  in_doubt: "in_doubt",
  invalidating: "invalidating",
  invalidated: "invalidated",
  deleting: "deleting",
  deleted: "deleted",
} as const;

const AUTOMATIC = {
  waiting_to_be_issued: "waiting_to_be_issued",
  issuing: "issuing",
  issued: "issued",
  reissuing: "reissuing",
  invalidating: "invalidating",
  invalidated: "invalidated",
  deleting: "deleting",
  deleted: "deleted",
} as const;

const VALUES = { presented: PRESENTED, automatic: AUTOMATIC } as const;

export const PRESENTED_STATES = Object.keys(PRESENTED) as readonly (keyof typeof PRESENTED)[];
export const AUTOMATIC_STATES = Object.keys(AUTOMATIC) as readonly (keyof typeof AUTOMATIC)[];

export function isStateOf(issuance: Issuance, state: string): boolean {
  return Object.hasOwn(VALUES[issuance], state);
}

type Value = string | { readonly [outer: string]: string | undefined };

/** The machine's value for a stored state. Throws on a name that `isStateOf` refuses. */
export function valueOf(issuance: Issuance, state: string): Value {
  const values: Readonly<Record<string, Value>> = VALUES[issuance];
  const value = isStateOf(issuance, state) ? values[state] : undefined;
  if (value === undefined) throw new Error(`no ${issuance} credential is ever "${state}"`);
  return value;
}

/** The stored name of a machine's value. */
export function nameOf(value: Value): string {
  if (typeof value === "string") return value;
  return Object.entries(value)
    .map(([outer, inner]) => `${outer}.${inner ?? ""}`)
    .join();
}

/** The name of a state as others see it: what a job does inside `issuing` is nobody else's business. */
export function outerName(state: string): string {
  return state.split(".", 1)[0] ?? state;
}
