/**
 * A MIFARE Classic card as it lies on an antenna: memory, keys, access conditions and the states of ISO/IEC 14443-3.
 * Rules from NXP MF1S50YYX_V1 and MF1S70YYX_V1. Crypto-1 itself is left out: a reader chip does it, and what arrives
 * here is what the reader was asked for (`60|61 block key(6) uid(4)`, then plain commands).
 */

export type ClassicSize = "1k" | "4k";

const BLOCK = 16;
const TRANSPORT_TRAILER = Uint8Array.from([
  0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x07, 0x80, 0x69, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
]);
const OK = new Uint8Array();

/** Who may do what with a data block, by C1 C2 C3. */
const DATA_RULES: Record<number, { read: string; write: string; increment: string; decrement: string }> = {
  0b000: { read: "AB", write: "AB", increment: "AB", decrement: "AB" },
  0b010: { read: "AB", write: "", increment: "", decrement: "" },
  0b100: { read: "AB", write: "B", increment: "", decrement: "" },
  0b110: { read: "AB", write: "B", increment: "B", decrement: "AB" },
  0b001: { read: "AB", write: "", increment: "", decrement: "AB" },
  0b011: { read: "B", write: "B", increment: "", decrement: "" },
  0b101: { read: "B", write: "", increment: "", decrement: "" },
  0b111: { read: "", write: "", increment: "", decrement: "" },
};

/** The same for a trailer. Key A is never read. */
const TRAILER_RULES: Record<
  number,
  { writeA: string; readAccess: string; writeAccess: string; readB: string; writeB: string }
> = {
  0b000: { writeA: "A", readAccess: "A", writeAccess: "", readB: "A", writeB: "A" },
  0b010: { writeA: "", readAccess: "A", writeAccess: "", readB: "A", writeB: "" },
  0b100: { writeA: "B", readAccess: "AB", writeAccess: "", readB: "", writeB: "B" },
  0b110: { writeA: "", readAccess: "AB", writeAccess: "", readB: "", writeB: "" },
  0b001: { writeA: "A", readAccess: "A", writeAccess: "A", readB: "A", writeB: "A" },
  0b011: { writeA: "B", readAccess: "AB", writeAccess: "B", readB: "", writeB: "B" },
  0b101: { writeA: "", readAccess: "AB", writeAccess: "B", readB: "", writeB: "" },
  0b111: { writeA: "", readAccess: "AB", writeAccess: "", readB: "", writeB: "" },
};

interface Session {
  readonly sector: number;
  readonly slot: "A" | "B";
}

export class MifareClassicCard {
  readonly uid: Uint8Array;
  /** High byte first. */
  readonly atqa: Uint8Array;
  readonly sak: number;
  /** The whole memory, keys in the clear. Tests look and write here. */
  readonly memory: Uint8Array;
  #state: "idle" | "active" | "halted" = "idle";
  #session: Session | null = null;
  /** The transfer buffer of the value commands. */
  #value: number | null = null;

  constructor({ uid, size = "1k" }: { readonly uid: Uint8Array; readonly size?: ClassicSize }) {
    if (uid.length !== 4 && uid.length !== 7) throw new RangeError("a MIFARE Classic UID has 4 or 7 bytes");
    this.uid = uid;
    this.sak = size === "1k" ? 0x08 : 0x18;
    this.atqa = Uint8Array.of(0x00, (size === "1k" ? 0x04 : 0x02) | (uid.length === 7 ? 0x40 : 0x00));
    this.memory = new Uint8Array(size === "1k" ? 1_024 : 4_096);
    for (let block = 0; block < this.memory.length / BLOCK; block++) {
      if (isTrailer(block)) this.memory.set(TRANSPORT_TRAILER, block * BLOCK);
    }
    this.memory.set(makerBlock(uid, this.sak, this.atqa), 0);
  }

  select(wake: boolean): boolean {
    if (this.#state === "halted" && !wake) return false;
    this.#state = "active";
    this.#session = null;
    this.#value = null;
    return true;
  }

  halt(): void {
    this.#leave("halted");
  }

  /** The field is gone. */
  reset(): void {
    this.#leave("idle");
  }

  transceive(frame: Uint8Array): Uint8Array | "refused" | "silent" {
    if (this.#state !== "active") return "silent";
    const answer = this.#answer(frame);
    // Any refusal ends the card's session: it hears nothing more until it is selected again.
    if (answer === "refused") this.#leave("idle");
    return answer;
  }

  #leave(state: "idle" | "halted"): void {
    this.#state = state;
    this.#session = null;
    this.#value = null;
  }

  #answer(frame: Uint8Array): Uint8Array | "refused" | "silent" {
    const [command, block] = frame;
    if (command === 0x50 && block === 0x00) {
      this.halt();
      return "silent";
    }
    if (block === undefined || (block + 1) * BLOCK > this.memory.length) return "refused";
    if ((command === 0x60 || command === 0x61) && frame.length === 12) {
      return this.#authenticate(command === 0x60 ? "A" : "B", block, frame.subarray(2, 8), frame.subarray(8));
    }
    if (this.#session?.sector !== sectorOf(block)) return "refused";
    if (command === 0x30 && frame.length === 2) return this.#read(block, this.#session);
    if (command === 0xa0 && frame.length === 18) return this.#write(block, frame.subarray(2), this.#session);
    if ((command === 0xc0 || command === 0xc1 || command === 0xc2) && frame.length === 6) {
      return this.#load(command, block, littleEndian(frame.subarray(2)), this.#session);
    }
    if (command === 0xb0 && frame.length === 2) return this.#transfer(block, this.#session);
    return "refused";
  }

  #authenticate(slot: "A" | "B", block: number, key: Uint8Array, uid: Uint8Array): Uint8Array | "refused" {
    const sector = sectorOf(block);
    const trailer = this.#block(trailerOf(sector));
    const stored = slot === "A" ? trailer.subarray(0, 6) : trailer.subarray(10);
    if (!same(key, stored) || !same(uid, this.uid.subarray(-4))) return "refused";
    this.#session = { sector, slot };
    return OK;
  }

