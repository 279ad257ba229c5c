/**
 * The chip's end of the line, written from NXP UM0701-02 and sharing nothing with the driver: bytes in, bytes out,
 * with cards on its antenna and faults as data. It does what libnfc asks of a chip as well as what the driver asks.
 */

/** What the chip needs of a card. Frames carry no CRC. */
export interface SimulatedCard {
  readonly uid: Uint8Array;
  /** SENS_RES, high byte first. */
  readonly atqa: Uint8Array;
  /** SEL_RES. */
  readonly sak: number;
  /** Answer to select of an ISO/IEC 14443-4 card, with its length byte. */
  readonly ats?: Uint8Array;
  /** REQA (or WUPA, if `wake`), anticollision and select: true when the card listens from now on. */
  select(wake: boolean): boolean;
  /** Answer, NAK or nothing. An empty answer is a bare acknowledgement. */
  transceive(frame: Uint8Array): Uint8Array | "refused" | "silent";
  halt(): void;
  /** The field is gone. */
  reset(): void;
}

/** What is wrong with the chip, its line or the hand that holds the card. Commands are counted from 1. */
export interface Pn532Faults {
  /** From here on only so many more bytes leave the chip; null: all. Counts down. */
  cutAfterBytes: number | null;
  /** Hears nothing from this command on. */
  silentFrom: number | null;
  /** Acknowledges these commands, does them, and does not answer. */
  unanswered: readonly number[];
  /** Does these commands, but their answers leave only when the next command comes. */
  answeredLate: readonly number[];
  /** Bits that turn over in sent frames, counted from 1 since the chip was made: `xor` on byte `byte`. */
  garble: readonly { readonly frame: number; readonly byte: number; readonly xor: number }[];
  /** Comes before every frame. */
  noise: Uint8Array;
  /** `frames`: each in one piece; `bytes`: one by one; `glued`: acknowledgement and answer together. */
  chunking: "frames" | "bytes" | "glued";
  /** All cards leave the antenna just before or just after this command is done. */
  cardsLeave: { readonly atCommand: number; readonly when: "before" | "after" } | null;
  /** The radio fails in these commands, with these status codes; the card hears nothing. */
  statusOf: Readonly<Record<number, number>>;
  /** Lists leave halted cards asleep. libfreefare relies on chips that wake them; the manual promises nothing. */
  isDeafToHalted: boolean;
  /** First byte of the firmware version; 32 hex is a PN532. */
  ic: number;
}

type Answer = readonly number[] | "syntax error" | "no answer yet";

const ACK = [0x00, 0x00, 0xff, 0x00, 0xff, 0x00];
const SYNTAX_ERROR = [0x00, 0x00, 0xff, 0x01, 0xff, 0x7f, 0x81, 0x00];
const TX_MODE = 0x6302;
const RX_MODE = 0x6303;
const CRC_ENABLED = 0x80;
const TIME_OUT = 0x01;
const AUTHENTICATION_ERROR = 0x14;
const NO_TARGET = 0x27;
const FOR_EVER = 0xff;
/** Bare 4-bit acknowledgement of a card. */
const CARD_ACK = 0x0a;
/** Opcodes that InDataExchange does not know or takes for something else. */
const NOT_FOR_DATA_EXCHANGE = new Set([0x1a, 0x1b, 0x39, 0x3a, 0x3c]);

export class Pn532Simulator {
  readonly faults: Pn532Faults = {
    cutAfterBytes: null,
    silentFrom: null,
    unanswered: [],
    answeredLate: [],
    garble: [],
    noise: new Uint8Array(),
    chunking: "frames",
    cardsLeave: null,
    statusOf: {},
    isDeafToHalted: false,
    ic: 0x32,
  };
  /** Commands that came since the chip was made, resends too. */
  commands = 0;
  /** Writes that a card took. */
  cardWrites = 0;

  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  #received: number[] = [];
  #power: "asleep" | "low" | "up" = "asleep";
  #cards: SimulatedCard[] = [];
  #isFieldOn = false;
  #passiveActivationRetries = FOR_EVER;
  #registers = new Map<number, number>();
  #targets: SimulatedCard[] = [];
  #active: SimulatedCard | null = null;
  /** A list that waits for a card because the retries are for ever. */
  #waitingList: readonly number[] | null = null;
  #lastAnswer: readonly number[] | null = null;
  #late: number[] = [];
  #framesSent = 0;

