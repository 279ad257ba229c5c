import assert from "node:assert/strict";
import type { CardSeen, ClassicKey, ReadBack, ReadPlan, WritePlan } from "#driver-api";
import { type AccessConditions, decodeAccess } from "#src/cards/classic";
import { fromHex, toHex } from "#src/lib/hex";

/** Cards as their data sheets describe them: keys, access rules, and nothing of what the gateway puts on them. */
export type Step = WritePlan["steps"][number];

export interface ModelCard {
  readonly card: CardSeen;
  read(plan: ReadPlan): ReadBack;
  /** Throws when the card would not take it. */
  apply(step: Step): void;
  /** Field off and on: what ends every session. */
  powerCycle(): void;
  copy(): ModelCard;
  /** The 48 bytes from this block or page on, whoever may read them. */
  dataFrom(first: number): Uint8Array;
  /** Puts 48 bytes there past all rules. */
  setData(first: number, bytes: Uint8Array): void;
}

/** NXP MF1S50YYX_V1, tables 7 and 8: who may do what, for each access condition C1C2C3. */
const DATA_READ = ["AB", "AB", "AB", "B", "AB", "B", "AB", ""];
const DATA_WRITE = ["AB", "", "", "B", "B", "", "B", ""];
const TRAILER_WRITE = ["", "A", "", "B", "", "", "", ""];
const IS_KEY_B_READABLE = [true, true, true, false, false, false, false, false];

export class ModelClassic implements ModelCard {
  readonly card: CardSeen = { uid: "deadbeef", technology: "mifare_classic_1k" };
  readonly sector: number;
  readonly blocks: Uint8Array[];

  constructor(sector: number, blocks?: readonly Uint8Array[]) {
    this.sector = sector;
    const trailer = fromHex("ffffffffffff ff078069 ffffffffffff");
    const delivered = [new Uint8Array(16), new Uint8Array(16), new Uint8Array(16), trailer];
    this.blocks = (blocks ?? delivered).map((block) => block.slice());
  }

