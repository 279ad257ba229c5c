/**
 * An NTAG213, 215 or 216 as it lies on an antenna. Rules from the NXP data sheet NTAG213/215/216: one-time bits,
 * static and dynamic locks, password protection, and the states of ISO/IEC 14443-3. Frames carry no CRC. The read
 * counter and the originality signature are not modelled; asking for them is refused.
 */

export type NtagKind = "ntag213" | "ntag215" | "ntag216";

interface Layout {
  readonly pages: number;
  readonly capability: readonly number[];
  /** The storage size byte of GET_VERSION. */
  readonly storage: number;
  /** How many pages each bit of the dynamic lock bytes locks, from page 16 on. */
  readonly pagesPerLockBit: number;
}

const LAYOUTS: Record<NtagKind, Layout> = {
  ntag213: {
    pages: 45,
    capability: [0xe1, 0x10, 0x12, 0x00],
    storage: 0x0f,
    pagesPerLockBit: 2,
  },
  ntag215: {
    pages: 135,
    capability: [0xe1, 0x10, 0x3e, 0x00],
    storage: 0x11,
    pagesPerLockBit: 16,
  },
  ntag216: {
    pages: 231,
    capability: [0xe1, 0x10, 0x6d, 0x00],
    storage: 0x13,
    pagesPerLockBit: 16,
  },
};

const PAGE = 4;
const LOCK_BITS_PER_FREEZE_BIT = 2;
const OK = new Uint8Array();

export class NtagCard {
  readonly uid: Uint8Array;
  /** High byte first. */
  readonly atqa = Uint8Array.of(0x00, 0x44);
  readonly sak = 0x00;
  readonly kind: NtagKind;
  /** The whole memory, password in the clear. Tests look and write here. */
  readonly memory: Uint8Array;
  readonly #layout: Layout;
  #state: "idle" | "active" | "halted" = "idle";
  #isAuthenticated = false;
  #wrongPasswords = 0;
  /** The protection in force: read from the configuration pages when the card is selected, as the chip does. */
  #protection = { from: 0xff, hidesReads: false, isConfigurationLocked: false, attemptsMax: 0 };

