import type { Clock } from "#src/lib/deadline";

/**
 * The reader's end of the line, written from the vendor's protocol reference and sharing nothing with the driver:
 * reports in, reports out, cards on its antenna.
 */

/** What the reader needs of a card. Frames carry no CRC. */
export interface SimulatedCard {
  readonly uid: Uint8Array;
  /** SENS_RES, high byte first. */
  readonly atqa: Uint8Array;
  readonly sak: number;
  /** REQA (or WUPA, if `wake`), anticollision and select: true when the card listens from now on. */
  select(wake: boolean): boolean;
  transceive(frame: Uint8Array): Uint8Array | "refused" | "silent";
  halt(): void;
  /** The field is gone. */
  reset(): void;
}

const REPORT = 64;
/** A command that comes sooner after the one before is lost. */
const BUSY_MS = 90;
const INFO = [...Buffer.from("RRHFOEM04-"), 1, 2, 3, 0x10, 0x20, 0x30];

type Outcome = readonly number[] | "failed";

export class RrhfoemSimulator {
  /** Writes that a card took. */
  cardWrites = 0;
  beeps = 0;
  /** The answer to a block's reading counts one byte too few, as the vendor's text has it. */
  isByText = false;
  readonly #clock: Clock;
  readonly #listeners = new Set<(report: Uint8Array) => void>();
  #cards: SimulatedCard[] = [];
  #active: SimulatedCard | null = null;
  /** Cards that were told to keep quiet until they are woken. */
  readonly #halted = new Set<SimulatedCard>();
  #busyUntil = -1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  onSend(listener: (report: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  putCard(card: SimulatedCard): void {
    card.reset();
    this.#cards.push(card);
  }

  takeCards(): void {
    for (const card of this.#cards) card.reset();
    this.#cards = [];
    this.#active = null;
    this.#halted.clear();
  }

  receive(report: Uint8Array): void {
    if (report.length !== REPORT || this.#clock.monotonic() < this.#busyUntil) return;
    const length = report[0] ?? 0;
    const frame = [...report.subarray(0, length)];
    const check = [...report.subarray(length, length + 2)];
    if (length < 3 || checksum(frame).join() !== check.join()) return;
    this.#busyUntil = this.#clock.monotonic() + BUSY_MS;
    const [, high = 0, low = 0, ...data] = frame;
    this.#answer(high, low, this.#do((high << 8) | low, data));
  }

  #do(code: number, data: readonly number[]): Outcome {
    switch (code) {
      case 0xf000:
        return INFO;
      case 0xf001:
        this.beeps++;
        return [];
      case 0x2f01: {
        const [card] = this.#cards;
        return card === undefined ? "failed" : [card.uid.length, ...card.uid];
      }
      case 0x2f02: {
        const uid = data.slice(1).join();
        const card = this.#cards.find((it) => [...it.uid].join() === uid);
        if (card?.select(true) !== true) return "failed";
        this.#active = card;
        this.#halted.delete(card);
        return [card.sak];
      }
      case 0x2001: {
        const card = this.#cards.find((it) => data[0] === 0x52 || !this.#halted.has(it));
        return card === undefined ? "failed" : [...card.atqa].reverse();
      }
      case 0x2005:
        if (this.#active === null) return "failed";
        this.#active.halt();
        this.#halted.add(this.#active);
        this.#active = null;
        return [];
      case 0x2101: {
        const [uid, block = 0, kind = 0, key] = [data.slice(0, 4), data[4], data[5], data.slice(6)];
        return this.#ask([kind, block, ...key, ...uid]) === null ? "failed" : [];
      }
      case 0x2102:
        return this.#ask([0x30, ...data]) ?? "failed";
      case 0x2103: {
        const [block = 0, ...content] = data;
        if (content.length !== 16 || this.#ask([0xa0, block, ...content]) === null) return "failed";
        this.cardWrites++;
        return [];
      }
      default:
        return "failed";
    }
  }

  /** Null when the card says no or nothing. */
  #ask(frame: readonly number[]): readonly number[] | null {
    if (this.#active === null) return null;
    const answer = this.#active.transceive(Uint8Array.from(frame));
    return typeof answer === "string" ? null : [...answer];
  }

  #answer(high: number, low: number, outcome: Outcome): void {
    const body = outcome === "failed" ? [0xff, 0xff] : [0x00, 0x00, ...outcome];
    const isShort = this.isByText && high === 0x21 && low === 0x02 && outcome !== "failed";
    const frame = [3 + body.length - (isShort ? 1 : 0), high, low, ...body];
    const report = new Uint8Array(REPORT).fill(0xa5);
    report.set([...frame, ...checksum(frame)]);
    for (const listener of [...this.#listeners]) listener(report);
  }
}

/** As the vendor's reference has it in words: the register is shifted left, its low half fed. High byte first. */
function checksum(bytes: readonly number[]): readonly [number, number] {
  const register = bytes.reduce((before, byte) => {
    let value = before ^ byte;
    for (let shifts = 8; shifts > 0; shifts--) {
      const carry = value >= 0x8000;
      value = (value * 2) % 0x10000;
      if (carry) value ^= 0x1021;
    }
    return value;
  }, 0xffff);
  const inverted = 0xffff - register;
  return [inverted >> 8, inverted % 0x100];
}
