import { OsdpSimulator, type SimulatedPeripheral } from "#drivers/osdp/simulator";
import { realClock } from "#src/ops/clock";
import { attach } from "./attach.js";
import { openPty, type PtyEnd } from "./pty.js";

/** An RS-485 line on a pseudo-terminal, with one OSDP keypad as it comes from the factory: at the gate. */
export class ReaderLine {
  readonly simulator = new OsdpSimulator(realClock);
  /** The keypad of the gate (`gate`, address 1). */
  readonly gate: SimulatedPeripheral = this.simulator.add({ address: 1 });
  /** Where the daemon finds it. */
  readonly port: string;
  #pty: PtyEnd | null = null;
  #detach = (): void => undefined;

  constructor(port: string) {
    this.port = port;
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
