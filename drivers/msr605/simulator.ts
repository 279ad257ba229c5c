import type { Clock } from "#src/lib/deadline";

/**
 * The encoder's end of the line, written from the programmer's manuals and ISO/IEC 7811 and sharing nothing with the
 * driver: bytes in, bytes out, a hand that pulls cards through, and faults as data. It does what the manuals' other
 * clients ask for as well as what the driver asks.
 */

/** A card with three tracks, each a text of `0` and `1` as it passes the head; empty: blank. */
export class SimulatedStripe {
  /** What the stripe is made for; a weaker field leaves nothing on it that can be read. */
  readonly coercivity: "low" | "high";
  readonly tracks: [string, string, string];

  constructor(coercivity: "low" | "high" = "low", tracks: readonly [string, string, string] = ["", "", ""]) {
    this.coercivity = coercivity;
    this.tracks = [...tracks];
  }
}

export interface MsrFaults {
  /** So many more pulls are too fast: error status, and of a write a torn half on the stripe. */
  badPulls: number;
  /** Hears and says nothing: the supply of the encoder is out, its USB bridge is not. */
  isDead: boolean;
  /** Status of the next write or erase, without doing it; null: as it comes. */
  refusal: number | null;
  /** Erases track 1 alone by the mask of the manual only. */
  isByManual: boolean;
  /** Has a head for low coercivity only. */
  isLowOnly: boolean;
}

const ESC = 0x1b;
const OK = [ESC, 0x30];
const BAD_PULL = [ESC, 0x31];
const REFUSED = [ESC, 0x41];
/** What comes sooner after a reset is lost. */
const DEAF_AFTER_RESET_MS = 100;
/** Begins the block of a write; what else may follow an ESC in the texts of one. */
const BLOCK_START = [ESC, 0x73, ESC, 0x01];
const IN_BLOCK = new Set([0x73, 0x01, 0x02, 0x03]);
/** Room for one command. */
const RECEIVED_MAX = 1_024;

type Pull = (card: SimulatedStripe) => readonly number[];

export class MsrSimulator {
  readonly faults: MsrFaults = {
    badPulls: 0,
    isDead: false,
    refusal: null,
    isByManual: false,
    isLowOnly: false,
  };
  /** Stripes that were changed. */
  changes = 0;
  lamp = "off";
  coercivity: "low" | "high" = "low";
  model = 3;
  firmware = "REVT3.12";
  readonly #clock: Clock;
  readonly #listeners = new Set<(bytes: Uint8Array) => void>();
  #received: number[] = [];
  #bits: readonly number[] = [7, 5, 5];
  #leadingZeros: readonly number[] = [0x3d, 0x16];
  #waitsFor: Pull | null = null;
  #hand: SimulatedStripe | null = null;
  #deafUntil = -1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  onSend(listener: (bytes: Uint8Array) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Pulls this card through whenever the encoder waits for one; null: nobody does. */
  hold(card: SimulatedStripe | null): void {
    this.#hand = card;
    if (card !== null) this.pull(card);
  }

  /** Pulls it through once. An encoder that waits for nothing does not care. */
  pull(card: SimulatedStripe): void {
    const act = this.#waitsFor;
    if (act === null) return;
    this.#waitsFor = null;
    this.#say(act(card));
  }

  /** The encoder would read, write or erase the next card. */
  get isArmed(): boolean {
    return this.#waitsFor !== null;
  }

