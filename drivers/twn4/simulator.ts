/**
 * The reader's end of the line, written from Elatec's TWN4 Simple Protocol (DocRev 17) and sharing nothing with the
 * driver: lines in, lines out, with cards on its antenna. It does what the document's examples show.
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

export interface Twn4Setup {
  /** Lines carry a CRC, as the firmware was set up. */
  readonly crc: boolean;
  readonly version: string;
  /** 12 bytes, hex. */
  readonly deviceUid: string;
}

const DELIVERED: Twn4Setup = {
  crc: false,
  version: "TWN4/B1.03/CCF1.57/PRS1.03/PI",
  deviceUid: "002d002f000b47303531353233",
};

const UNKNOWN_FUNCTION = [0x01];
const MISSING_PARAMETER = [0x02];
const UNUSED_PARAMETERS = [0x03];
const PARSER_ERROR = [0x05];
const OK = [0x00];
const DONE = [0x00, 0x01];
const FAILED = [0x00, 0x00];
const LINE_MAX = 1_200;

export class Twn4Simulator {
  /** Writes that a card without a count of its own took. */
  cardWrites = 0;
  /** Lamps that are on, and those that blink. */
  lamps = 0;
  blinking = 0;
  readonly beeps: { readonly hertz: number; readonly ms: number }[] = [];
  readonly #setup: Twn4Setup;
  readonly #now: () => number;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  #line = "";
  #cards: SimulatedCard[] = [];
  #selected: SimulatedCard | null = null;
  #seesIso14443a = true;

  /** `now`: milliseconds since the reader was switched on. */
  constructor(now: () => number, setup: Partial<Twn4Setup> = {}) {
    this.#now = now;
    this.#setup = { ...DELIVERED, ...setup };
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
    for (const char of Buffer.from(bytes).toString("latin1")) {
      if (char !== "\r") this.#line = (this.#line + char).slice(-LINE_MAX);
      else {
        const line = this.#line;
        this.#line = "";
        if (line !== "") this.#hear(line);
      }
    }
  }

