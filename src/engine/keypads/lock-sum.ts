import type { Call, OnDeviceKeypad } from "#driver-api";
import type { Clock } from "#src/lib/deadline";

/** However often a checksum says that nothing changed: after so long everything is read all the same. */
const TRUSTED_FOR_MS = 7 * 24 * 3_600_000;

/**
 * The checksum that a lock gave out when all its slots were known: while it gives out the same, its daily reading is
 * left out. Remembered for as long as the process lives; a lock that came back is read anew anyway.
 */
export class LockSum {
  readonly #clock: Clock;
  #sum: string | null = null;
  #readAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something changed, or is about to. `isAllRead`: and everything is read now. */
  forget(isAllRead = false): void {
    this.#sum = null;
    if (isAllRead) this.#readAt = this.#clock.monotonic();
  }

  get isKnown(): boolean {
    return this.#sum !== null;
  }

  /** Call it when every slot is known. Rejects with what the lock says. */
  async remember(keypad: OnDeviceKeypad, call: Call): Promise<void> {
    this.#sum = (await keypad.checksum?.(call)) ?? null;
  }

  /** Is everything as it was when it was read last? Rejects with what the lock says. */
  async isSame(keypad: OnDeviceKeypad, call: Call): Promise<boolean> {
    if (this.#sum === null || this.#clock.monotonic() - this.#readAt >= TRUSTED_FOR_MS) return false;
    return (await keypad.checksum?.(call)) === this.#sum;
  }
}
