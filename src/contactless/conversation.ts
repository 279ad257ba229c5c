import { type Attempt, type SerialLine, Turns } from "#driver-api";
import { type Clock, sleep } from "#src/lib/deadline";

/** Longer than any answer of the devices that speak so; older bytes are dropped. */
const HEARD_MAX = 2_048;
/** Enough to know most protocols by, too few for a card number or a PIN of whatever is there. */
const TELLING_BYTES = 2;
const NEVER_ABORTS = new AbortController().signal;

/** What is needed of a line: a serial one is such, and a HID one whose reports are taken for bytes. */
export type ByteLine = Pick<SerialLine, "write" | "onData" | "onClose">;

/**
 * A line to a device that answers each command once and says nothing unasked: whose turn it is, what was heard
 * since the last command, and how everything ends. What counts as an answer is the brand's.
 */
export class Conversation {
  readonly #line: ByteLine;
  readonly #clock: Clock;
  readonly #stopListening: readonly (() => void)[];
  readonly #turns = new Turns("the device");
  #closing: Promise<void> | null = null;
  #heard: Uint8Array = new Uint8Array();
  #firstHeard: Uint8Array = new Uint8Array();
  #onHeard: () => void = () => undefined;

  constructor({ line, clock }: { readonly line: ByteLine; readonly clock: Clock }) {
    this.#line = line;
    this.#clock = clock;
    this.#stopListening = [
      line.onData((chunk) => this.#hear(chunk)),
      line.onClose((reason) => this.#turns.end(reason)),
    ];
  }

  /** The first bytes that ever came, in hex; empty when none did. */
  get firstHeard(): string {
    return Buffer.from(this.#firstHeard).toString("hex");
  }

  /** Did anything come since the last command? */
  get hasHeard(): boolean {
    return this.#heard.length > 0;
  }

  /** Waits for its turn, then works until done, cancelled or closed. */
  inTurn<T>(attempt: Attempt, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.take(attempt, work);
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.inTurn(attempt, (signal) => this.rest(ms, signal));
  }

  /** A pause within a turn. */
  rest(ms: number, signal: AbortSignal): Promise<void> {
    return sleep(this.#clock, ms, signal);
  }

  now(): number {
    return this.#clock.monotonic();
  }

  /** Forgets what was heard before. */
  async send(bytes: Uint8Array, attempt: Attempt, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#heard = new Uint8Array();
    try {
      await this.#line.write(bytes, signal);
    } catch (cause) {
      throw attempt.failure("device.lost", "the line takes no more bytes", cause);
    }
  }

  /**
   * What `take` makes of all that was heard since the last command, looked at whenever more comes; null when it finds
   * nothing in time.
   */
  receive<T>(ms: number, signal: AbortSignal, take: (heard: Uint8Array) => T | null): Promise<T | null> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        cancelTimer();
        signal.removeEventListener("abort", onAbort);
        this.#onHeard = () => undefined;
      };
      const onAbort = () => {
        settle();
        reject(signal.reason as Error);
      };
      const finish = (taken: T | null) => {
        settle();
        resolve(taken);
      };
      const look = () => {
        const taken = take(this.#heard);
        if (taken !== null) finish(taken);
      };
      const cancelTimer = this.#clock.startTimer(ms, () => finish(null));
      this.#onHeard = look;
      if (signal.aborted) onAbort();
      else {
        signal.addEventListener("abort", onAbort, { once: true });
        look();
      }
    });
  }

  /** Ends what is pending and listens no more; says `goodbye` without waiting for an answer. Idempotent. */
  close(goodbye: Uint8Array): Promise<void> {
    return (this.#closing ??= this.#close(goodbye));
  }

  async #close(goodbye: Uint8Array): Promise<void> {
    this.#stopListening.forEach((stop) => stop());
    if (await this.#turns.close()) await this.#line.write(goodbye, NEVER_ABORTS).catch(() => undefined);
  }

  #hear(chunk: Uint8Array): void {
    this.#heard = Uint8Array.from(Buffer.concat([this.#heard, chunk])).slice(-HEARD_MAX);
    if (this.#firstHeard.length < TELLING_BYTES) this.#firstHeard = this.#heard.slice(0, TELLING_BYTES);
    this.#onHeard();
  }
}