  #hear(line: string): void {
    const isHex = /^([0-9A-Fa-f]{2})+$/.test(line);
    const bytes = isHex ? [...Buffer.from(line, "hex")] : [];
    const command = this.#setup.crc ? bytes.slice(0, -2) : bytes;
    const isRight = !this.#setup.crc || checksum(command).join() === bytes.slice(-2).join();
    this.#say(isHex && isRight ? this.#obey(command) : PARSER_ERROR);
  }

  #say(answer: readonly number[]): void {
    const whole = this.#setup.crc ? [...answer, ...checksum(answer)] : answer;
    const line = `${Buffer.from(whole).toString("hex").toUpperCase()}\r`;
    for (const listener of [...this.#listeners]) listener(Buffer.from(line, "latin1"));
  }

  #obey([group = -1, number = -1, ...rest]: readonly number[]): readonly number[] {
    const given = rest.length;
    /** Runs when just so many parameters came. */
    const taking = (wanted: number, run: () => readonly number[]) =>
      given < wanted ? MISSING_PARAMETER : given > wanted ? UNUSED_PARAMETERS : run();
    const [first = 0, ...others] = rest;
    switch ((group << 8) | number) {
      case 0x0003:
        return taking(0, () => [0x00, ...littleEndian(this.#now(), 4)]);
      case 0x0004:
        return taking(1, () => [0x00, ...counted([...Buffer.from(this.#setup.version)])]);
      case 0x0005:
        return taking(0, () => [0x00, 0x01]);
      case 0x0008:
        return taking(0, () => [0x00, ...Buffer.from(this.#setup.deviceUid, "hex")].slice(0, 13));
      case 0x0400:
        return taking(3, () => OK);
      case 0x0402:
      case 0x0403:
        return taking(1, () => this.#light(number === 0x02, first));
      case 0x0405:
        return taking(5, () => {
          this.blinking |= first;
          return OK;
        });
      case 0x0407:
        return taking(7, () => {
          this.beeps.push({ hertz: word(rest, 1), ms: word(rest, 3) });
          return OK;
        });
      case 0x0500:
        return taking(1, () => this.#search());
      case 0x0501:
        return taking(0, () => this.#fieldOff());
      case 0x0502:
        return taking(8, () => {
          this.#seesIso14443a = ((rest[4] ?? 0) & 1) === 1;
          return OK;
        });
      case 0x1208:
        return taking(1, () => this.#searchAll());
      case 0x1209:
        return given !== first + 1 ? MISSING_PARAMETER : this.#select(others);
      case 0x1205:
        return taking(0, () => (this.#selected === null ? FAILED : [...DONE, this.#selected.sak]));
      case 0x1203:
        return given !== first + 2 ? MISSING_PARAMETER : this.#counted(others.slice(0, first));
      case 0x0b00:
        return taking(8, () => this.#login(rest));
      case 0x0b01:
        return taking(1, () => this.#data([0x30, first]));
      case 0x0b02:
        return taking(17, () => this.#write([0xa0, first, ...others]));
      case 0x2000:
        return taking(1, () => this.#data([0x30, first]));
      case 0x2001:
        return taking(5, () => this.#write([0xa2, first, ...others]));
      case 0x2005:
        return taking(0, () => this.#data([0x60]));
      case 0x2006:
        return taking(6, () => this.#password(rest));
      default:
        return UNKNOWN_FUNCTION;
    }
  }

  #light(isOn: boolean, lamps: number): readonly number[] {
    this.lamps = isOn ? this.lamps | lamps : this.lamps & ~lamps;
    this.blinking &= ~lamps;
    return OK;
  }

  #fieldOff(): readonly number[] {
    for (const card of this.#cards) card.reset();
    this.#selected = null;
    return OK;
  }

  /** The first card that answers is the one that later calls mean. */
  #search(): readonly number[] {
    this.#selected?.halt();
    this.#selected = this.#seesIso14443a ? (this.#cards.find((card) => card.select(true)) ?? null) : null;
    if (this.#selected === null) return FAILED;
    const uid = [...this.#selected.uid];
    return [...DONE, 0x80, uid.length * 8, ...counted(uid)];
  }

  #searchAll(): readonly number[] {
    this.#selected?.halt();
    this.#selected = null;
    const found = this.#cards.filter((card) => card.select(true));
    for (const card of found) card.halt();
    if (found.length === 0) return FAILED;
    const ids = found.flatMap(({ uid }) => counted([...uid]));
    return [...DONE, found.length, ids.length, ...ids];
  }

  #select(uid: readonly number[]): readonly number[] {
    this.#selected?.halt();
    const card = this.#cards.find((it) => [...it.uid].join() === uid.join());
    this.#selected = card?.select(true) === true ? card : null;
    return this.#selected === null ? FAILED : DONE;
  }

  #ask(frame: readonly number[]): Uint8Array | null {
    const card = this.#selected;
    if (card === null || !this.#cards.includes(card)) return null;
    const answer = card.transceive(Uint8Array.from(frame));
    return typeof answer === "string" ? null : answer;
  }

  #data(frame: readonly number[]): readonly number[] {
    const answer = this.#ask(frame);
    return answer === null ? FAILED : [...DONE, ...answer];
  }

  #counted(frame: readonly number[]): readonly number[] {
    const answer = this.#ask(frame);
    return answer === null ? FAILED : [...DONE, ...counted([...answer])];
  }

  #write(frame: readonly number[]): readonly number[] {
    if (this.#ask(frame) === null) return FAILED;
    this.cardWrites++;
    return DONE;
  }

  /** Key, its type, and the sector: 32 of four blocks, then some of sixteen. */
  #login(parameters: readonly number[]): readonly number[] {
    const [type = 0, sector = 0] = parameters.slice(6);
    const block = sector < 32 ? sector * 4 : 128 + (sector - 32) * 16;
    const uid = [...(this.#selected?.uid ?? [])].slice(-4);
    const answer = this.#ask([type === 1 ? 0x61 : 0x60, block, ...parameters.slice(0, 6), ...uid]);
    return answer === null ? FAILED : DONE;
  }

  #password(parameters: readonly number[]): readonly number[] {
    const answer = this.#ask([0x1b, ...parameters.slice(0, 4)]);
    return answer !== null && [...answer].join() === parameters.slice(4).join() ? DONE : FAILED;
  }
}

function counted(bytes: readonly number[]): readonly number[] {
  return [bytes.length, ...bytes];
}

function word(bytes: readonly number[], at: number): number {
  return (bytes[at] ?? 0) + (bytes[at + 1] ?? 0) * 256;
}

function littleEndian(value: number, size: number): readonly number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 256 ** i) % 256);
}

/** CRC-16/MCRF4XX, low byte first, a table-free nibble form. */
function checksum(bytes: readonly number[]): readonly number[] {
  let crc = 0xffff;
  for (const byte of bytes) {
    let mixed = (byte ^ crc) & 0xff;
    mixed = (mixed ^ (mixed << 4)) & 0xff;
    crc = ((crc >> 8) ^ (mixed << 8) ^ (mixed << 3) ^ (mixed >> 4)) & 0xffff;
  }
  return [crc & 0xff, crc >> 8];
}
