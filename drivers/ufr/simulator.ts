/**
 * The reader's end of the line, written from D-Logic's uFR serial communication protocol (v1.26) and sharing nothing with
 * the driver: bytes in, bytes out, with cards on its antenna.
 */

/** What the reader needs of a card. Frames carry no CRC. */
export interface SimulatedCard {
  readonly uid: Uint8Array;
  readonly sak: number;
  select(wake: boolean): boolean;
  transceive(frame: Uint8Array): Uint8Array | "refused" | "silent";
  halt(): void;
  reset(): void;
}

type Said = { readonly v0?: number; readonly v1?: number; readonly data?: readonly number[] } | number;

const READ_ERROR = 0x03;
const WRITE_ERROR = 0x04;
const NO_CARD = 0x08;
const NOT_SUPPORTED = 0x09;
const TRAILER_FORBIDDEN = 0x0a;
const AUTHENTICATION = 0x0e;
const PARAMETERS = 0x0f;
const NONE_ENUMERATED = 0x7e;
const COMMUNICATION = 0x01;
/** A command whose rest does not come is given up. */
const PATIENCE_MS = 50;

export class UfrSimulator {
  cardWrites = 0;
  /** The last light and sound. */
  signal: readonly [number, number] = [0, 0];
  isAntiCollision = false;
  /** Commands that came with later firmware. */
  readonly unknown = new Set<number>();
  readonly #now: () => number;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  #received: number[] = [];
  #lastAt = 0;
  /** A command that waits for its data. */
  #waiting: readonly number[] | null = null;
  #cards: SimulatedCard[] = [];
  #enumerated: SimulatedCard[] = [];
  #selected: SimulatedCard | null = null;
  #isIsoDep = false;

  constructor(now: () => number) {
    this.#now = now;
  }

  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  putCard(card: SimulatedCard): void {
    card.reset();
    this.#cards.push(card);
  }

  takeCard(): void {
    for (const card of this.#cards) card.reset();
    this.#cards = [];
  }

  receive(bytes: Uint8Array): void {
    if (this.#now() - this.#lastAt > PATIENCE_MS) {
      this.#received = [];
      this.#waiting = null;
    }
    this.#lastAt = this.#now();
    this.#received.push(...bytes);
    while (this.#take());
  }

  #take(): boolean {
    const waiting = this.#waiting;
    if (waiting !== null) {
      const [, code = 0, , length = 0, p0 = 0, p1 = 0] = waiting;
      if (this.#received.length < length) return false;
      const data = this.#received.splice(0, length);
      this.#waiting = null;
      const isRight = data.at(-1) === check(data.slice(0, -1));
      this.#say(code, isRight ? this.#obey(code, p0, p1, data.slice(0, -1)) : COMMUNICATION);
      return true;
    }
    while (this.#received.length > 0 && this.#received[0] !== 0x55) this.#received.shift();
    if (this.#received.length < 7) return false;
    const frame = this.#received.slice(0, 7);
    if (frame[2] !== 0xaa || frame[6] !== check(frame.slice(0, 6))) {
      this.#received.shift();
      return true;
    }
    this.#received.splice(0, 7);
    const [, code = 0, , length = 0, p0 = 0, p1 = 0] = frame;
    if (length === 0) this.#say(code, this.#obey(code, p0, p1, []));
    else {
      this.#waiting = frame;
      this.#send([0xac, code, 0xca, length, p0, p1]);
    }
    return true;
  }

  #say(code: number, said: Said): void {
    if (typeof said === "number") this.#send([0xec, said, 0xce, 0, 0, 0]);
    else {
      const { v0 = 0, v1 = 0, data } = said;
      const rest = data === undefined ? [] : [...data, check(data)];
      this.#send([0xde, code, 0xed, rest.length, v0, v1], rest);
    }
  }

  #send(head: readonly number[], rest: readonly number[] = []): void {
    const bytes = Uint8Array.from([...head, check(head), ...rest]);
    for (const listener of [...this.#listeners]) listener(bytes);
  }

  #obey(code: number, p0: number, p1: number, data: readonly number[]): Said {
    if (this.unknown.has(code)) return NOT_SUPPORTED;
    switch (code) {
      case 0x10:
        return { data: [0x21, 0x00, 0x15, 0xd1] };
      case 0x11:
        return { data: [0x54, 0x7e, 0x1a, 0x5d] };
      case 0x29:
        return { v0: 3, v1: 9 };
      case 0x2a:
        return { v0: 1, v1: 1 };
      case 0x40:
        return { data: [...Buffer.from("UF123456")] };
      case 0x26:
        this.signal = [p0, p1];
        return {};
      case 0x2d:
      case 0x2e:
        this.isAntiCollision = code === 0x2d;
        return {};
      case 0xe5:
        return this.#resetField();
      case 0x37:
        return this.#enumerate();
      case 0x38:
        return this.#list();
      case 0x39:
        return this.#select(data);
      case 0x16:
        return this.#read(p0, data);
      case 0x17:
        return this.#write(p0, data);
      case 0x1a:
        return this.#writeTrailer(p0, data);
      case 0xb0:
        return this.#plain([0x60]);
      case 0x93:
        this.#isIsoDep = this.#selected !== null;
        return this.#isIsoDep ? {} : NO_CARD;
      case 0x94:
        return this.#isIsoDep ? this.#exchange(data) : NOT_SUPPORTED;
      default:
        return NOT_SUPPORTED;
    }
  }

  #resetField(): Said {
    for (const card of this.#cards) card.reset();
    this.#selected = null;
    this.#isIsoDep = false;
    return {};
  }

  #enumerate(): Said {
    if (!this.isAntiCollision) return NOT_SUPPORTED;
    this.#selected?.halt();
    this.#selected = null;
    this.#isIsoDep = false;
    this.#enumerated = this.#cards.filter((card) => card.select(true));
    for (const card of this.#enumerated) card.halt();
    return this.#enumerated.length === 0 ? NONE_ENUMERATED : { v0: this.#enumerated.length };
  }

  #list(): Said {
    if (this.#enumerated.length === 0) return NONE_ENUMERATED;
    return {
      data: this.#enumerated.flatMap(({ uid }) => [
        uid.length,
        ...uid,
        ...Array<number>(10 - uid.length).fill(0),
      ]),
    };
  }

  #select(uid: readonly number[]): Said {
    const card = this.#enumerated.find((it) => [...it.uid].join() === uid.join());
    if (card === undefined || !this.#cards.includes(card)) return NO_CARD;
    this.#selected = card;
    return this.#wake() ? { v0: typeOf(card) } : NO_CARD;
  }

  /** Every command of the reader selects the card anew. */
  #wake(): SimulatedCard | null {
    const card = this.#selected;
    if (card === null || !this.#cards.includes(card)) return null;
    card.halt();
    return card.select(true) ? card : null;
  }

  #ask(card: SimulatedCard, frame: readonly number[]): Uint8Array | null {
    const answer = card.transceive(Uint8Array.from(frame));
    return typeof answer === "string" ? null : answer;
  }

