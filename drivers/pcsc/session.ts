import { type DriverContext, DriverError, type PcscLine } from "#driver-api";
import type { Attempt } from "#src/contactless/attempt";
import { type Clock, sleep } from "#src/lib/deadline";

/**
 * One call at a time to the PC/SC service, each with the effect of its attempt. The service itself keeps answers in order
 * and whole, so there is nothing to fall into step with.
 */
export class Session {
  readonly #line: PcscLine;
  readonly #clock: Clock;
  readonly #life = new AbortController();
  readonly #stopListening: () => void;
  #endedBecause: string | null = null;
  #turn: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor({ line, clock }: DriverContext<"pcsc">) {
    this.#line = line;
    this.#clock = clock;
    this.#stopListening = line.onClose((reason) => this.#end(reason));
  }

  get readerName(): string {
    return this.#line.readerName;
  }

  isCardThere(attempt: Attempt): Promise<boolean> {
    return this.#inTurn(attempt, (signal) => this.#line.present(signal));
  }

  connect(attempt: Attempt): Promise<Uint8Array | null> {
    return this.#inTurn(attempt, (signal) => this.#line.connect(signal));
  }

  disconnect(attempt: Attempt): Promise<void> {
    return this.#inTurn(attempt, () => this.#line.disconnect());
  }

  /** `changesCard`: from the moment it leaves, nobody knows what is on the card. */
  transmit(apdu: Uint8Array, attempt: Attempt, changesCard = false): Promise<Uint8Array | null> {
    return this.#inTurn(attempt, (signal) => {
      if (changesCard) attempt.effect = "unknown";
      return this.#line.transmit(apdu, signal);
    });
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#inTurn(attempt, (signal) => sleep(this.#clock, ms, signal));
  }

  /** Ends what is pending and leaves the card to others. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const isLineGone = this.#endedBecause !== null;
    this.#end("the driver was closed");
    this.#stopListening();
    await this.#turn;
    if (!isLineGone) await this.#line.disconnect();
  }

  #inTurn<T>(attempt: Attempt, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const mine = this.#turn.then(() => this.#untilStopped(attempt, work));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #untilStopped<T>(attempt: Attempt, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const scope = new AbortController();
    const stop = () => scope.abort();
    const causes = [attempt.signal, this.#life.signal];
    for (const cause of causes) cause.addEventListener("abort", stop, { once: true });
    try {
      this.#assertGoing(attempt);
      return await work(scope.signal);
    } catch (error) {
      this.#assertGoing(attempt, error);
      if (!(error instanceof DriverError)) throw error;
      throw attempt.failure(error.code, "the reader cannot be reached through PC/SC", error);
    } finally {
      for (const cause of causes) cause.removeEventListener("abort", stop);
    }
  }

  #assertGoing(attempt: Attempt, cause?: unknown): void {
    if (this.#endedBecause !== null)
      throw attempt.failure("device.lost", `the reader is gone: ${this.#endedBecause}`, cause);
    if (attempt.signal.aborted) throw attempt.failure("call.cancelled", "the call was cancelled", cause);
  }

  #end(reason: string): void {
    if (this.#endedBecause !== null) return;
    this.#endedBecause = reason;
    this.#life.abort();
  }
}