  /** Frames that left since the chip was made. */
  get framesSent(): number {
    return this.#framesSent;
  }

  /** What the chip says goes to `listener`. The returned function removes it. */
  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Lays one more card on the antenna. */
  putCard(card: SimulatedCard): void {
    card.reset();
    this.#cards.push(card);
    const list = this.#waitingList;
    if (list === null) return;
    this.#waitingList = null;
    this.#send([this.#frame(0x4b, this.#list(list))]);
  }

  /** Takes all cards away. */
  takeCard(): void {
    for (const card of this.#cards) card.reset();
    this.#cards = [];
  }

  /** Bytes from the host, in any chunking. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#power === "asleep" && byte === 0x55) this.#power = "low";
      if (this.#power !== "asleep") this.#received.push(byte);
    }
    while (this.#takeFrame());
  }

  /** True as long as there may be more in what was received. */
  #takeFrame(): boolean {
    const bytes = this.#received;
    const start = bytes.findIndex((byte, index) => byte === 0x00 && bytes[index + 1] === 0xff);
    if (start < 0) {
      this.#received = bytes.slice(-1);
      return false;
    }
    const [length = -1, check = -1, high = -1, low = -1, extendedCheck = -1] = bytes.slice(
      start + 2,
      start + 7,
    );
    if (check < 0) return false;
    if (length === 0x00 && check === 0xff) return this.#drop(start + 4, () => this.#stop());
    if (length === 0xff && check === 0x00) return this.#drop(start + 4, () => this.#repeat());
    const isExtended = length === 0xff && check === 0xff;
    if (isExtended && extendedCheck < 0) return false;
    const size = isExtended ? high * 256 + low : length;
    const sum = isExtended ? high + low + extendedCheck : length + check;
    if (sum % 256 !== 0 || size < 2 || size > 265) return this.#drop(start + 1);
    const from = start + (isExtended ? 7 : 4);
    if (bytes.length < from + size + 1) return false;
    const payload = bytes.slice(from, from + size);
    const total = payload.reduce((a, b) => a + b, 0) + (bytes[from + size] ?? 0);
    const isCommand = total % 256 === 0 && payload[0] === 0xd4;
    return this.#drop(from + size + 1, () => isCommand && this.#obey(payload[1] ?? 0, payload.slice(2)));
  }

