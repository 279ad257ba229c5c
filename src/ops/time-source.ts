import { execFile } from "node:child_process";
import type { TimeReading, TimeSource } from "#src/engine/time";
import type { Clock } from "#src/lib/deadline";

/** Where the floor is kept across restarts. */
export interface FloorStore {
  read(): number | null;
  write(floor: number): void;
}

const PERSIST_EVERY_MS = 60_000;

/**
 * Wall time with its quality. Only trusted time raises the floor: a clock that is wrong into the future must not
 * poison it. Time never reads below the floor, so what ended before the floor has ended, whatever the clock says.
 */
export class FlooredTime implements TimeSource {
  readonly #clock: Clock;
  readonly #store: FloorStore;
  readonly #isSynchronised: () => boolean;
  #floor: number | null;
  /** Monotonic instant at which the floor was true. */
  #floorAt: number;
  #persisted: number;
  #welcomeUntil = -1;

  constructor(clock: Clock, store: FloorStore, isSynchronised: () => boolean) {
    this.#clock = clock;
    this.#store = store;
    this.#isSynchronised = isSynchronised;
    this.#floor = store.read();
    this.#floorAt = clock.monotonic();
    this.#persisted = this.#floor ?? 0;
  }

  read(): TimeReading {
    const wall = this.#clock.now();
    const elapsed = this.#clock.monotonic() - this.#floorAt;
    const atLeast = this.#floor === null ? null : this.#floor + elapsed;
    if (this.#welcomeUntil > this.#clock.monotonic() && atLeast !== null) {
      return { now: atLeast, quality: "trusted", certain: atLeast };
    }
    if (this.#isSynchronised()) {
      const now = atLeast === null ? wall : Math.max(wall, this.#floor ?? 0);
      this.#raise(now);
      return { now, quality: "trusted", certain: now };
    }
    if (atLeast === null) return { now: wall, quality: "unknown", certain: 0 };
    return { now: Math.max(wall, atLeast), quality: "estimated", certain: atLeast };
  }

  /** The cloud told the time over TLS: good for the next day. */
  learn(now: number): void {
    if (this.#floor !== null && now < this.#floor) return;
    this.#raise(now);
    this.#welcomeUntil = this.#clock.monotonic() + 86_400_000;
  }

  #raise(now: number): void {
    this.#floor = now;
    this.#floorAt = this.#clock.monotonic();
    if (now - this.#persisted < PERSIST_EVERY_MS) return;
    this.#store.write(now);
    this.#persisted = now;
  }
}

/** Asks the system whether its clock is synchronised, now and every ten minutes. Without systemd the answer is no. */
export function watchClockSync(clock: Clock): { isSynchronised(): boolean; stop(): void } {
  const state = { isSynchronised: false, stop: (): void => undefined };
  const ask = (): void => {
    execFile(
      "timedatectl",
      ["show", "--property=NTPSynchronized", "--value"],
      { timeout: 5_000 },
      (error, stdout) => {
        state.isSynchronised = error === null && stdout.trim() === "yes";
      },
    );
    state.stop = clock.startTimer(600_000, ask);
  };
  ask();
  return { isSynchronised: () => state.isSynchronised, stop: () => state.stop() };
}
