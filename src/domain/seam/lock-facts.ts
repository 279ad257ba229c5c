/** What the rules need to know of a lock: the same on the gateway and in the cloud. */
export interface LockFacts {
  readonly id: string;
  readonly name: string;
  /** The lock takes PINs through the API. */
  readonly canProgramCodes: boolean;
  /** PIN lengths that it takes, rising. */
  readonly codeLengths: readonly number[];
  readonly constraints: readonly CodeConstraint[];
  readonly supportsBackupPool: boolean;
  readonly isOnline: boolean;
}

/** Seam's `code_constraints`, of which a PIN can be told to keep them. */
export const CODE_CONSTRAINTS = [
  "no_zeros",
  "cannot_start_with_12",
  "no_triple_consecutive_ints",
  "no_ascending_or_descending_sequence",
  "no_all_same_digits",
  "at_least_three_unique_digits",
  "unique_first_four_digits",
  "cannot_contain_089",
  "cannot_contain_0789",
] as const;
export type CodeConstraint = (typeof CODE_CONSTRAINTS)[number];

/** A code that is on the lock or wanted there. */
export interface CodeOnLock {
  readonly id: string;
  readonly digits: string;
  readonly isManaged: boolean;
}
