import { writeSync } from "node:fs";
import { ReadStream } from "node:tty";
import type { Pty } from "#test/support/ptys";
import { Traffic } from "#test/support/traffic";

// A case may put the timers of this process on ice.
const { setTimeout } = globalThis;

/** A terminal takes so many bytes whole, in one go, as long as nothing else waits in it. */
const PIECE_BYTES_MAX = 2_048;
/**
 * After a byte serialport and hidapi take a moment to listen anew. Of a hang-up in just this moment they learn late:
 * `src/transports/serial.ts` says how it notices even so, and its test holds it.
 */
const LISTENS_ANEW_WITHIN_MS = 2;

/**
 * The device's end of a pseudo-terminal, which keeps borders that a terminal has not: what one side gives it in one piece
 * arrives in one piece. What the host wrote is put together again by the length of its writes, and a piece for the host
 * leaves once the one before has arrived. `wrote` and `heard` tell it what the near end sees.
 */
export class PtyEnd {
  readonly #fd: number;
  readonly #stream: ReadStream;
  #lanes = lanesOf(new Traffic());
  #onWrite: (bytes: Uint8Array) => void = () => undefined;
  /** Lengths of the host's writes whose end has not come, and what has come of the first of them. */
  readonly #writes: number[] = [];
  #begun: Uint8Array = new Uint8Array();
  readonly #waiting: Uint8Array[] = [];
  /** Of the piece that left last, bytes that have not arrived. */
  #outstanding = 0;
  #whenArrived: (() => void)[] = [];

  constructor({ fd }: Pty) {
    this.#fd = fd;
    this.#stream = new ReadStream(fd);
    // So a terminal says that its other end was closed.
    this.#stream.on("error", () => this.drop());
    this.#stream.on("data", (bytes: Buffer) => this.#hear(bytes));
  }

  /** From now on it tells `traffic` what is on its way, and `onWrite` what the host wrote. */
  join(traffic: Traffic, onWrite: (bytes: Uint8Array) => void): void {
    this.#lanes = lanesOf(traffic);
    this.#onWrite = onWrite;
  }

  /** The host hands over so many bytes. */
  wrote(count: number): void {
    if (count === 0) return;
    this.#writes.push(count);
    this.#lanes.toDevice.leave(count);
  }

  /** So many bytes have reached the host's program. */
  heard(count: number): void {
    this.#lanes.toHost.arrive(count);
    this.#outstanding -= count;
    if (this.#outstanding === 0) queueMicrotask(() => this.#goOn());
  }

  say(bytes: Uint8Array): void {
    if (this.#stream.destroyed) return;
    this.#lanes.toHost.leave(bytes.length);
    for (let at = 0; at < bytes.length; at += PIECE_BYTES_MAX)
      this.#waiting.push(Uint8Array.from(bytes.subarray(at, at + PIECE_BYTES_MAX)));
    if (this.#outstanding === 0) this.#goOn();
  }

  /** Hangs up, once what was said has arrived. */
  async hangUp(): Promise<void> {
    if (this.#outstanding > 0) await new Promise<void>((resolve) => this.#whenArrived.push(resolve));
    await new Promise((resolve) => setTimeout(resolve, LISTENS_ANEW_WITHIN_MS));
    this.drop();
  }

  /** Hangs up at once; nothing is on its way any more. */
  drop(): void {
    this.#stream.destroy();
    this.#waiting.length = 0;
    this.#outstanding = 0;
    this.#lanes.toDevice.clear();
    this.#lanes.toHost.clear();
    for (const resolve of this.#whenArrived.splice(0)) resolve();
  }

  #goOn(): void {
    const piece = this.#stream.destroyed ? undefined : this.#waiting.shift();
    if (piece === undefined) {
      for (const resolve of this.#whenArrived.splice(0)) resolve();
      return;
    }
    this.#outstanding = piece.length;
    if (writeSync(this.#fd, piece) !== piece.length)
      throw new Error("the terminal did not take a piece whole");
  }

  #hear(bytes: Uint8Array): void {
    this.#begun = Buffer.concat([this.#begun, bytes]);
    for (let [next] = this.#writes; next !== undefined && this.#begun.length >= next; [next] = this.#writes) {
      const whole = Uint8Array.from(this.#begun.subarray(0, next));
      this.#begun = this.#begun.subarray(next);
      this.#writes.shift();
      this.#onWrite(whole);
    }
    this.#lanes.toDevice.arrive(bytes.length);
  }
}

function lanesOf(traffic: Traffic) {
  return { toDevice: traffic.lane("bytes to the device"), toHost: traffic.lane("bytes to the host") };
}