  read(plan: ReadPlan): ReadBack {
    assert(plan.container === "classic" && plan.sector === this.sector);
    const key = plan.keys.find((candidate) => this.#opens(candidate));
    if (key === undefined) return { container: "classic", opened: null, blocks: new Map() };
    const seen = plan.blocks.flatMap((block): [number, Uint8Array][] => {
      const n = block - this.sector * 4;
      if (n === 3) return [[block, this.#trailerAsRead()]];
      return DATA_READ[this.#access()[n]!]!.includes(key.slot) ? [[block, this.blocks[n]!.slice()]] : [];
    });
    return { container: "classic", opened: key.name, blocks: new Map(seen) };
  }

  apply(step: Step): void {
    assert("block" in step);
    const n = step.block - this.sector * 4;
    const data = step.data.reveal();
    assert(n >= 0 && n <= 3 && data.length === 16);
    assert(this.#opens(step.key), `${step.key.name} does not open the sector`);
    const may = (n === 3 ? TRAILER_WRITE : DATA_WRITE)[this.#access()[n]!]!;
    assert(may.includes(step.key.slot), `${step.key.name} may not write block ${n}`);
    this.blocks[n] = data.slice();
    this.#access(); // dead for ever when an inverted copy does not match
  }

  powerCycle(): void {}

  copy(): ModelCard {
    return new ModelClassic(this.sector, this.blocks);
  }

  dataFrom(first: number): Uint8Array {
    assert.equal(first, this.sector * 4);
    return Uint8Array.from(this.blocks.slice(0, 3).flatMap((block) => [...block]));
  }

  setData(first: number, bytes: Uint8Array): void {
    assert.equal(first, this.sector * 4);
    for (const n of [0, 1, 2]) this.blocks[n] = bytes.slice(n * 16, n * 16 + 16);
  }

  #access(): AccessConditions {
    const access = decodeAccess(this.blocks[3]!.slice(6, 9));
    assert(access, "the sector is dead");
    return access;
  }

  #opens({ slot, key }: ClassicKey): boolean {
    const trailer = this.blocks[3]!;
    if (slot === "B" && IS_KEY_B_READABLE[this.#access()[3]]) return false;
    return toHex(slot === "A" ? trailer.slice(0, 6) : trailer.slice(10)) === toHex(key.reveal());
  }

  #trailerAsRead(): Uint8Array {
    const seen = this.blocks[3]!.slice();
    seen.fill(0, 0, 6);
    if (!IS_KEY_B_READABLE[this.#access()[3]]) seen.fill(0, 10);
    return seen;
  }
}

const NTAG_CFG0 = { ntag213: 0x29, ntag215: 0x83, ntag216: 0xe3 } as const;
export type NtagTechnology = keyof typeof NTAG_CFG0;

/** `isLatched`: AUTH0 acts from the next selection on, not at once. Plans must be right either way. */
export class ModelNtag implements ModelCard {
  readonly card: CardSeen;
  readonly pages: Uint8Array[];
  readonly #cfg0: number;
  readonly #isLatched: boolean;
  #auth0: number;
  #isAuthenticated = false;

  constructor(technology: NtagTechnology, isLatched: boolean, pages?: readonly Uint8Array[]) {
    this.card = { uid: "04a1b2c3d4e5f6", technology };
    this.#cfg0 = NTAG_CFG0[technology];
    this.#isLatched = isLatched;
    this.pages = Array.from({ length: this.#cfg0 + 4 }, (_, i) => pages?.[i]?.slice() ?? new Uint8Array(4));
    if (pages === undefined) {
      this.set(3, "e1101200");
      if (technology === "ntag213") {
        this.set(4, "0103a00c");
        this.set(5, "340300fe");
      } else this.set(4, "0300fe00");
      this.set(this.#cfg0 - 1, "000000bd");
      this.set(this.#cfg0, "040000ff");
      this.set(this.#cfg0 + 2, "ffffffff");
    }
    this.#auth0 = this.#storedAuth0();
  }

  set(page: number, hex: string): void {
    this.pages[page] = fromHex(hex);
  }

  read(plan: ReadPlan): ReadBack {
    assert(plan.container === "ntag");
    this.powerCycle();
    const wanted = plan.ranges.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i),
    );
    let opened: string | null = "free";
    if (this.#auth0 <= Math.max(...wanted)) {
      const password = plan.passwords.find(({ pwd, pack }) =>
        this.#authenticate(pwd.reveal(), pack.reveal()),
      );
      opened = password?.name ?? null;
    }
    const isReadable = (page: number) =>
      this.#isAuthenticated || page < this.#auth0 || (this.pages[this.#cfg0 + 1]![0]! & 0x80) === 0;
    const pages = opened === null ? [] : wanted.filter(isReadable);
    const seen = pages.map((page): [number, Uint8Array] => [
      page,
      page >= this.#cfg0 + 2 ? new Uint8Array(4) : this.pages[page]!.slice(),
    ]);
    return { container: "ntag", opened, pages: new Map(seen) };
  }

  apply(step: Step): void {
    assert("do" in step);
    if (step.do === "reselect") this.powerCycle();
    else if ("password" in step)
      assert(this.#authenticate(step.password.pwd.reveal(), step.password.pack.reveal()), "wrong password");
    else {
      assert("page" in step);
      const data = step.data.reveal();
      assert(step.page >= 4 && step.page < this.pages.length && data.length === 4);
      assert(this.#isAuthenticated || step.page < this.#auth0, `page ${step.page} is protected`);
      this.pages[step.page] = data.slice();
      if (!this.#isLatched) this.#auth0 = this.#storedAuth0();
    }
  }

  powerCycle(): void {
    this.#isAuthenticated = false;
    this.#auth0 = this.#storedAuth0();
  }

  copy(): ModelCard {
    const technology = this.card.technology;
    assert(technology in NTAG_CFG0);
    return new ModelNtag(technology as NtagTechnology, this.#isLatched, this.pages); // checked above
  }

  dataFrom(first: number): Uint8Array {
    return Uint8Array.from(this.pages.slice(first, first + 12).flatMap((page) => [...page]));
  }

  setData(first: number, bytes: Uint8Array): void {
    for (let i = 0; i < 12; i++) this.pages[first + i] = bytes.slice(i * 4, i * 4 + 4);
  }

  /** PROT off: anybody reads, who has the password writes. */
  protectOnlyWriting(): void {
    this.pages[this.#cfg0 + 1] = new Uint8Array(4);
  }

  #authenticate(pwd: Uint8Array, pack: Uint8Array): boolean {
    const isRight = toHex(this.pages[this.#cfg0 + 2]!) === toHex(pwd);
    this.#isAuthenticated = isRight && toHex(this.pages[this.#cfg0 + 3]!.slice(0, 2)) === toHex(pack);
    return this.#isAuthenticated;
  }

  #storedAuth0(): number {
    return this.pages[this.#cfg0]![3]!;
  }
}