  receive(bytes: Uint8Array): void {
    if (this.faults.isDead || this.#clock.monotonic() < this.#deafUntil) return;
    this.#received = [...this.#received, ...bytes].slice(-RECEIVED_MAX);
    while (this.#takeCommand());
  }

  /** True as long as there may be another. */
  #takeCommand(): boolean {
    const bytes = this.#received;
    const start = bytes.indexOf(ESC);
    const [, letter, ...rest] = start < 0 ? [] : bytes.slice(start);
    if (letter === undefined) {
      this.#received = start < 0 ? [] : [ESC];
      return false;
    }
    const size = sizeOf(letter, rest);
    if (size === null) return false;
    this.#received = bytes.slice(start + 2 + size);
    // While it waits for a card it hears a reset and nothing else.
    if (this.#waitsFor === null || letter === 0x61) this.#obey(letter, rest.slice(0, size));
    return true;
  }

  #obey(letter: number, data: readonly number[]): void {
    switch (letter) {
      case 0x61:
        this.#waitsFor = null;
        this.#received = [];
        this.#deafUntil = this.#clock.monotonic() + DEAF_AFTER_RESET_MS;
        break;
      case 0x81:
      case 0x82:
      case 0x83:
      case 0x84:
      case 0x85:
        this.lamp = ["off", "all", "green", "yellow", "red"][letter - 0x81] ?? "off";
        break;
      default: {
        const pull = this.#pullFor(letter, data);
        if (typeof pull === "function") this.#wait(pull);
        else this.#say(pull ?? this.#answerTo(letter, data));
      }
    }
  }

  #answerTo(letter: number, data: readonly number[]): readonly number[] {
    switch (letter) {
      case 0x65:
        return [ESC, 0x79];
      case 0x74:
        return [ESC, 0x30 + this.model, 0x53];
      case 0x76:
        return [ESC, ...Buffer.from(this.firmware)];
      case 0x78:
      case 0x79:
        if (letter === 0x78 && this.faults.isLowOnly) return REFUSED;
        this.coercivity = letter === 0x78 ? "high" : "low";
        return OK;
      case 0x64:
        return [ESC, this.coercivity === "high" ? 0x68 : 0x6c];
      case 0x6c:
        return [ESC, ...this.#leadingZeros];
      case 0x7a:
        this.#leadingZeros = data;
        return OK;
      case 0x6f:
        this.#bits = data;
        return [...OK, ...data];
      default:
        return [ESC, 0x34];
    }
  }

  /** What is done to the next card; an answer when the command is wrong in itself; null when it wants no card. */
  #pullFor(letter: number, data: readonly number[]): Pull | readonly number[] | null {
    switch (letter) {
      case 0x72:
        return (card) => this.#read(card, isoTrack);
      case 0x6d:
        return (card) => this.#read(card, (bits) => this.#rawTrack(bits));
      case 0x77:
      case 0x6e: {
        if (data.at(-2) !== 0x3f || data.at(-1) !== 0x1c) return [ESC, 0x32];
        const tracks = letter === 0x77 ? isoTexts(data) : rawTracks(data);
        return (card) => this.#write(card, tracks);
      }
      case 0x63: {
        const [mask = 0] = data;
        const isOnlyFirst = mask === 0 || mask === 1;
        if (isOnlyFirst && (mask === 0) !== this.faults.isByManual) return REFUSED;
        return (card) => this.#erase(card, isOnlyFirst ? 1 : mask);
      }
      default:
        return null;
    }
  }

  #wait(pull: Pull): void {
    this.#waitsFor = pull;
    if (this.#hand !== null) this.pull(this.#hand);
  }

  #read(card: SimulatedStripe, form: (bits: string, track: number) => readonly number[]): readonly number[] {
    const isBad = this.#isBadPull();
    const tracks = card.tracks.flatMap((bits, index) => [ESC, index + 1, ...form(isBad ? "" : bits, index)]);
    return [ESC, 0x73, ...tracks, 0x3f, 0x1c, ...(isBad ? BAD_PULL : OK)];
  }

  /** A length, then bytes with the first bit highest. */
  #rawTrack(bits: string): readonly number[] {
    if (this.#bits.join() !== "8,8,8") return [0];
    const bytes = (bits.match(/.{1,8}/g) ?? []).map((eight) => parseInt(eight.padEnd(8, "0"), 2));
    return [bytes.length, ...bytes];
  }

  #write(card: SimulatedStripe, tracks: readonly string[]): readonly number[] {
    const status = this.#refusal();
    if (status !== null) return status;
    this.changes++;
    const isTorn = this.#isBadPull();
    tracks.forEach((bits, index) => {
      if (bits === "") return;
      const isReadable = card.coercivity === "low" || this.coercivity === "high";
      const left = isReadable ? bits : "";
      card.tracks[index] = isTorn ? left.slice(0, left.length >> 1) : left;
    });
    return isTorn ? BAD_PULL : OK;
  }

  #erase(card: SimulatedStripe, mask: number): readonly number[] {
    const status = this.#refusal();
    if (status !== null) return status;
    this.changes++;
    for (const index of [0, 1, 2]) if (mask & (1 << index)) card.tracks[index] = "";
    return OK;
  }

  #refusal(): readonly number[] | null {
    const { refusal } = this.faults;
    this.faults.refusal = null;
    return refusal === null ? null : [ESC, refusal];
  }

  #isBadPull(): boolean {
    if (this.faults.badPulls === 0) return false;
    this.faults.badPulls--;
    return true;
  }

  #say(bytes: readonly number[]): void {
    if (this.faults.isDead) return;
    for (const listener of [...this.#listeners]) listener(Uint8Array.from(bytes));
  }
}

