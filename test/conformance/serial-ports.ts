import type { SerialLine } from "#driver-api";
import { openSerialLine } from "#src/transports/serial";
import { type Behind, Listening, type OpenPort, portClock, type Ports } from "#test/conformance/ports";
import { PtyEnd } from "#test/support/pty-end";
import { type Pty, takePty } from "#test/support/ptys";
import type { Lane } from "#test/support/traffic";

const NEVER_ABORTS = new AbortController().signal;

/** `src/transports/serial.ts`, the real `serialport` and the kernel's line; a new pseudo-terminal for every opening. */
export const serialPorts: Ports = {
  byteStep: 7,
  async open({ id, serial }, behind) {
    if (serial === undefined) throw new Error(`${id} is no driver of a serial line`);
    const pty = takePty();
    const opening = openSerialLine(pty.path, serial, { clock: portClock });
    return new CountedSerial(await behind.traffic.lane("openings").during(opening), pty, behind);
  },
};

/** An open port of which it is known what is on its way. */
class CountedSerial implements OpenPort, SerialLine {
  readonly line = this;
  readonly #port: SerialLine;
  readonly #behind: Behind;
  readonly #end: PtyEnd;
  readonly #calls: Lane;
  readonly #listening = new Listening();
  readonly #stops: readonly (() => void)[];

  constructor(port: SerialLine, pty: Pty, behind: Behind) {
    const { line, traffic } = behind;
    const carryOn = (bytes: Uint8Array) => void line.write(bytes, NEVER_ABORTS).catch(() => undefined);
    const end = new PtyEnd(pty);
    end.join(traffic, carryOn);
    const hangingUp = traffic.lane("hanging up");
    this.#port = port;
    this.#behind = behind;
    this.#end = end;
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
    return this.#port.isOpen;
  }

  write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    // Otherwise it is refused before a byte has left.
    if (this.isOpen && !signal.aborted) this.#end.wrote(bytes.length);
    return this.#calls.during(this.#port.write(bytes, signal));
  }

  onData(listener: (chunk: Uint8Array) => void): () => void {
    return this.#listening.add(() => this.#port.onData(listener));
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#listening.add((over) =>
      this.#port.onClose((reason) => {
        over();
        listener(reason);
      }),
    );
  }

  async setBaudRate(baud: number): Promise<void> {
    await this.#calls.during(this.#port.setBaudRate(baud));
    await this.#behind.line.setBaudRate(baud);
  }

  close(): Promise<void> {
    return this.#port.close();
  }

  async release(): Promise<void> {
    for (const stop of this.#stops) stop();
    await this.#port.close();
    this.#end.drop();
  }
}