  #read(block: number, session: Session): Uint8Array | "refused" {
    const access = this.#access(block, session);
    if (access === null) return "refused";
    const bytes = this.#block(block).slice();
    if (!isTrailer(block)) return allows(DATA_RULES[access]?.read, session) ? bytes : "refused";
    const rule = TRAILER_RULES[access];
    bytes.fill(0, 0, 6);
    if (!allows(rule?.readAccess, session)) bytes.fill(0, 6, 10);
    if (!allows(rule?.readB, session)) bytes.fill(0, 10);
    return bytes;
  }

  #write(block: number, data: Uint8Array, session: Session): Uint8Array | "refused" {
    const access = this.#access(block, session);
    if (access === null || block === 0) return "refused";
    const stored = this.#block(block);
    if (!isTrailer(block)) {
      if (!allows(DATA_RULES[access]?.write, session)) return "refused";
      stored.set(data);
      return OK;
    }
    const rule = TRAILER_RULES[access];
    const parts: readonly (readonly [boolean, number, number])[] = [
      [allows(rule?.writeA, session), 0, 6],
      [allows(rule?.writeAccess, session), 6, 10],
      [allows(rule?.writeB, session), 10, 16],
    ];
    if (!parts.some(([isAllowed]) => isAllowed)) return "refused";
    for (const [isAllowed, from, to] of parts) if (isAllowed) stored.set(data.subarray(from, to), from);
    return OK;
  }

  #load(command: number, block: number, operand: number, session: Session): Uint8Array | "refused" {
    const access = this.#access(block, session);
    const value = readValue(this.#block(block));
    if (access === null || isTrailer(block) || value === null) return "refused";
    const rule = DATA_RULES[access];
    if (!allows(command === 0xc1 ? rule?.increment : rule?.decrement, session)) return "refused";
    this.#value = (command === 0xc1 ? value + operand : command === 0xc0 ? value - operand : value) | 0;
    return OK;
  }

  #transfer(block: number, session: Session): Uint8Array | "refused" {
    const access = this.#access(block, session);
    if (access === null || isTrailer(block) || block === 0 || this.#value === null) return "refused";
    if (!allows(DATA_RULES[access]?.decrement, session)) return "refused";
    this.#block(block).set(valueBlock(this.#value, this.#block(block)[12] ?? 0));
    return OK;
  }

  /**
   * C1 C2 C3 of the block; null when nothing may be done: the inverted copies do not match (the sector is dead for
   * ever), or the session was opened with a key B that can be read and so is no key.
   */
  #access(block: number, session: Session): number | null {
    const trailer = this.#block(trailerOf(session.sector));
    const [b6 = 0, b7 = 0, b8 = 0] = trailer.subarray(6, 9);
    const [c1, c2, c3] = [b7 >> 4, b8 & 0x0f, b8 >> 4];
    if ((b6 & 0x0f) !== (~c1 & 0x0f) || b6 >> 4 !== (~c2 & 0x0f) || (b7 & 0x0f) !== (~c3 & 0x0f)) return null;
    const at = (index: number) =>
      (((c1 >> index) & 1) << 2) | (((c2 >> index) & 1) << 1) | ((c3 >> index) & 1);
    if (session.slot === "B" && TRAILER_RULES[at(3)]?.readB !== "") return null;
    return at(groupOf(block));
  }

  #block(block: number): Uint8Array {
    return this.memory.subarray(block * BLOCK, (block + 1) * BLOCK);
  }
}

/** 32 sectors of 4 blocks, then (4K only) 8 of 16. */
function sectorOf(block: number): number {
  return block < 128 ? block >> 2 : 32 + ((block - 128) >> 4);
}

function trailerOf(sector: number): number {
  return sector < 32 ? sector * 4 + 3 : 128 + (sector - 32) * 16 + 15;
}

function isTrailer(block: number): boolean {
  return trailerOf(sectorOf(block)) === block;
}

/** Which of the four access conditions rules the block; in large sectors five blocks share one. */
function groupOf(block: number): number {
  return block < 128 ? block & 3 : Math.floor(((block - 128) & 15) / 5);
}

function allows(slots: string | undefined, session: Session): boolean {
  return slots?.includes(session.slot) ?? false;
}

function makerBlock(uid: Uint8Array, sak: number, atqa: Uint8Array): Uint8Array {
  const checked = uid.length === 4 ? [...uid, uid.reduce((sum, byte) => sum ^ byte, 0)] : [...uid];
  const block = new Uint8Array(BLOCK);
  block.set([...checked, sak, atqa[1] ?? 0, atqa[0] ?? 0]);
  return block;
}

function littleEndian(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
}

/** A value block is v, ~v, v, then address, ~address, address, ~address. */
function readValue(block: Uint8Array): number | null {
  const value = littleEndian(block);
  const isWhole = littleEndian(block.subarray(4)) === ~value && littleEndian(block.subarray(8)) === value;
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = block.subarray(12);
  return isWhole && a0 === a2 && a1 === a3 && (a0 ^ a1) === 0xff ? value : null;
}

function valueBlock(value: number, address: number): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const view = new DataView(block.buffer);
  for (const [offset, word] of [value, ~value, value].entries()) view.setInt32(offset * 4, word, true);
  block.set([address, address ^ 0xff, address, address ^ 0xff], 12);
  return block;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