/** Bytes of a command's data; null while they have not all come. */
function sizeOf(letter: number, rest: readonly number[]): number | null {
  const fixed = ({ 0x62: 1, 0x63: 1, 0x6f: 3, 0x7a: 2 } as Readonly<Record<number, number>>)[letter];
  if (fixed !== undefined) return rest.length < fixed ? null : fixed;
  if (letter !== 0x77 && letter !== 0x6e) return 0;
  // What does not begin as a block is none, and what comes next is another command.
  if (BLOCK_START.some((byte, index) => index < rest.length && rest[index] !== byte)) return 0;
  if (letter === 0x77) {
    const end = rest.findIndex((byte, index) => byte === 0x3f && rest[index + 1] === 0x1c);
    const stray = rest.findIndex((byte, index) => byte === ESC && !IN_BLOCK.has(rest[index + 1] ?? 1));
    if (stray >= 0 && (end < 0 || stray < end)) return stray;
    return end < 0 ? null : end + 2;
  }
  let at = 2;
  for (let track = 0; track < 3; track++) {
    const length = rest[at + 2];
    if (length === undefined) return null;
    at += 3 + length;
  }
  return rest.length < at + 2 ? null : at + 2;
}

/** `1B 73 1B 01 … 1B 02 … 1B 03 … 3F 1C` with the texts between. */
function isoTexts(data: readonly number[]): readonly string[] {
  const text = Buffer.from(data.slice(2, -2)).toString("latin1");
  const [, first = "", second = "", third = ""] =
    /^\x1b\x01([^]*)\x1b\x02([^]*)\x1b\x03([^]*)$/.exec(text) ?? [];
  return [
    first === "" ? "" : magnetised(`%${first}?`, 0x20, 6),
    second === "" ? "" : magnetised(`;${second}?`, 0x30, 4),
    third === "" ? "" : magnetised(`;${third}?`, 0x30, 4),
  ];
}

/** Each track behind its number and length, the first bit lowest. */
function rawTracks(data: readonly number[]): readonly string[] {
  let at = 2;
  return [1, 2, 3].map(() => {
    const length = data[at + 2] ?? 0;
    const bytes = data.slice(at + 3, at + 3 + length);
    at += 3 + length;
    return bytes.map((byte) => mirrored(byte.toString(2).padStart(8, "0"))).join("");
  });
}

/** Characters as the head lays them down: lowest bit first, then what makes the number of ones odd. */
function magnetised(text: string, base: number, dataBits: number): string {
  const codes = Array.from(text, (character) => character.charCodeAt(0) - base);
  const lrc = codes.reduce((a, b) => a ^ b, 0);
  return [...codes, lrc].map((code) => withParity(code, dataBits)).join("");
}

function withParity(code: number, dataBits: number): string {
  const data = mirrored(code.toString(2).padStart(dataBits, "0").slice(-dataBits));
  return data + (data.replaceAll("0", "").length % 2 === 0 ? "1" : "0");
}

function mirrored(bits: string): string {
  return Array.from(bits).reverse().join("");
}

/** The text with its sentinels, `1B 2B` for a blank track, `1B 2A` for one that makes no sense. */
function isoTrack(bits: string, index: number): readonly number[] {
  if (!bits.includes("1")) return [ESC, 0x2b];
  const [base, dataBits] = index === 0 ? [0x20, 6] : [0x30, 4];
  const begun = bits.slice(bits.indexOf("1"));
  const cells = begun.match(new RegExp(`.{${dataBits + 1}}`, "g")) ?? [];
  const text = cells
    .map((cell) => String.fromCharCode(base + parseInt(mirrored(cell.slice(0, -1)), 2)))
    .join("");
  const whole = text.slice(0, text.indexOf("?") + 1);
  const isSound = begun.startsWith(magnetised(whole, base, dataBits));
  return isSound ? [...Buffer.from(whole, "latin1")] : [ESC, 0x2a];
}
