import { VirtualClock } from "#test/support/virtual-clock";

// A case may put the timers of this process on ice.
const { setTimeout, clearTimeout } = globalThis;

/** The kernel and serialport need far less; so long is a thing on its way that never arrives. */
const ARRIVES_WITHIN_MS = 10_000;

/** What is on its way and has not arrived: bytes in one direction, say, or calls to the operating system. */
export class Lane {
  readonly what: string;
  readonly #changed: () => void;
  #count = 0;

  constructor(what: string, changed: () => void) {
    this.what = what;
    this.#changed = changed;
  }

  get count(): number {
    return this.#count;
  }

  leave(count = 1): void {
    this.#count += count;
  }

  arrive(count = 1): void {
    this.#count = Math.max(0, this.#count - count);
    this.#changed();
  }

  /** Whatever was on its way is lost. */
  clear(): void {
    this.#count = 0;
    this.#changed();
  }

  async during<T>(work: Promise<T>): Promise<T> {
    this.leave();
    try {
      return await work;
    } finally {
      this.arrive();
    }
  }
}

/** Everything that is on its way between a driver and its simulator while both are in this process. */
export class Traffic {
  readonly #lanes: Lane[] = [];
  #waiting: (() => void)[] = [];

  /** `what` is on its way, for a sentence: "bytes to the device". */
  lane(what: string): Lane {
    const lane = new Lane(what, () => this.#tell());
    this.#lanes.push(lane);
    return lane;
  }

  get isStill(): boolean {
    return this.#lanes.every(({ count }) => count === 0);
  }

  /** Resolves once nothing is on its way, however long it takes in real time. */
  async still(): Promise<void> {
    if (this.isStill) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`never arrived: ${this.#under()}`)), ARRIVES_WITHIN_MS);
    });
    try {
      await Promise.race([late, new Promise<void>((resolve) => this.#waiting.push(resolve))]);
    } finally {
      clearTimeout(timer);
    }
  }

  #tell(): void {
    if (!this.isStill) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #under(): string {
    const busy = this.#lanes.filter(({ count }) => count > 0);
    return busy.map(({ what, count }) => `${count} ${what}`).join(", ");
  }
}

/** Virtual time that stands still as long as anything is on its way: real ports, and no real waiting. */
export class TrafficClock extends VirtualClock {
  readonly #traffic: Traffic;

  constructor(traffic: Traffic) {
    super();
    this.#traffic = traffic;
  }

  protected override async settle(): Promise<void> {
    do {
      await this.#traffic.still();
      await super.settle();
    } while (!this.#traffic.isStill);
  }
}
