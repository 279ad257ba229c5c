import { join } from "node:path";
import type { ZWaveSimulator } from "#drivers/zwave/simulator";
import type { SimulatedLock } from "#drivers/zwave/simulator-lock";
import { SIMULATED_KEYS } from "#drivers/zwave/simulator-keys";
import { realClock } from "#src/ops/clock";
import { Plugged } from "./plugged.js";

const NODE = 2;

/**
 * A Z-Wave stick with the lock of a flat. Only where the library is installed, which is big: it is loaded once everything
 * else is up, and the stick is plugged in then.
 */
export class Radio {
  /** Where the daemon finds it, once it is there. */
  readonly port: string;
  /** As the daemon calls the lock. */
  readonly unit = `stick/node-${NODE}`;
  readonly keys = JSON.stringify(SIMULATED_KEYS);
  #stick: Promise<Plugged<ZWaveSimulator>> | null = null;

  /** null where the library is not installed. */
  static in(stateDir: string): Radio | null {
    try {
      import.meta.resolve("zwave-js");
      return new Radio(stateDir);
    } catch {
      return null;
    }
  }

  private constructor(stateDir: string) {
    this.port = join(stateDir, "stick.tty");
  }

  /** Waits for nothing. */
  begin(): void {
    this.#stick = this.#load();
    this.#stick.catch(() => undefined);
  }

  async #load(): Promise<Plugged<ZWaveSimulator>> {
    const { ZWaveSimulator: Simulator } = await import("#drivers/zwave/simulator");
    const lock = { nodeId: NODE, kind: "v2", slots: 20, isSecure: true } as const;
    const stick = new Plugged(this.port, await Simulator.create(realClock, [lock]));
    await stick.plugIn();
    return stick;
  }

  /** Rejects when it was not begun, or cannot be. */
  async lock(): Promise<SimulatedLock> {
    const stick = await this.#stick;
    if (stick === null) throw new Error("the simulated stick was not plugged in");
    return stick.simulator.lock(NODE);
  }

  async setConnected(isConnected: boolean): Promise<void> {
    const stick = await this.#stick;
    if (stick === null || stick.isPluggedIn === isConnected) return;
    if (isConnected) await stick.plugIn();
    else await stick.unplug();
  }

  async end(): Promise<void> {
    const stick = await this.#stick?.catch(() => null);
    if (stick === null || stick === undefined) return;
    await stick.unplug();
    stick.simulator.close();
  }
}
