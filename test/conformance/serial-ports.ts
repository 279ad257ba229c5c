import type { SerialLine, SerialSettings } from "#driver-api";
import { openSerialLine } from "#src/transports/serial";
import { type Behind, Listening, type OpenPort, portClock, type Ports } from "#test/conformance/ports";
import { PtyEnd } from "#test/support/pty-end";
import { takePty } from "#test/support/ptys";
import type { Lane } from "#test/support/traffic";

const NEVER_ABORTS = new AbortController().signal;

/** A pseudo-terminal, and the port that was opened at its near end. */
interface Cable {
  readonly driverId: string;
  readonly end: PtyEnd;
  readonly port: SerialLine;
}

const idle: Cable[] = [];

/**
 * `src/transports/serial.ts`, the real `serialport` and the kernel's line. A port that comes back open, as it was and with
 * nothing on its way, serves the next bench.
 */
export const serialPorts: Ports = {
  byteStep: 7,
  floodBytes: 1 << 20,
  async open({ id, serial }, behind) {
    if (serial === undefined) throw new Error(`${id} is no driver of a serial line`);
    const known = idle.findIndex(({ driverId }) => driverId === id);
    const [cable] = known < 0 ? [] : idle.splice(known, 1);
    const openings = behind.traffic.lane("openings");
    return new CountedSerial(cable ?? (await openings.during(openCable(id, serial))), behind);
  },
};

async function openCable(driverId: string, settings: SerialSettings): Promise<Cable> {
  const pty = takePty();
  const end = new PtyEnd(pty);
  return { driverId, end, port: await openSerialLine(pty.path, settings, { clock: portClock }) };
}

/** An open port of which it is known what is on its way. */
class CountedSerial implements OpenPort, SerialLine {
  readonly line = this;
  readonly #cable: Cable;
  readonly #behind: Behind;
  readonly #calls: Lane;
  #isAsItWas = true;
  readonly #listening = new Listening();
  readonly #stops: readonly (() => void)[];

  constructor(cable: Cable, behind: Behind) {
    const { port, end } = cable;
    const { line, traffic } = behind;
    end.join(traffic, (bytes) => void line.write(bytes, NEVER_ABORTS).catch(() => undefined));
    const hangingUp = traffic.lane("hanging up");
    this.#cable = cable;
    this.#behind = behind;
    this.#calls = traffic.lane("calls to the port");
    this.#stops = [
      // Before any listener of the driver: what it hears is no longer on its way.
      port.onData((chunk) => end.heard(chunk.length)),
      port.onClose(() => {
        end.drop();
        hangingUp.clear();
      }),
      line.onData((chunk) => end.say(chunk)),
      line.onClose(() => {
        if (port.isOpen) hangingUp.leave();
        void end.hangUp();
      }),
    ];
  }

  get listenerCount(): number {
    return this.#listening.count;
  }

  get isOpen(): boolean {
    return this.#cable.port.isOpen;
  }

  write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    // Otherwise it is refused before a byte has left.
    if (this.isOpen && !signal.aborted) this.#cable.end.wrote(bytes.length);
    return this.#calls.during(this.#cable.port.write(bytes, signal));
  }

  onData(listener: (chunk: Uint8Array) => void): () => void {
    return this.#listening.add(() => this.#cable.port.onData(listener));
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#listening.addEnd(this.#cable.port, listener);
  }

  async setBaudRate(baud: number): Promise<void> {
    this.#isAsItWas = false;
    await this.#calls.during(this.#cable.port.setBaudRate(baud));
    await this.#behind.line.setBaudRate(baud);
  }

  close(): Promise<void> {
    return this.#cable.port.close();
  }

  async release(): Promise<void> {
    for (const stop of this.#stops) stop();
    if (this.isOpen && this.#isAsItWas && this.#behind.traffic.isStill) {
      idle.push(this.#cable);
      return;
    }
    await this.#cable.port.close();
    this.#cable.end.drop();
  }
}
