import { execFile } from "node:child_process";
import type { TimeReading, TimeSource } from "#src/engine/time";
import type { Clock } from "#src/lib/deadline";

/** Where the floor is kept across restarts. */
export interface FloorStore {
  read(): number | null;
  write(floor: number | null): void;
}

/** Whether the system vouches for its wall clock. */
export interface ClockSync {
  isSynchronised(): boolean;
  /** The clock has jumped: what was known of it counts no more until the system is asked again. */
  recheck(): void;
}

/** A step of the wall clock that is no correction of an ordinary drift. */
const JUMP_MIN_MS = 60_000;
const PERSIST_EVERY_MS = 60_000;
const WELCOME_HOLDS_MS = 86_400_000;

/**
 * Wall time with its quality. The floor is an instant that has surely passed. Only trusted time raises it, and the
 * monotonic clock carries it on from there: a wall clock that is wrong into the future must not poison it. Time never
 * reads below the floor, so what ended before it has ended, whatever the wall clock says.
 */
export class FlooredTime implements TimeSource {
  readonly #clock: Clock;
  readonly #store: FloorStore;
  readonly #sync: ClockSync;
  #floor: number | null;
  /** Monotonic instant at which the floor was true. */
  #floorAt: number;
  /** The floor comes from trusted time of this run, and so the wall clock has nothing to add to it. */
  #wasTrusted = false;
  #persisted: number | null;
  #welcomeUntil = -1;
  /** A person has said that the wall clock is right, and it has not jumped since. */
  #isConfirmed = false;
  /** Wall minus monotonic time, when the clocks were last looked at. */
  #offset: number;
  #jumpedBy = 0;

  constructor(clock: Clock, store: FloorStore, sync: ClockSync) {
    this.#clock = clock;
    this.#store = store;
    this.#sync = sync;
    this.#floor = store.read();
    this.#floorAt = clock.monotonic();
    this.#persisted = this.#floor;
    this.#offset = clock.now() - clock.monotonic();
  }

  /** Stores nothing and never throws. */
  read(): TimeReading {
    this.#lookForJump();
    const wall = this.#clock.now();
    if (this.#sync.isSynchronised()) {
      const now = Math.max(wall, this.#floor ?? wall);
      this.#raise(now);
      return { now, quality: "trusted", certain: now };
    }
    const certain = this.#carriedFloor();
    if (certain === null)
      return { now: wall, quality: this.#isConfirmed ? "estimated" : "unknown", certain: 0 };
    if (this.#clock.monotonic() < this.#welcomeUntil) return { now: certain, quality: "trusted", certain };
    return { now: this.#wasTrusted ? certain : Math.max(wall, certain), quality: "estimated", certain };
  }

  /** The cloud told the time over TLS: good for the next day. A system that vouches for its own clock knows better. */
  learn(now: number): void {
    if (this.#sync.isSynchronised()) return;
    this.#raise(Math.floor(Math.max(now, this.#carriedFloor() ?? now)));
    this.#welcomeUntil = this.#clock.monotonic() + WELCOME_HOLDS_MS;
  }

  /**
   * A person has compared the wall clock with a watch: until it jumps or the daemon ends, the time is not unknown any
   * more. It raises no floor: people err too.
   */
  confirm(): void {
    this.#isConfirmed = true;
  }

  /**
   * Keeps the floor, at most once a minute. Call it every few seconds. Answers by how many milliseconds the wall clock
   * has jumped against the monotonic one since the last call, or null when it has not.
   */
  tick(): number | null {
    const { certain } = this.read();
    if (certain - (this.#persisted ?? 0) >= PERSIST_EVERY_MS) this.persist();
    const jumpedBy = this.#jumpedBy;
    this.#jumpedBy = 0;
    return jumpedBy === 0 ? null : Math.round(jumpedBy);
  }

  /** Stores what has surely passed by now; call it at the stop. */
  persist(): void {
    this.read();
    const floor = this.#carriedFloor();
    if (floor === null || floor === this.#persisted) return;
    this.#floor = floor;
    this.#floorAt = this.#clock.monotonic();
    this.#store.write(floor);
    this.#persisted = floor;
  }

  /**
   * By how many milliseconds the floor lies in the future of a wall clock that the system vouches for: time stands
   * still until a person resets the floor. 0 when all is well.
   */
  floorAheadMs(): number {
    if (!this.#sync.isSynchronised() || this.#floor === null) return 0;
    return Math.max(0, this.#floor - this.#clock.now());
  }

  /** A person says that the floor is wrong: it is forgotten, and the next trusted time makes a new one. */
  resetFloor(): void {
    this.#store.write(null);
    this.#persisted = null;
    this.#floor = null;
    this.#wasTrusted = false;
    this.#welcomeUntil = -1;
  }

  /** Whole milliseconds, whatever the monotonic clock counts in: a part of one more has not surely passed. */
  #carriedFloor(): number | null {
    return this.#floor === null ? null : Math.floor(this.#floor + (this.#clock.monotonic() - this.#floorAt));
  }

  #raise(now: number): void {
    this.#floor = now;
    this.#floorAt = this.#clock.monotonic();
    this.#wasTrusted = true;
  }

  /** A jump takes the system's word back at once: its answer is minutes old, and the jump may be what makes it untrue. */
  #lookForJump(): void {
    const offset = this.#clock.now() - this.#clock.monotonic();
    const by = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(by) <= JUMP_MIN_MS) return;
    this.#jumpedBy += by;
    this.#isConfirmed = false;
    this.#sync.recheck();
  }
}

const ASK_EVERY_MS = 600_000;
const ASK_LIMIT_MS = 5_000;

/** Asks whether the system's clock is synchronised; the answer comes once, or never when the asking is given up. */
export type AskSync = (answer: (isSynchronised: boolean) => void) => void;

/** systemd's word on it, which holds for chrony and ntpd too. Without systemd the answer is no. */
export const askTimedatectl: AskSync = (answer) => {
  const words = ["show", "--property=NTPSynchronized", "--value"];
  execFile("timedatectl", words, { timeout: ASK_LIMIT_MS }, (error, stdout) =>
    answer(error === null && stdout.trim() === "yes"),
  );
};

/** Asks the system now, every ten minutes, and whenever the clock has jumped. Until it answers, the answer is no. */
export function watchClockSync(
  clock: Clock,
  ask: AskSync = askTimedatectl,
): ClockSync & { readonly stop: () => void } {
  let isSynchronised = false;
  let asked = 0;
  let cancel = (): void => undefined;
  const askNow = (): void => {
    const question = ++asked;
    ask((isYes) => {
      // What was asked before a jump says nothing of the clock after it.
      if (question === asked) isSynchronised = isYes;
    });
    cancel();
    cancel = clock.startTimer(ASK_EVERY_MS, askNow);
  };
  askNow();
  return {
    isSynchronised: () => isSynchronised,
    recheck() {
      isSynchronised = false;
      askNow();
    },
    stop() {
      asked++;
      cancel();
    },
  };
}
