/** Wall time with its quality. `certain` is an instant that has surely passed: the time itself when trusted, else the floor. */
export interface TimeReading {
  readonly now: number;
  readonly quality: "trusted" | "estimated" | "unknown";
  readonly certain: number;
}

export interface TimeSource {
  read(): TimeReading;
}

/**
 * What a new wish's end is compared with. Where something has surely passed, a clock that is wrong refuses nobody;
 * where nothing is known, the wall clock is all there is.
 */
export function wishedAt({ now, certain }: TimeReading): number {
  return certain === 0 ? now : certain;
}
