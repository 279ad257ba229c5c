import type { CardRead, CardReader, DriverContext } from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import { toHex } from "#src/lib/hex";
import { cardOf, COMMAND } from "./protocol.js";
import type { Session } from "./session.js";

const LOOK_EVERY_MS = 250;
/** A card shows as long as it is held, and a while longer: away for so long, it is another presentation. */
const GONE_AFTER_MS = 1_000;

/** Looks for cards as long as somebody wants to know: the reader says nothing unasked. */
export class PcproxReader implements CardReader {
  readonly #session: Session;
  readonly #clock: Clock;
  readonly #log: DriverContext<"hid">["log"];
  readonly #listeners = new Set<(card: CardRead) => void>();
  readonly #life = new AbortController();
  #isLooking = false;
  #cancelTimer: () => void = () => undefined;
  #last: { readonly card: string; readonly at: number } | null = null;

  constructor(session: Session, { clock, log }: Pick<DriverContext<"hid">, "clock" | "log">) {
    this.#session = session;
    this.#clock = clock;
    this.#log = log;
  }

  onCard(listener: (card: CardRead) => void): () => void {
    this.#listeners.add(listener);
    // A badge that lies there already is told to whoever asks first.
    if (!this.#isLooking) {
      this.#last = null;
      this.#lookLater();
    }
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#cancelTimer();
      this.#isLooking &&= this.#listeners.size > 0;
    };
  }

  close(): void {
    this.#life.abort();
    this.#listeners.clear();
    this.#cancelTimer();
  }

  #lookLater(): void {
    this.#isLooking = true;
    this.#cancelTimer();
    this.#cancelTimer = this.#clock.startTimer(LOOK_EVERY_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      const card = await this.#read();
      if (card !== null) this.#tell(card);
    } catch (error) {
      // A reader that is gone shows at the next sign of life that is asked of it.
      if (!this.#life.signal.aborted)
        this.#log.debug({ event: "pcprox.not_read", err: error }, "could not look for a card");
    }
    if (this.#isLooking && !this.#life.signal.aborted) this.#lookLater();
  }

  /** The answers have no checksum: only what is said twice counts. */
  async #read(): Promise<CardRead | null> {
    const { signal } = this.#life;
    const look = async (): Promise<readonly [Uint8Array, Uint8Array] | null> => {
      const data = await this.#session.ask(COMMAND.card, signal);
      if (data.every((byte) => byte === 0)) return null;
      return [data, await this.#session.ask(COMMAND.cardBits, signal)];
    };
    const first = await look();
    const second = first && (await look());
    if (first === null || second === null) return null;
    const isSame = first.every((report, index) => toHex(report) === toHex(second[index] ?? new Uint8Array()));
    return isSame ? cardOf(...first) : null;
  }

  #tell(card: CardRead): void {
    const now = this.#clock.monotonic();
    const name = `${card.bitCount}:${toHex(card.bits)}`;
    const isHeld = this.#last?.card === name && now - this.#last.at < GONE_AFTER_MS;
    this.#last = { card: name, at: now };
    if (!isHeld) for (const listener of [...this.#listeners]) listener(card);
  }
}
