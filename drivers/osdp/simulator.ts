import type { Clock } from "#src/lib/deadline";
import { checkOf } from "./simulator-check.js";
import { type HeardFrame, SimulatedPeripheral, type SimulatedReader } from "./simulator-peripheral.js";

export { SimulatedPeripheral } from "./simulator-peripheral.js";

/** The bytes of a frame follow each other within so many milliseconds, or it is given up. */
const GAP_MS = 20;

/**
 * The far end of an RS-485 line: every reader hears everything, and whoever is meant answers. Two who answer at once
 * spoil each other's bytes. It is written from the specification's description and shares no code with the driver.
 */
export class OsdpSimulator {
  readonly peripherals: SimulatedPeripheral[] = [];
  /** What the panel's end is set to; a reader at another speed hears nothing that it understands. */
  hostBaud = 9_600;
  /** An adapter that gives back what it was told to send. */
  echoes = false;
  readonly #clock: Clock;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  #received: Buffer = Buffer.alloc(0);
  #lastByteAt = 0;

  constructor(clock: Clock, readers: readonly SimulatedReader[] = []) {
    this.#clock = clock;
    for (const reader of readers) this.add(reader);
  }

  add(reader: SimulatedReader): SimulatedPeripheral {
    const peripheral = new SimulatedPeripheral(this.#clock, reader);
    this.peripherals.push(peripheral);
    return peripheral;
  }

  /** The first reader at this address. */
  at(address: number): SimulatedPeripheral {
    const found = this.peripherals.find((peripheral) => peripheral.address === address);
    if (found === undefined) throw new RangeError(`no reader at address ${address}`);
    return found;
  }

  /** Times that a door was opened. */
  get pulses(): number {
    return this.peripherals.reduce((sum, { pulses }) => sum + pulses.length, 0);
  }

  /** The panel's end of the line changes its speed. */
  setBaudRate(baud: number): void {
    this.hostBaud = baud;
  }

  /** What is said goes to `listener`. The returned function removes it. */
  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  receive(bytes: Uint8Array): void {
    if (this.echoes) this.say(bytes);
    const at = this.#clock.monotonic();
    if (at - this.#lastByteAt > GAP_MS) this.#received = Buffer.alloc(0);
    this.#lastByteAt = at;
    this.#received = Buffer.concat([this.#received, bytes]);
    for (let frame = this.#next(); frame !== null; frame = this.#next()) this.#answer(frame);
  }

  say(bytes: Uint8Array): void {
    for (const listener of [...this.#listeners]) listener(bytes);
  }

  #answer(frame: HeardFrame): void {
    const answers = this.peripherals
      .filter(({ address, baud }) => baud === this.hostBaud && [address, 0x7f].includes(frame.address))
      .flatMap((peripheral) => peripheral.hear(frame) ?? []);
    if (answers.length > 0) this.say(collided(answers));
  }

  /** Takes the first whole command off what was received. */
  #next(): HeardFrame | null {
    for (;;) {
      const start = this.#received.indexOf(0x53);
      this.#received = start < 0 ? Buffer.alloc(0) : this.#received.subarray(start);
      if (this.#received.length < 5) return null;
      const length = this.#received.readUInt16LE(2);
      const isPossible = length >= 7 && length <= 1_440;
      if (isPossible && this.#received.length < length) return null;
      const whole = this.#received.subarray(0, length);
      const usesCrc = ((whole[4] ?? 0) & 4) !== 0;
      const checked = whole.subarray(0, usesCrc ? -2 : -1);
      if (!isPossible || !checkOf(checked, usesCrc).equals(whole.subarray(checked.length))) {
        this.#received = this.#received.subarray(1);
        continue;
      }
      this.#received = this.#received.subarray(length);
      return read(Buffer.from(whole), Buffer.from(checked), usesCrc);
    }
  }
}

function read(bytes: Buffer, checked: Buffer, usesCrc: boolean): HeardFrame {
  const control = checked[4] ?? 0;
  const blockLength = (control & 8) === 0 ? 0 : (checked[5] ?? 0);
  const block =
    blockLength === 0 ? null : { type: checked[6] ?? 0, data: checked.subarray(7, 5 + blockLength) };
  const isMacked = block !== null && block.type >= 0x15 && block.type <= 0x18;
  const covered = isMacked ? checked.subarray(0, -4) : checked;
  return {
    bytes,
    address: checked[1] ?? 0,
    sequence: control & 3,
    usesCrc,
    block,
    code: covered[5 + blockLength] ?? 0,
    data: covered.subarray(6 + blockLength),
    mac: isMacked ? checked.subarray(-4) : null,
    covered,
  };
}

/** On the wire the one that says 0 wins, bit by bit. */
function collided(answers: readonly Buffer[]): Buffer {
  const length = Math.max(...answers.map((answer) => answer.length));
  return Buffer.from(
    Array.from({ length }, (_, index) =>
      answers.reduce((bits, answer) => bits & (answer[index] ?? 0xff), 0xff),
    ),
  );
}
