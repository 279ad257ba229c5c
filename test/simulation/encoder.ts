import {
  type Call,
  type CardSeen,
  type CardWriter,
  DriverError,
  type Effect,
  type Unit,
  type WritePlan,
} from "#driver-api";
import type { DevicesPort, DeviceStatus } from "#src/engine/devices-port";
import { type Clock, sleep } from "#src/lib/deadline";
import type { PhysicalCard } from "./deck.js";

const NOTHING = ["none", "none"] as const;

export const UNIT = "bench/main";

/** What goes wrong at the encoder, at one of the next times that the daemon touches it. */
export interface EncoderFault {
  readonly what: "tear" | "swap" | "unplug" | "silence" | "crash_before" | "crash_after";
  /** So many touches (a look for a card, a read, one write command) go well before. */
  countdown: number;
}

/** The encoder on the desk, whoever runs the daemon: what lies on it, whether it is plugged in. */
export class Bench {
  card: PhysicalCard | null = null;
  isPlugged = true;
  fault: EncoderFault | null = null;
  /** The card that lies ready for a swap. */
  spare: PhysicalCard | null = null;
  readonly #listeners = new Set<() => void>();

  put(card: PhysicalCard | null): void {
    this.card = card;
    this.#changed();
  }

  plug(isPlugged: boolean): void {
    this.isPlugged = isPlugged;
    this.#changed();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whoever listened died. */
  deafen(): void {
    this.#listeners.clear();
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) listener();
  }
}

export interface Witness {
  /** The process dies here. */
  readonly crash: () => void;
  /** A write command is about to reach the card. */
  readonly beforeWrite: (card: PhysicalCard) => void;
  /** The last command of a plan reached the card. */
  readonly planDone: (card: PhysicalCard) => void;
}

/**
 * The encoder as one run of the daemon sees it. It stands where supervisor and driver stand in production: those are
 * tested against wires, ports and power elsewhere, and cost more than everything else that a history does. It keeps
 * their contract: one job at a time, effect `none` only while no write command was sent, the signal looked at before
 * every command, a device that is away rejects with `device.lost`.
 */
export class Encoder implements DevicesPort {
  readonly #bench: Bench;
  readonly #clock: Clock;
  readonly #witness: Witness;
  readonly #unit: Unit;
  #wire: Promise<unknown> = Promise.resolve();

  constructor(bench: Bench, clock: Clock, witness: Witness) {
    this.#bench = bench;
    this.#clock = clock;
    this.#witness = witness;
    const writer: CardWriter = {
      technologies: ["mifare_classic_1k"],
      present: (call) => this.#present(call),
      read: (seen, plan, { signal }) => this.#command(seen, signal, NOTHING, (card) => card.read(plan)),
      write: (seen, plan, call) => this.#write(seen, plan, call),
      release: () => Promise.resolve(),
    };
    this.#unit = { key: "main", cardWriter: writer };
  }

  status(): readonly DeviceStatus[] {
    return [this.#status()];
  }

  isOnline(unit: string): boolean {
    return unit === UNIT && this.#bench.isPlugged;
  }

  takesWork(unit: string): boolean {
    return this.isOnline(unit);
  }

  capabilities(unit: string): Unit | undefined {
    return this.isOnline(unit) ? this.#unit : undefined;
  }

  use<T>(unit: string, signal: AbortSignal, work: (unit: Unit) => Promise<T>): Promise<T> {
    const turn = this.#wire.then(async () => {
      signal.throwIfAborted();
      if (!this.isOnline(unit)) throw new DriverError("device.lost", "none", "the encoder is not there");
      return work(this.#unit);
    });
    this.#wire = turn.catch(() => undefined);
    return turn;
  }

  onChange(listener: (status: DeviceStatus) => void): () => void {
    return this.#bench.onChange(() => listener(this.#status()));
  }

  #status(): DeviceStatus {
    const { isPlugged } = this.#bench;
    return {
      key: "bench",
      driver: "simulated",
      port: null,
      state: isPlugged ? "ready" : "absent",
      identity: isPlugged ? { model: "bench", firmware: "1" } : null,
      units: isPlugged ? [{ key: "main", capabilities: ["cardWriter"] }] : [],
      troubles: [],
      since: 0,
      problem: isPlugged ? null : { code: "port.missing", message: "unplugged" },
      nextTryMs: null,
    };
  }

  async #present({ signal }: Call): Promise<CardSeen> {
    for (;;) {
      const card = this.#bench.card;
      if (!this.#bench.isPlugged) throw lost("none");
      if (card !== null) return this.#command(card.seen, signal, NOTHING, ({ seen }) => seen);
      await this.#change(signal);
    }
  }

  async #write(seen: CardSeen, plan: WritePlan, { signal }: Call): Promise<void> {
    if (plan.container !== "classic") throw new DriverError("card.unwritable", "none", "not a Classic card");
    for (const [n, step] of plan.steps.entries()) {
      const effect = n === 0 ? "none" : "unknown";
      const isTaken = await this.#command(seen, signal, [effect, "unknown"], (card) => {
        this.#witness.beforeWrite(card);
        const isTaken = card.write(step);
        if (n === plan.steps.length - 1) this.#witness.planDone(card);
        return isTaken;
      });
      if (!isTaken) throw new DriverError("card.unwritable", effect, "the card refused");
    }
  }

  /** One exchange with the card, and what it did to the card when it was not sent, and when it was. */
  async #command<T>(
    seen: CardSeen,
    signal: AbortSignal,
    [before, after]: readonly [Effect, Effect],
    perform: (card: PhysicalCard) => T,
  ): Promise<T> {
    await sleep(this.#clock, 3, new AbortController().signal);
    if (signal.aborted) throw new DriverError("call.cancelled", before, "told to stop");
    const fault = this.#strike();
    const bench = this.#bench;
    if (fault === "crash_before") return this.#die();
    if (fault === "tear") bench.put(null);
    if (fault === "swap") bench.put(bench.spare);
    if (fault === "unplug") bench.plug(false);
    if (!bench.isPlugged) throw lost(before);
    if (bench.card === null) throw new DriverError("card.absent", before, "the card is gone");
    if (bench.card.seen.uid !== seen.uid) throw new DriverError("card.swapped", before, "another card");
    const answer = perform(bench.card);
    if (fault === "crash_after") return this.#die();
    if (fault === "silence") throw new DriverError("device.silent", after, "no answer");
    return answer;
  }

  #strike(): EncoderFault["what"] | null {
    const { fault } = this.#bench;
    if (fault === null) return null;
    if (fault.countdown > 0) {
      fault.countdown -= 1;
      return null;
    }
    this.#bench.fault = null;
    return fault.what;
  }

  /** Nothing of a dead process goes on. */
  #die(): Promise<never> {
    this.#witness.crash();
    return new Promise(() => undefined);
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = this.#bench.onChange(() => {
        end();
        resolve();
      });
      const aborted = (): void => {
        end();
        reject(new DriverError("call.cancelled", "none", "told to stop"));
      };
      const end = (): void => {
        stop();
        signal.removeEventListener("abort", aborted);
      };
      if (signal.aborted) aborted();
      else signal.addEventListener("abort", aborted, { once: true });
    });
  }
}

function lost(effect: Effect): DriverError {
  return new DriverError("device.lost", effect, "the encoder is unplugged");
}
