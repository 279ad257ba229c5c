import { Attempt, type DriverContext, DriverError, type HidLine, Turns } from "#driver-api";
import { type Clock, sleep } from "#src/lib/deadline";
import { toHex } from "#src/lib/hex";
import { askedPage, COMMAND, encodeCommand, type Info, parseInfo } from "./protocol.js";

/** Between telling the reader what is wanted and fetching it. */
const BEFORE_FETCH_MS = 2;
const NEVER_ABORTS = new AbortController().signal;

/**
 * The conversation with the reader: a feature report that says what is wanted, and one that brings it. While it is open
 * the reader types nothing; when it is closed it is as it was found. Nothing is ever burnt into the reader.
 */
export class Session {
  readonly #line: HidLine;
  readonly #clock: Clock;
  readonly #turns = new Turns("the reader");
  readonly #stopListening: () => void;
  #closing: Promise<void> | null = null;
  /** Page 0 as it was found; null as long as it was not changed. */
  #original: Uint8Array | null = null;

  constructor({ line, clock }: DriverContext<"hid">) {
    this.#line = line;
    this.#clock = clock;
    this.#stopListening = line.onClose((reason) => this.#turns.end(reason));
  }

  /** Asks the reader what it is, and has it be asked instead of type. Rejects with `device.wrong` for anything else. */
  async start(signal: AbortSignal): Promise<Info> {
    const info = parseInfo(await this.ask(COMMAND.info, signal));
    if (info === null)
      throw new DriverError("device.wrong", "none", "what answers is no pcProx or WAVE ID reader");
    const page = await this.ask(COMMAND.page0, signal);
    const wanted = askedPage(page);
    await this.#inTurn(signal, async (stop) => {
      this.#original = page;
      await this.#setPage(wanted, stop);
    });
    // A reader that goes on typing would type badge numbers into whatever has the focus.
    if (toHex(await this.ask(COMMAND.page0, signal)) !== toHex(wanted))
      throw new DriverError(
        "device.refused",
        "none",
        "the reader does not take the setting that it must not type",
      );
    return info;
  }

  /** The eight bytes that answer the command. */
  ask(code: number, signal: AbortSignal): Promise<Uint8Array> {
    return this.#inTurn(signal, async (stop) => {
      await this.#line.setFeature(encodeCommand(code), stop);
      await sleep(this.#clock, BEFORE_FETCH_MS, stop);
      return this.#line.getFeature(stop);
    });
  }

  /** Ends what is pending and gives the reader its configuration back. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#stopListening();
    const isLineThere = await this.#turns.close();
    if (!isLineThere || this.#original === null) return;
    await this.#setPage(this.#original, NEVER_ABORTS).catch(() => undefined);
  }

  async #setPage(page: Uint8Array, signal: AbortSignal): Promise<void> {
    for (const report of [encodeCommand(COMMAND.page0), page, encodeCommand(COMMAND.finish)])
      await this.#line.setFeature(report, signal);
  }

  /** Nothing that is asked changes a card, so whatever fails, the effect is none. */
  #inTurn<T>(signal: AbortSignal, work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const attempt = new Attempt(signal);
    return this.#turns.take(attempt, async (stop) => {
      try {
        return await work(stop);
      } catch (error) {
        const code = error instanceof DriverError ? error.code : "device.lost";
        throw attempt.failure(code, "the reader does not answer", error);
      }
    });
  }
}
