/**
 * Cards as this simulator needs them: memory, keys and the rules that guard it. Rules: NXP MF1S50YYX_V1 rev. 3.2
 * tables 6 to 8 (MIFARE Classic), NXP NTAG213/215/216 rev. 3.2 §8.5.7 and §8.8 (NTAG). Left out: value blocks, lock
 * bits and the limit of wrong passwords.
 */

/** What a card says to one read or write. */
export type CardAnswer = Buffer | "wrong_key" | "forbidden";

export interface SimulatedCard {
  /** As the device's own table of technologies numbers it. */
  readonly technologyCode: number;
  readonly uid: Buffer;
}

const TRANSPORT_TRAILER = Buffer.from("ffffffffffffff078069ffffffffffff", "hex");

/** Who may do what to a data block, by its access bits C1C2C3. */
const DATA_RULES: readonly { readonly read: string; readonly write: string }[] = [
  { read: "AB", write: "AB" },
  { read: "AB", write: "" },
  { read: "AB", write: "" },
  { read: "B", write: "B" },
  { read: "AB", write: "B" },
  { read: "B", write: "" },
  { read: "AB", write: "B" },
  { read: "", write: "" },
];

/** Who may do what to the three parts of a sector trailer; key A can never be read. */
const TRAILER_RULES: readonly {
  readonly writeA: string;
  readonly readBits: string;
  readonly writeBits: string;
  readonly readB: string;
  readonly writeB: string;
}[] = [
  { writeA: "A", readBits: "A", writeBits: "", readB: "A", writeB: "A" },
  { writeA: "A", readBits: "A", writeBits: "A", readB: "A", writeB: "A" },
  { writeA: "", readBits: "A", writeBits: "", readB: "A", writeB: "" },
  { writeA: "B", readBits: "AB", writeBits: "B", readB: "", writeB: "B" },
  { writeA: "B", readBits: "AB", writeBits: "", readB: "", writeB: "B" },
  { writeA: "", readBits: "AB", writeBits: "B", readB: "", writeB: "" },
  { writeA: "", readBits: "AB", writeBits: "", readB: "", writeB: "" },
  { writeA: "", readBits: "AB", writeBits: "", readB: "", writeB: "" },
];

type Slot = "A" | "B";

export class SimulatedClassic implements SimulatedCard {
  readonly technologyCode = 1;
  readonly uid: Buffer;
  readonly #blocks: Buffer[];

  constructor(uid: Buffer) {
    this.uid = uid;
    this.#blocks = Array.from({ length: 64 }, (_, block) =>
      block % 4 === 3 ? Buffer.from(TRANSPORT_TRAILER) : Buffer.alloc(16),
    );
    this.#block(0).set(uid);
  }

  read(block: number, slot: Slot, key: Buffer): CardAnswer {
    const refusal = this.#authenticate(block, slot, key);
    if (refusal !== undefined) return refusal;
    const memory = Buffer.from(this.#block(block));
    if (block % 4 !== 3) return this.#dataRule(block)?.read.includes(slot) ? memory : "forbidden";
    const rule = this.#trailerRule(block);
    memory.fill(0, 0, 6);
    if (!rule?.readBits.includes(slot)) memory.fill(0, 6, 10);
    if (!rule?.readB.includes(slot)) memory.fill(0, 10, 16);
    return memory;
  }

  /** The answer to a write is empty. */
  write(block: number, slot: Slot, key: Buffer, data: Buffer): CardAnswer {
    const refusal = this.#authenticate(block, slot, key);
    if (refusal !== undefined) return refusal;
    if (block === 0) return "forbidden";
    const memory = this.#block(block);
    if (block % 4 !== 3) {
      if (!this.#dataRule(block)?.write.includes(slot)) return "forbidden";
      data.copy(memory);
      return Buffer.alloc(0);
    }
    const rule = this.#trailerRule(block);
    const parts = [
      { may: rule?.writeA, from: 0, to: 6 },
      { may: rule?.writeBits, from: 6, to: 10 },
      { may: rule?.writeB, from: 10, to: 16 },
    ].filter(({ may }) => may?.includes(slot));
    for (const { from, to } of parts) data.copy(memory, from, from, to);
    return parts.length === 0 ? "forbidden" : Buffer.alloc(0);
  }

  #block(block: number): Buffer {
    return this.#blocks[block] ?? Buffer.alloc(16);
  }

  #authenticate(block: number, slot: Slot, key: Buffer): "wrong_key" | "forbidden" | undefined {
    if (block >= this.#blocks.length) return "forbidden";
    const trailer = this.#block(block | 3);
    // A key B that can be read is data, and opens nothing.
    if (slot === "B" && this.#trailerRule(block | 3)?.readB !== "") return "wrong_key";
    const expected = slot === "A" ? trailer.subarray(0, 6) : trailer.subarray(10, 16);
    return expected.equals(key) ? undefined : "wrong_key";
  }

  #dataRule(block: number) {
    return DATA_RULES[this.#accessBits(block) ?? 7];
  }

  #trailerRule(block: number) {
    return TRAILER_RULES[this.#accessBits(block) ?? 7];
  }

  /** C1C2C3 of one block, or nothing when the inverted copy does not match: such a sector is locked for ever. */
  #accessBits(block: number): number | undefined {
    const [, , , , , , six = 0, seven = 0, eight = 0] = this.#block(block | 3);
    const [c1, c2, c3] = [seven >> 4, eight & 0x0f, eight >> 4];
    const isConsistent = (~six & 0x0f) === c1 && (~six & 0xff) >> 4 === c2 && (~seven & 0x0f) === c3;
    if (!isConsistent) return undefined;
    const bit = (bits: number) => (bits >> (block % 4)) & 1;
    return (bit(c1) << 2) | (bit(c2) << 1) | bit(c3);
  }
}

