const FIRST_CEILING_MS = 1_000;
const CEILING_MAX_MS = 5 * 60_000;
const SLOW_FIRST_MS = 5 * 60_000;
const SLOW_MAX_MS = 60 * 60_000;
/** A session must hold this long before the ceiling starts low again; else a cloud that drops everyone makes a storm. */
export const SESSION_HELD_MS = 60_000;

/**
 * How long to rest after the `failures`-th failure in a row (1, 2, …). Full jitter: anything between zero and a
 * doubling ceiling, so that gateways which lost the same cloud do not return together. `chance` lies in [0, 1).
 */
export function restMs(failures: number, chance: number): number {
  return ceilingMs(FIRST_CEILING_MS, CEILING_MAX_MS, failures) * chance;
}

/** The same for refused credentials: they seldom heal by themselves, and asking often looks like an attack. */
export function slowRestMs(refusals: number, chance: number): number {
  return ceilingMs(SLOW_FIRST_MS, SLOW_MAX_MS, refusals) * (1 + chance / 10);
}

function ceilingMs(first: number, max: number, times: number): number {
  return Math.min(first * 2 ** Math.min(times - 1, 20), max);
}
