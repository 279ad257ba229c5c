import type { Driver, HidLine, PcscLine, SerialLine } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import type { MemoryLine } from "#test/support/memory-line";
import type { Traffic } from "#test/support/traffic";

/** What a real port is put in front of. */
export interface Behind {
  /**
   * With its troubles, and the simulated device at its end: what the driver writes is carried on by it, what it tells
   * goes out at the port, and when it is unplugged so is the port.
   */
  readonly line: MemoryLine;
  /** Where the port says what is on its way. */
  readonly traffic: Traffic;
  /** The device's time. */
  readonly clock: Clock;
}

/** Real ports to put drivers on. */
export interface Ports {
  /**
   * Cases that play a conversation anew for each of its bytes take every so many bytes over these ports; in memory they
   * take each. No multiple of eight: another bit turns over every time.
   */
  readonly byteStep: number;
  /** As much garbage as a case sends, twice, where one MiB may be kept of it; left out: two MiB. */
  readonly floodBytes?: number;
  open(driver: Driver, behind: Behind): Promise<OpenPort>;
}

/** From one byte to the next that a case plays a conversation for anew. */
export function byteStep({ ports }: { readonly ports?: Ports }): number {
  return ports?.byteStep ?? 1;
}

export interface OpenPort {
  /** As the driver gets it. */
  readonly line: SerialLine | HidLine | PcscLine;
  /** Listeners that the driver has on it. */
  readonly listenerCount: number;
  /** Closes the port and lets go of what lies behind it. */
  release(): Promise<void>;
}

/** Counts listeners, for lines that do not tell how many they have. */
export class Listening {
  readonly #listeners = new Set<object>();

  get count(): number {
    return this.#listeners.size;
  }

  /** `attach` is told what to call when the listener was told for the last time, and returns what takes it off. */
  add(attach: (over: () => void) => () => void): () => void {
    const listener = {};
    this.#listeners.add(listener);
    const over = () => void this.#listeners.delete(listener);
    const detach = attach(over);
    return () => {
      over();
      detach();
    };
  }

  /** The end of `port`, which is told once. */
  addEnd(port: Pick<OpenPort["line"], "onClose">, listener: (reason: string) => void): () => void {
    return this.add((over) =>
      port.onClose((reason) => {
        over();
        listener(reason);
      }),
    );
  }
}

// A case may put the timers of this process on ice: a port has its own.
const { setTimeout, clearTimeout } = globalThis;

/** The port's own time, which is real. */
export const portClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  startTimer(ms, fire) {
    const timer = setTimeout(fire, ms);
    return () => clearTimeout(timer);
  },
};
