/**
 * Against guessing: after a few wrong PINs in a row a door takes none for a while, and for longer each time. A right
 * one ends it. Pure; instants are epoch milliseconds.
 */
export interface Lockout {
  /** Wrong PINs since the last right one. */
  readonly failures: number;
  /** No PIN is looked at before; null: PINs are taken. */
  readonly until: number | null;
}

export const NO_LOCKOUT: Lockout = { failures: 0, until: null };

/** So many wrong ones in a row, and the door waits. At 15 minutes a guess, one code of four digits is found in about 50 days. */
export const FAILURES_MAX = 5;
const FIRST_MS = 60_000;
const MOST_MS = 15 * 60_000;

/** A lock-out that a jump of the clock made longer than any is over. */
export function isLockedOut({ until }: Lockout, now: number): boolean {
  return until !== null && now < until && until - now <= MOST_MS;
}

/** One more wrong PIN: the fifth locks for a minute, every one after it for twice as long, a quarter of an hour at most. */
export function failed({ failures }: Lockout, now: number): Lockout {
  const count = failures + 1;
  if (count < FAILURES_MAX) return { failures: count, until: null };
  return {
    failures: count,
    until: now + Math.min(MOST_MS, FIRST_MS * 2 ** (count - FAILURES_MAX)),
  };
}
