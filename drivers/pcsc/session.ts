import { type Attempt, type DriverContext, DriverError, type PcscLine, Turns } from "#driver-api";
import { type Clock, sleep } from "#src/lib/deadline";

/**
 * One call at a time to the PC/SC service, each with the effect of its attempt. The service itself keeps answers in order
 * and whole, so there is nothing to fall into step with.
 */
export class Session {
  readonly #line: PcscLine;
  readonly #clock: Clock;
  readonly #turns = new Turns("the reader");
  readonly #stopListening: () => void;
  #closing: Promise<void> | null = null;

  constructor({ line, clock }: DriverContext<"pcsc">) {
    this.#line = line;
    this.#clock = clock;
    this.#stopListening = line.onClose((reason) => this.#turns.end(reason));
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
    this.#stopListening();
    if (await this.#turns.close()) await this.#line.disconnect();
  }

  #inTurn<T>(attempt: Attempt, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.take(attempt, async (signal) => {
      try {
        return await work(signal);
      } catch (error) {
        if (!(error instanceof DriverError)) throw error;
        throw attempt.failure(error.code, "the reader cannot be reached through PC/SC", error);
      }
    });
  }
}
