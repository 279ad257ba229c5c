import { ReferenceSimulator } from "#drivers/reference/simulator";
import { realClock } from "#src/ops/clock";
import { openPty, type PtyEnd } from "./pty.js";

/** The imaginary device of the reference driver, on a pseudo-terminal: locks, a gate's keypad, a vendor's key system. */
export class ReferenceDevice {
  readonly simulator = new ReferenceSimulator(realClock);
  /** Where the daemon finds it. */
  readonly port: string;
  #pty: PtyEnd | null = null;
  #stopWires = (): void => undefined;

  constructor(port: string) {
    this.port = port;
  }

  async plugIn(): Promise<void> {
    const pty = await openPty(this.port);
    const stopIn = pty.onData((bytes) => this.simulator.receive(bytes));
    const stopOut = this.simulator.onSend((bytes) => pty.write(bytes));
    this.#stopWires = () => {
      stopIn();
      stopOut();
    };
    this.#pty = pty;
  }

  async unplug(): Promise<void> {
    this.#stopWires();
    await this.#pty?.unplug();
    this.#pty = null;
  }

  get isPluggedIn(): boolean {
    return this.#pty !== null;
  }
}
