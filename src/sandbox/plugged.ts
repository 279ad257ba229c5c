import { attach, type SimulatedDevice } from "./attach.js";
import { openPty, type PtyEnd } from "./pty.js";

/** A simulated device with a pseudo-terminal of its own, plugged in and pulled as often as one likes. */
export class Plugged<Simulator extends SimulatedDevice> {
  readonly simulator: Simulator;
  /** Where the daemon finds it. */
  readonly port: string;
  #pty: PtyEnd | null = null;
  #detach = (): void => undefined;

  constructor(port: string, simulator: Simulator) {
    this.port = port;
    this.simulator = simulator;
  }

  async plugIn(): Promise<void> {
    this.#pty = await openPty(this.port);
    this.#detach = attach(this.#pty, this.simulator);
  }

  async unplug(): Promise<void> {
    this.#detach();
    await this.#pty?.unplug();
    this.#pty = null;
  }

  get isPluggedIn(): boolean {
    return this.#pty !== null;
  }
}