  #plain(frame: readonly number[]): Said {
    const card = this.#wake();
    const answer = card === null ? null : this.#ask(card, frame);
    return answer === null ? (card === null ? NO_CARD : READ_ERROR) : { data: [...answer] };
  }

  #exchange(frame: readonly number[]): Said {
    const card = this.#selected;
    if (card === null || !this.#cards.includes(card)) return NO_CARD;
    const answer = this.#ask(card, frame);
    return answer === null ? READ_ERROR : { data: [...answer] };
  }

  /** Null when the key or password opens the card; else the error. */
  #open(card: SimulatedCard, mode: number, block: number, key: readonly number[]): number | null {
    if (card.sak === 0x00) {
      if (mode === 0x00) return null;
      const pack = this.#ask(card, [0x1b, ...key.slice(0, 4)]);
      return pack !== null && [...pack].join() === key.slice(4).join() ? null : AUTHENTICATION;
    }
    const uid = [...card.uid].slice(-4);
    return this.#ask(card, [mode, block, ...key, ...uid]) === null ? AUTHENTICATION : null;
  }

  #read(mode: number, data: readonly number[]): Said {
    const [block = 0] = data;
    const card = this.#wake();
    if (card === null) return NO_CARD;
    const error = this.#open(card, mode, block, data.slice(4));
    if (error !== null) return error;
    const read = this.#ask(card, [0x30, block]);
    return read === null ? READ_ERROR : { data: [...read.subarray(0, card.sak === 0x00 ? 4 : 16)] };
  }

  #write(mode: number, data: readonly number[]): Said {
    const [block = 0] = data;
    const card = this.#wake();
    if (card === null) return NO_CARD;
    const isTag = card.sak === 0x00;
    if (!isTag && isTrailer(block)) return TRAILER_FORBIDDEN;
    const content = data.slice(isTag ? -4 : -16);
    return this.#put(card, mode, block, data.slice(4, data.length - content.length), [
      isTag ? 0xa2 : 0xa0,
      block,
      ...content,
    ]);
  }

  #put(
    card: SimulatedCard,
    mode: number,
    block: number,
    key: readonly number[],
    frame: readonly number[],
  ): Said {
    const error = this.#open(card, mode, block, key);
    if (error !== null) return error;
    if (this.#ask(card, frame) === null) return WRITE_ERROR;
    this.cardWrites++;
    return {};
  }

  /** Sector, 0, 1, general byte, the key, key A, four access conditions, key B: the reader makes the bits. */
  #writeTrailer(mode: number, data: readonly number[]): Said {
    const [sector = 0, , , general = 0] = data;
    const card = this.#wake();
    if (card === null) return NO_CARD;
    if (data.length !== 26) return PARAMETERS;
    const conditions = data.slice(16, 20);
    const column = (bit: number) =>
      conditions.reduce((sum, condition, n) => sum + (((condition >> bit) & 1) << n), 0);
    const [c1, c2, c3] = [column(2), column(1), column(0)];
    const access = [((15 - c2) << 4) | (15 - c1), (c1 << 4) | (15 - c3), (c3 << 4) | c2];
    const block = sector < 32 ? sector * 4 + 3 : 128 + (sector - 32) * 16 + 15;
    const trailer = [...data.slice(10, 16), ...access, general, ...data.slice(20)];
    return this.#put(card, mode, block, data.slice(4, 10), [0xa0, block, ...trailer]);
  }
}

function isTrailer(block: number): boolean {
  return block < 128 ? block % 4 === 3 : block % 16 === 15;
}

/** The vendor's numbers for kinds of cards. */
function typeOf({ sak, uid }: SimulatedCard): number {
  if (sak === 0x08) return 0x21;
  if (sak === 0x18) return 0x22;
  if (sak === 0x20) return 0x2a;
  return uid.length === 7 ? 0x08 : 0x0c;
}

function check(bytes: readonly number[]): number {
  let sum = 0;
  for (const byte of bytes) sum ^= byte;
  return (sum + 7) % 256;
}
