/** How often and when an event is sent again that was not acknowledged. The steps are those of Seam's own deliveries. */
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const STEPS_MS = [5_000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS];
/** Between two tries a receiver gets its breath. */
const LEAST_MS = 1_000;

/** The longest that one try waits for the next. */
export const STEP_MS_MAX = 10 * HOUR_MS;

/** After so many failures an event no longer holds up those behind it. */
export const HOLDING_TRIES = 3;

/**
 * How long to wait after the `failures`-th failure (1, 2, …); null: it is given up. Full jitter: anything up to the
 * step, so that the deliveries of many gateways do not return together. `chance` lies in [0, 1).
 */
export function retryAfterMs(failures: number, chance: number): number | null {
  const step = STEPS_MS[failures - 1];
  return step === undefined ? null : Math.max(LEAST_MS, step * chance);
}
