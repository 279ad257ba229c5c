/**
 * A contactless reader as the PC/SC service sees it through its virtual reader (vsmartcard's vpcd): frames of two bytes of
 * length and an APDU, or one byte for the power (0 off, 1 on, 2 reset, 4 the ATR, please). Written from PC/SC part 3 and
 * ACS's manual of the ACR122U, sharing nothing with the driver.
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

const DONE = [0x90, 0x00];
const FAILED = [0x63, 0x00];
const NOT_ALLOWED = [0x69, 0x86];
const WRONG_LENGTH = [0x67, 0x00];
const NO_SUCH = [0x6a, 0x81];
/** By SEL_RES: the names of storage cards in PC/SC part 3. */
const NAMES: Readonly<Record<number, number>> = { 0x08: 1, 0x18: 2, 0x00: 3 };

export class PcscSimulator {
  cardWrites = 0;
  /** The reader takes keys only into this place; null: into any. */
  readonly keyStructure: number | null;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  #received: number[] = [];
  #card: SimulatedCard | null = null;
  #key: readonly number[] | null = null;

  constructor({ keyStructure = null }: { readonly keyStructure?: number | null } = {}) {
    this.keyStructure = keyStructure;
  }

  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A second card beside the first one is not seen. */
  putCard(card: SimulatedCard): void {
    card.reset();
    this.#card ??= card;
  }

  takeCard(): void {
    this.#card?.reset();
    this.#card = null;
  }

  receive(bytes: Uint8Array): void {
    this.#received.push(...bytes);
    for (;;) {
      const [high = 0, low = 0] = this.#received;
      const end = 2 + high * 256 + low;
      if (this.#received.length < 2 || this.#received.length < end) return;
      const message = this.#received.slice(2, end);
      this.#received = this.#received.slice(end);
      this.#obey(message);
    }
  }

  #obey(message: readonly number[]): void {
    if (message.length > 1) this.#say(this.#card === null ? [] : this.#answer(this.#card, message));
    else if (message[0] === 0x04) this.#say(this.#atr());
    else {
      this.#card?.reset();
      if (message[0] !== 0x00) this.#card?.select(true);
    }
  }

  #say(message: readonly number[]): void {
    const bytes = Uint8Array.of(message.length >> 8, message.length & 0xff, ...message);
    for (const listener of [...this.#listeners]) listener(bytes);
  }

  #atr(): readonly number[] {
    if (this.#card === null) return [];
    const name = NAMES[this.#card.sak];
    const body =
      name === undefined
        ? [0x81, 0x80, 0x01, 0x80]
        : [0x8f, 0x80, 0x01, 0x80, 0x4f, 0x0c, 0xa0, 0, 0, 0x03, 0x06, 0x03, 0, name, 0, 0, 0, 0];
    return [0x3b, ...body, body.reduce((sum, byte) => sum ^ byte, 0)];
  }

  #answer(card: SimulatedCard, apdu: readonly number[]): readonly number[] {
    const [commandClass, command = 0, p1 = 0, p2 = 0, length = 0, ...data] = apdu;
    if (commandClass !== 0xff) return this.#ask(card, apdu) ?? [];
    switch (command) {
      case 0xca:
        return [...card.uid, ...DONE];
      case 0x82:
        if (data.length !== 6) return WRONG_LENGTH;
        if (this.keyStructure !== null && p1 !== this.keyStructure) return NOT_ALLOWED;
        this.#key = data;
        return DONE;
      case 0x86:
        return this.#authenticate(card, data[2] ?? 0, data[3] ?? 0);
      case 0xb0:
        return this.#read(card, p2);
      case 0xd6:
        return data.length === length ? this.#write(card, [0xa0, p2, ...data]) : WRONG_LENGTH;
      case 0x00:
        return this.#direct(card, data);
      default:
        return NO_SUCH;
    }
  }

  #ask(card: SimulatedCard, frame: readonly number[]): readonly number[] | null {
    const answer = card.transceive(Uint8Array.from(frame));
    return typeof answer === "string" ? null : [...answer];
  }

  #authenticate(card: SimulatedCard, block: number, type: number): readonly number[] {
    if (this.#key === null) return NOT_ALLOWED;
    const answer = this.#ask(card, [type, block, ...this.#key, ...[...card.uid].slice(-4)]);
    // The reader finds the card again by itself.
    if (answer === null) card.select(true);
    return answer === null ? FAILED : DONE;
  }

  #read(card: SimulatedCard, block: number): readonly number[] {
    const answer = this.#ask(card, [0x30, block]);
    return answer === null ? FAILED : [...answer, ...DONE];
  }

  #write(card: SimulatedCard, frame: readonly number[]): readonly number[] {
    if (this.#ask(card, frame) === null) return FAILED;
    this.cardWrites++;
    return DONE;
  }

  /** To the chip of an ACR122U: InCommunicateThru, answered with a status byte of the chip. */
  #direct(card: SimulatedCard, [group, code, ...frame]: readonly number[]): readonly number[] {
    if (group !== 0xd4 || code !== 0x42) return NO_SUCH;
    const answer = this.#ask(card, frame);
    if (answer === null) return [0xd5, 0x43, 0x01, ...DONE];
    if (frame[0] === 0xa2) this.cardWrites++;
    return [0xd5, 0x43, 0x00, ...answer, ...DONE];
  }
}