  #drop(count: number, then?: () => void): true {
    this.#received = this.#received.slice(count);
    then?.();
    return true;
  }

  #stop(): void {
    this.#waitingList = null;
  }

  #repeat(): void {
    if (this.#lastAnswer !== null) this.#send([this.#lastAnswer]);
  }

  #obey(code: number, parameters: readonly number[]): void {
    this.commands++;
    const number = this.commands;
    const { silentFrom, unanswered, answeredLate, cardsLeave } = this.faults;
    if (silentFrom !== null && number >= silentFrom) return;
    if (this.#power === "low" && code !== 0x14) return;
    this.#waitingList = null;
    if (cardsLeave?.atCommand === number && cardsLeave.when === "before") this.takeCard();
    const answer = this.#do(code, parameters, this.faults.statusOf[number]);
    if (cardsLeave?.atCommand === number && cardsLeave.when === "after") this.takeCard();

    const late = this.#late;
    this.#late = [];
    const frames = [late, ACK];
    if (answer !== "no answer yet" && !unanswered.includes(number)) {
      this.#lastAnswer = answer === "syntax error" ? SYNTAX_ERROR : this.#frame(code + 1, answer);
      if (answeredLate.includes(number)) this.#late = [...this.#lastAnswer];
      else frames.push([...this.#lastAnswer]);
    }
    this.#send(frames);
    if (code === 0x16) this.#power = "asleep";
  }

  #do(code: number, parameters: readonly number[], failWith: number | undefined): Answer {
    const [first = 0] = parameters;
    switch (code) {
      case 0x00:
        return first === 0x00
          ? parameters
          : first === 0x06
            ? [this.#active === null ? TIME_OUT : 0x00]
            : [0x00];
      case 0x02:
        return [this.faults.ic, 0x01, 0x06, 0x07];
      case 0x04:
        return [0x00, Number(this.#isFieldOn), this.#targets.length, 0x00];
      case 0x06:
        return pairs(parameters, 2).map(([high = 0, low = 0]) => this.#registers.get(high * 256 + low) ?? 0);
      case 0x08:
        for (const [high = 0, low = 0, value = 0] of pairs(parameters, 3))
          this.#registers.set(high * 256 + low, value);
        return [];
      case 0x12:
        return [];
      case 0x14:
        this.#power = "up";
        return [];
      case 0x16:
        this.#setField(false);
        return [0x00];
      case 0x32:
        return this.#configure(parameters);
      case 0x4a:
        return this.#beginList(parameters);
      case 0x40:
        return failWith === undefined ? this.#exchange(first, parameters.slice(1)) : [failWith];
      case 0x42:
        return failWith === undefined ? this.#through(parameters) : [failWith];
      case 0x44:
      case 0x52:
        this.#active?.halt();
        this.#active = null;
        if (code === 0x52) this.#targets = [];
        return [0x00];
      case 0x54:
        return [this.#activate(first) === null ? NO_TARGET : 0x00];
      default:
        return "syntax error";
    }
  }

  #configure([item, ...data]: readonly number[]): Answer {
    if (item === 0x01) this.#setField(((data[0] ?? 0) & 1) === 1);
    if (item === 0x05) this.#passiveActivationRetries = data[2] ?? FOR_EVER;
    return item === undefined ? "syntax error" : [];
  }

  #setField(isOn: boolean): void {
    this.#isFieldOn = isOn;
    if (isOn) return;
    for (const card of this.#cards) card.reset();
    this.#targets = [];
    this.#active = null;
  }

  #beginList(parameters: readonly number[]): Answer {
    const [max, modulation] = parameters;
    if (max === undefined || modulation === undefined || max < 1 || max > 2) return "syntax error";
    this.#isFieldOn = true;
    // libfreefare lists a card anew in the middle of a conversation, so the chip must have ended it.
    if (this.#active !== null && (this.#active.sak & 0x20) !== 0) this.#active.halt();
    this.#targets = [];
    this.#active = null;
    const answer = this.#list(parameters);
    if (answer[0] !== 0 || this.#passiveActivationRetries !== FOR_EVER) return answer;
    this.#waitingList = parameters;
    return "no answer yet";
  }

  /** Cards of type A that answer. To find a second one, the first is halted. */
  #list([max = 1, modulation, ...filter]: readonly number[]): readonly number[] {
    if (modulation !== 0x00) return [0];
    this.#registers.set(TX_MODE, CRC_ENABLED).set(RX_MODE, CRC_ENABLED);
    const wanted = withoutCascadeTags(filter);
    for (const card of this.#cards) {
      if (this.#targets.length === max) break;
      if (wanted.length > 0 && !isSame(wanted, [...card.uid])) continue;
      if (!card.select(!this.faults.isDeafToHalted)) continue;
      this.#active?.halt();
      this.#active = card;
      this.#targets.push(card);
    }
    const records = this.#targets.flatMap((card, index) => [
      index + 1,
      ...card.atqa,
      card.sak,
      card.uid.length,
      ...card.uid,
      ...(card.sak & 0x20 ? (card.ats ?? [0x01]) : []),
    ]);
    return [this.#targets.length, ...records];
  }

  /** Makes target `number` the one that listens; null when there is none. */
  #activate(number: number): SimulatedCard | null {
    const card = this.#targets[number - 1];
    if (card === undefined) return null;
    if (card !== this.#active) {
      this.#active?.halt();
      if (this.#cards.includes(card)) card.select(true);
      this.#active = card;
    }
    return card;
  }

  #exchange(target: number, data: readonly number[]): Answer {
    const card = this.#activate(target & 0x3f);
    if (card === null) return [NO_TARGET];
    const opcode = data[0] ?? 0;
    const isAuthentication = opcode === 0x60 || opcode === 0x61;
    const isIsoDep = (card.sak & 0x20) !== 0;
    if (!isIsoDep && (NOT_FOR_DATA_EXCHANGE.has(opcode) || (isAuthentication && data.length !== 12))) {
      return "syntax error";
    }
    const answer = this.#ask(card, data);
    if (answer === "refused" && isAuthentication) return [AUTHENTICATION_ERROR];
    if (typeof answer === "string") return [TIME_OUT];
    if (opcode === 0xa0 || opcode === 0xa2 || opcode === 0xb0) this.cardWrites++;
    return [0x00, ...answer];
  }

  /** The host adds and checks CRC_A itself when it has switched the chip's own off. */
  #through(data: readonly number[]): Answer {
    if (this.#active === null) return [TIME_OUT];
    const isSentWithCrc = ((this.#registers.get(TX_MODE) ?? 0) & CRC_ENABLED) === 0;
    const isHeardWithCrc = ((this.#registers.get(RX_MODE) ?? 0) & CRC_ENABLED) === 0;
    const frame = isSentWithCrc ? data.slice(0, -2) : data;
    if (isSentWithCrc && !isSame(data.slice(-2), crcA(frame))) return [TIME_OUT];
    const answer = this.#ask(this.#active, frame);
    if (typeof answer === "string") return [TIME_OUT];
    if (answer.length === 0) return [0x00, CARD_ACK];
    return [0x00, ...answer, ...(isHeardWithCrc ? crcA([...answer]) : [])];
  }

  #ask(card: SimulatedCard, frame: readonly number[]): Uint8Array | "refused" | "silent" {
    return this.#cards.includes(card) ? card.transceive(Uint8Array.from(frame)) : "silent";
  }

  #frame(code: number, body: readonly number[]): readonly number[] {
    const payload = [0xd5, code, ...body];
    const size = payload.length;
    const [high, low] = [size >> 8, size & 0xff];
    const header =
      size < 256 ? [size, (256 - size) & 0xff] : [0xff, 0xff, high, low, (512 - high - low) & 0xff];
    const sum = payload.reduce((a, b) => a + b, 0);
    return [0x00, 0x00, 0xff, ...header, ...payload, (256 - (sum % 256)) % 256, 0x00];
  }

  #send(frames: readonly (readonly number[])[]): void {
    const leaving = frames.filter(({ length }) => length > 0).map((frame) => this.#spoil([...frame]));
    const { chunking } = this.faults;
    const chunks =
      chunking === "glued"
        ? [leaving.flat()]
        : chunking === "bytes"
          ? leaving.flat().map((byte) => [byte])
          : leaving;
    for (const chunk of chunks) this.#emit(chunk);
  }

  #spoil(frame: number[]): number[] {
    this.#framesSent++;
    for (const { frame: number, byte, xor } of this.faults.garble) {
      if (number === this.#framesSent) frame[byte] = (frame[byte] ?? 0) ^ xor;
    }
    return [...this.faults.noise, ...frame];
  }

  #emit(chunk: readonly number[]): void {
    const left = this.faults.cutAfterBytes;
    const leaving = Uint8Array.from(left === null ? chunk : chunk.slice(0, left));
    if (left !== null) this.faults.cutAfterBytes = left - leaving.length;
    if (leaving.length > 0) for (const listener of [...this.#listeners]) listener(leaving);
  }
}

function pairs(values: readonly number[], size: number): readonly (readonly number[])[] {
  return Array.from({ length: Math.floor(values.length / size) }, (_, index) =>
    values.slice(index * size, (index + 1) * size),
  );
}

/** Initiator data of a list is the UID with 88 before every part but the last. */
function withoutCascadeTags(filter: readonly number[]): readonly number[] {
  if (filter.length === 8) return filter.slice(1);
  if (filter.length === 12) return [...filter.slice(1, 4), ...filter.slice(5)];
  return filter;
}

/** CRC_A of ISO/IEC 14443-3, low byte first. */
function crcA(bytes: readonly number[]): readonly number[] {
  let crc = 0x6363;
  for (const byte of bytes) {
    let mixed = byte ^ (crc & 0xff);
    mixed = (mixed ^ (mixed << 4)) & 0xff;
    crc = (crc >> 8) ^ (mixed << 8) ^ (mixed << 3) ^ (mixed >> 4);
  }
  return [crc & 0xff, (crc >> 8) & 0xff];
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
