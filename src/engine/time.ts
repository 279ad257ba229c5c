/** Wall time with its quality. `certain` is an instant that has surely passed: the time itself when trusted, else the floor. */
export interface TimeReading {
  readonly now: number;
  readonly quality: "trusted" | "estimated" | "unknown";
  readonly certain: number;
}

export interface TimeSource {
  read(): TimeReading;
}