  constructor({ uid, kind = "ntag213" }: { readonly uid: Uint8Array; readonly kind?: NtagKind }) {
    if (uid.length !== 7) throw new RangeError("an NTAG UID has 7 bytes");
    this.uid = uid;
    this.kind = kind;
    this.#layout = LAYOUTS[kind];
    this.memory = new Uint8Array(this.#layout.pages * PAGE);
    const [u0 = 0, u1 = 0, u2 = 0, u3 = 0, u4 = 0, u5 = 0, u6 = 0] = uid;
    this.memory.set([u0, u1, u2, 0x88 ^ u0 ^ u1 ^ u2, u3, u4, u5, u6, u3 ^ u4 ^ u5 ^ u6, 0x48, 0x00, 0x00]);
    this.memory.set(this.#layout.capability, 3 * PAGE);
    this.memory.set([0x03, 0x00, 0xfe, 0x00], 4 * PAGE);
    this.memory.set([0x00, 0x00, 0x00, 0xbd], this.#lockPage * PAGE);
    this.memory.set([0x04, 0x00, 0x00, 0xff, 0x00, 0x05, 0x00, 0x00], this.#configPage * PAGE);
    this.memory.set([0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00], this.#passwordPage * PAGE);
  }

  get #lockPage(): number {
    return this.#layout.pages - 5;
  }
  get #configPage(): number {
    return this.#layout.pages - 4;
  }
  get #passwordPage(): number {
    return this.#layout.pages - 2;
  }

  select(wake: boolean): boolean {
    if (this.#state === "halted" && !wake) return false;
    this.#state = "active";
    this.#isAuthenticated = false;
    const from = this.memory[this.#configPage * PAGE + 3] ?? 0xff;
    const access = this.memory[(this.#configPage + 1) * PAGE] ?? 0;
    this.#protection = {
      from,
      hidesReads: (access & 0x80) !== 0,
      isConfigurationLocked: (access & 0x40) !== 0,
      attemptsMax: access & 0x07,
    };
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
    // A NAK ends the card's session: it hears nothing more until it is selected again.
    if (answer === "refused") this.#leave("idle");
    return answer;
  }

  #leave(state: "idle" | "halted"): void {
    this.#state = state;
    this.#isAuthenticated = false;
  }

  #answer(frame: Uint8Array): Uint8Array | "refused" | "silent" {
    const [command, page = 0, last = 0] = frame;
    switch (`${(command ?? 0).toString(16)}/${frame.length}`) {
      case "50/2":
        this.halt();
        return "silent";
      case "60/1":
        return Uint8Array.of(0x00, 0x04, 0x04, 0x02, 0x01, 0x00, this.#layout.storage, 0x03);
      case "30/2":
        return this.#read(page);
      case "3a/3":
        return this.#readRange(page, last);
      case "a2/6":
        return this.#write(page, frame.subarray(2));
      case "a0/18":
        return this.#write(page, frame.subarray(2, 6));
      case "1b/5":
        return this.#authenticate(frame.subarray(1));
      default:
        return "refused";
    }
  }

  /** Four pages from `first` on; past the end of what may be read it goes on at page 0. */
  #read(first: number): Uint8Array | "refused" {
    const readable =
      this.#protection.hidesReads && !this.#isAuthenticated
        ? Math.min(this.#protection.from, this.#layout.pages)
        : this.#layout.pages;
    if (first >= readable) return "refused";
    const four = [0, 1, 2, 3].map((offset) => this.#visible((first + offset) % readable));
    return Uint8Array.from(four.flatMap((page) => [...page]));
  }

  #readRange(first: number, last: number): Uint8Array | "refused" {
    if (first > last || last >= this.#layout.pages) return "refused";
    if (this.#protection.hidesReads && !this.#isAuthenticated && last >= this.#protection.from)
      return "refused";
    const pages = Array.from({ length: last - first + 1 }, (_, offset) => this.#visible(first + offset));
    return Uint8Array.from(pages.flatMap((page) => [...page]));
  }

  #visible(page: number): Uint8Array {
    return page >= this.#passwordPage ? new Uint8Array(PAGE) : this.#page(page);
  }

  #write(page: number, data: Uint8Array): Uint8Array | "refused" {
    if (page < 2 || page >= this.#layout.pages || this.#isLocked(page)) return "refused";
    if (page >= this.#protection.from && !this.#isAuthenticated) return "refused";
    const stored = this.#page(page);
    if (page === 2) this.#setLockBits(data);
    else if (page === 3) stored.forEach((byte, index) => (stored[index] = byte | (data[index] ?? 0)));
    else if (page === this.#lockPage) this.#setDynamicLockBits(data);
    else stored.set(data);
    return OK;
  }

  #isLocked(page: number): boolean {
    const [lock0 = 0, lock1 = 0] = this.memory.subarray(10, 12);
    if (page >= 3 && page <= 7) return (lock0 & (1 << page)) !== 0;
    if (page >= 8 && page <= 15) return (lock1 & (1 << (page - 8))) !== 0;
    if (page >= 16 && page < this.#lockPage) {
      return (this.#dynamicLocks() & (1 << Math.floor((page - 16) / this.#layout.pagesPerLockBit))) !== 0;
    }
    const isConfiguration = page === this.#configPage || page === this.#configPage + 1;
    return isConfiguration && this.#protection.isConfigurationLocked;
  }

  /** Lock bits are only ever set. Bits 0 to 2 of the first byte freeze the bits of page 3, pages 4–9 and 10–15. */
  #setLockBits(data: Uint8Array): void {
    const [lock0 = 0, lock1 = 0] = this.memory.subarray(10, 12);
    const frozen0 = (lock0 & 1 ? 0b0000_1000 : 0) | (lock0 & 2 ? 0b1111_0000 : 0);
    const frozen1 = (lock0 & 2 ? 0b0000_0011 : 0) | (lock0 & 4 ? 0b1111_1100 : 0);
    this.memory[10] = lock0 | ((data[2] ?? 0) & ~frozen0);
    this.memory[11] = lock1 | ((data[3] ?? 0) & ~frozen1);
  }

  #dynamicLocks(): number {
    const [byte0 = 0, byte1 = 0] = this.#page(this.#lockPage);
    return byte0 | (byte1 << 8);
  }

  /** The third byte freezes groups of the bits in the first two. */
  #setDynamicLockBits(data: Uint8Array): void {
    const stored = this.#page(this.#lockPage);
    const freezes = stored[2] ?? 0;
    let wanted = (data[0] ?? 0) | ((data[1] ?? 0) << 8);
    for (let bit = 0; bit < 16; bit++) {
      if (freezes & (1 << Math.floor(bit / LOCK_BITS_PER_FREEZE_BIT))) wanted &= ~(1 << bit);
    }
    const locks = this.#dynamicLocks() | wanted;
    stored.set([locks & 0xff, locks >> 8, freezes | (data[2] ?? 0)]);
  }

  #authenticate(password: Uint8Array): Uint8Array | "refused" {
    const limit = this.#protection.attemptsMax;
    const isLockedOut = limit > 0 && this.#wrongPasswords >= limit;
    const isRight = this.#page(this.#passwordPage).every((byte, index) => byte === password[index]);
    if (isLockedOut || !isRight) {
      if (limit > 0 && !isLockedOut) this.#wrongPasswords++;
      return "refused";
    }
    this.#wrongPasswords = 0;
    this.#isAuthenticated = true;
    return this.#page(this.#passwordPage + 1).slice(0, 2);
  }

  #page(page: number): Uint8Array {
    return this.memory.subarray(page * PAGE, (page + 1) * PAGE);
  }
}
