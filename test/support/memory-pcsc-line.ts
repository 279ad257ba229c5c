import { DriverError, type PcscLine } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import type { MemoryLine } from "#test/support/memory-line";

const LIMIT_MS = 3_000;
const POWER_OFF = Uint8Array.of(0x00);
const POWER_ON = Uint8Array.of(0x01);
const ASK_ATR = Uint8Array.of(0x04);

/**
 * A PC/SC reader over a line in memory, with the frames that the service exchanges with its own virtual reader: two bytes
 * of length, then an APDU, or one byte that says what to do with the power.
 */
export class MemoryPcscLine implements PcscLine {
  readonly readerName = "ACS ACR122U PICC Interface 00 00";
  readonly #line: MemoryLine;
  readonly #clock: Clock;
  #heard: Uint8Array = new Uint8Array();
  #waiter: ((answer: Uint8Array) => void) | null = null;

  constructor(line: MemoryLine, clock: Clock) {
    this.#line = line;
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#line.isOpen;
  }

  async present(signal: AbortSignal): Promise<boolean> {
    return (await this.#ask([ASK_ATR], signal)).length > 0;
  }

  async connect(signal: AbortSignal): Promise<Uint8Array | null> {
    const atr = await this.#ask([POWER_OFF, POWER_ON, ASK_ATR], signal);
    return atr.length === 0 ? null : atr;
  }

  async transmit(apdu: Uint8Array, signal: AbortSignal): Promise<Uint8Array | null> {
    const answer = await this.#ask([apdu], signal);
    return answer.length === 0 ? null : answer;
  }

  async disconnect(): Promise<void> {
    await this.#line.write(framed(POWER_OFF), new AbortController().signal).catch(() => undefined);
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#line.onClose(listener);
  }

  close(): Promise<void> {
    return this.#line.close();
  }

  async #ask(messages: readonly Uint8Array[], signal: AbortSignal): Promise<Uint8Array> {
    this.#heard = new Uint8Array();
    const stopData = this.#line.onData((chunk) => this.#hear(chunk));
    try {
      await this.#line.write(Uint8Array.from(Buffer.concat(messages.map(framed))), signal);
      return await this.#answer(signal);
    } finally {
      stopData();
    }
  }

  #answer(signal: AbortSignal): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        stopTimer();
        stopClose();
        signal.removeEventListener("abort", onAbort);
        this.#waiter = null;
      };
      const fail = (code: "device.silent" | "device.lost" | "call.cancelled") => {
        settle();
        reject(new DriverError(code, "unknown", "no answer"));
      };
      const onAbort = () => fail("call.cancelled");
      const stopTimer = this.#clock.startTimer(LIMIT_MS, () => fail("device.silent"));
      let stopClose: () => void = () => undefined;
      this.#waiter = (answer) => {
        settle();
        resolve(answer);
      };
      stopClose = this.#line.onClose(() => fail("device.lost"));
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
      this.#takeAnswers();
    });
  }

  #hear(chunk: Uint8Array): void {
    this.#heard = Uint8Array.from(Buffer.concat([this.#heard, chunk]));
    this.#takeAnswers();
  }

  #takeAnswers(): void {
    for (;;) {
      const [high, low] = this.#heard;
      if (high === undefined || low === undefined) return;
      const end = 2 + high * 256 + low;
      if (this.#heard.length < end) return;
      if (this.#waiter === null) return;
      const answer = this.#heard.slice(2, end);
      this.#heard = this.#heard.slice(end);
      this.#waiter(answer);
    }
  }
}

function framed(message: Uint8Array): Uint8Array {
  return Uint8Array.of(message.length >> 8, message.length & 0xff, ...message);
}