const NTAG_SIZES = {
  ntag213: { technologyCode: 3, pages: 45 },
  ntag215: { technologyCode: 4, pages: 135 },
  ntag216: { technologyCode: 5, pages: 231 },
} as const;

export class SimulatedNtag implements SimulatedCard {
  readonly technologyCode: number;
  readonly uid: Buffer;
  readonly #memory: Buffer;
  /** Byte positions of the four configuration pages, which are the card's last: settings, access, password, answer. */
  readonly #settings: number;
  #isOpen = false;

  constructor(kind: keyof typeof NTAG_SIZES, uid: Buffer) {
    const { technologyCode, pages } = NTAG_SIZES[kind];
    this.technologyCode = technologyCode;
    this.uid = uid;
    this.#memory = Buffer.alloc(pages * 4);
    this.#settings = this.#memory.length - 16;
    this.#memory[this.#settings + 3] = 0xff;
    this.#memory.fill(0xff, this.#settings + 8, this.#settings + 12);
    uid.copy(this.#memory, 0, 0, 3);
    uid.copy(this.#memory, 4, 3, 7);
  }

  /** Selecting a card anew forgets its password. */
  reselect(): void {
    this.#isOpen = false;
  }

  open(password: Buffer): CardAnswer {
    const at = this.#settings + 8;
    this.#isOpen = this.#memory.subarray(at, at + 4).equals(password);
    return this.#isOpen ? Buffer.from(this.#memory.subarray(at + 4, at + 6)) : "wrong_key";
  }

  read(page: number): CardAnswer {
    const at = page * 4;
    const isReadProtected = ((this.#memory[this.#settings + 4] ?? 0) & 0x80) !== 0;
    if (at >= this.#memory.length || (isReadProtected && !this.#mayTouch(page))) return "forbidden";
    if (at >= this.#settings + 8) return Buffer.alloc(4);
    return Buffer.from(this.#memory.subarray(at, at + 4));
  }

  /** The answer to a write is empty. */
  write(page: number, data: Buffer): CardAnswer {
    const at = page * 4;
    if (page < 2 || at >= this.#memory.length || !this.#mayTouch(page) || this.#isLocked(page))
      return "forbidden";
    for (const [index, byte] of data.entries()) {
      // Lock bits and one-time bits can only be set.
      const old = page === 2 || page === 3 ? (this.#memory[at + index] ?? 0) : 0;
      if (page !== 2 || index >= 2) this.#memory[at + index] = old | byte;
    }
    return Buffer.alloc(0);
  }

  /** Static lock bytes: bits 3 to 15 of page 2's last two bytes are pages 3 to 15. */
  #isLocked(page: number): boolean {
    const bits = this.#memory.readUInt16LE(2 * 4 + 2);
    return page >= 3 && page <= 15 && ((bits >> page) & 1) === 1;
  }

  #mayTouch(page: number): boolean {
    return this.#isOpen || page < (this.#memory[this.#settings + 3] ?? 0);
  }
}
