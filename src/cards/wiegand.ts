/**
 * The bits that an access reader sends to its controller, as they may lie in a card's record or be all that a badge says.
 * Bit 0 is the first one transmitted. Layouts: HID, *Understanding card data formats*, and the format tables of Proxmark3.
 *
 * A 26-bit number is not unique in the world: there are only 16.7 million of them.
 */
export interface WiegandBits {
  /** 1–64; a card's record has room for 40. */
  readonly length: number;
  /** The bits as a number; the last one transmitted is the lowest. */
  readonly word: bigint;
}

interface Field {
  readonly at: number;
  /** 1–48. */
  readonly length: number;
}

/** `over` lists the covered bits; `at` completes them to an even or odd number of ones. */
interface Parity {
  readonly at: number;
  readonly makes: "even" | "odd";
  readonly over: readonly number[];
}

/** Where in so many bits the numbers lie, and what must add up. */
export interface WiegandFormat {
  readonly name: string;
  readonly length: number;
  /** null: it has no facility code. */
  readonly facility: Field | null;
  readonly number: Field;
  /** In the order of computation: a later one may cover an earlier one. */
  readonly parities: readonly Parity[];
}

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Formats that are the same everywhere. HID's own names; `C1000-35` is HID Corporate 1000 with 35 bits. */
export const WIEGAND_FORMATS: readonly WiegandFormat[] = [
  {
    name: "H10301",
    length: 26,
    facility: { at: 1, length: 8 },
    number: { at: 9, length: 16 },
    parities: [
      { at: 0, makes: "even", over: range(1, 12) },
      { at: 25, makes: "odd", over: range(13, 24) },
    ],
  },
  {
    name: "H10306",
    length: 34,
    facility: { at: 1, length: 16 },
    number: { at: 17, length: 16 },
    parities: [
      { at: 0, makes: "even", over: range(1, 16) },
      { at: 33, makes: "odd", over: range(17, 32) },
    ],
  },
  {
    name: "H10304",
    length: 37,
    facility: { at: 1, length: 16 },
    number: { at: 17, length: 19 },
    parities: [
      { at: 0, makes: "even", over: range(1, 18) },
      { at: 36, makes: "odd", over: range(18, 35) },
    ],
  },
  {
    name: "H10302",
    length: 37,
    facility: null,
    number: { at: 1, length: 35 },
    parities: [
      { at: 0, makes: "even", over: range(1, 18) },
      { at: 36, makes: "odd", over: range(18, 35) },
    ],
  },
  {
    name: "C1000-35",
    length: 35,
    facility: { at: 2, length: 12 },
    number: { at: 14, length: 20 },
    parities: [
      { at: 1, makes: "even", over: range(2, 33).filter((bit) => bit % 3 !== 1) },
      { at: 34, makes: "odd", over: range(1, 32).filter((bit) => bit % 3 !== 0) },
      { at: 0, makes: "odd", over: range(1, 34) },
    ],
  },
];

export interface WiegandNumber {
  /** Null exactly for a format without one. */
  readonly facility: number | null;
  readonly number: number;
}

export type WiegandEncoded =
  | { readonly isValid: true; readonly bits: WiegandBits }
  | { readonly isValid: false; readonly reason: "facility" | "number"; readonly message: string };

export type WiegandDecoded =
  | ({ readonly isValid: true } & WiegandNumber)
  | { readonly isValid: false; readonly reason: "length" | "parity"; readonly message: string };

export function encodeWiegand(layout: WiegandFormat, { facility, number }: WiegandNumber): WiegandEncoded {
  if (!(layout.facility === null ? facility === null : facility !== null && fits(layout.facility, facility)))
    return refusal("facility", `${layout.name} has ${limitOf(layout.facility)}`);
  if (!fits(layout.number, number)) return refusal("number", `${layout.name} has ${limitOf(layout.number)}`);
  const fields =
    put(layout, layout.number, number) |
    (layout.facility === null ? 0n : put(layout, layout.facility, facility ?? 0));
  const word = layout.parities.reduce(
    (bits, parity) =>
      isKept(bits, layout, parity) ? bits : bits | put(layout, { at: parity.at, length: 1 }, 1),
    fields,
  );
  return { isValid: true, bits: { length: layout.length, word } };
}

/** Reads the bits as `layout` says, or says why they are not a valid one. */
export function decodeWiegand(layout: WiegandFormat, bits: WiegandBits): WiegandDecoded {
  if (bits.length !== layout.length || bits.word < 0n || bits.word >> BigInt(layout.length) !== 0n) {
    const message = `${bits.length} bits are not a valid ${layout.name}, which has ${layout.length}`;
    return { isValid: false, reason: "length", message };
  }
  const broken = layout.parities.find((parity) => !isKept(bits.word, layout, parity));
  if (broken !== undefined) {
    const message = `not a valid ${layout.name}: the ${broken.makes} parity in bit ${broken.at} is wrong`;
    return { isValid: false, reason: "parity", message };
  }
  const facility = layout.facility === null ? null : take(bits.word, layout, layout.facility);
  return { isValid: true, facility, number: take(bits.word, layout, layout.number) };
}

/** Nobody can tell such two apart by the bits of a badge: one length, and parities that cover the same. */
export function isIndistinguishable(one: WiegandFormat, other: WiegandFormat): boolean {
  const rules = ({ parities }: WiegandFormat) =>
    parities.map(({ at, makes, over }) => `${at} ${makes} ${over.join()}`).sort();
  return one.length === other.length && rules(one).join() === rules(other).join();
}

/** The bits as whole bytes with zeros after the last one: how OSDP's `osdp_RAW` carries them. */
export function leftJustified({ length, word }: WiegandBits): Uint8Array {
  const bytes = Math.ceil(length / 8);
  const shifted = word << BigInt(bytes * 8 - length);
  return Uint8Array.from({ length: bytes }, (_, i) =>
    Number((shifted >> BigInt((bytes - 1 - i) * 8)) & 0xffn),
  );
}

/** What `leftJustified` made of the bits. */
export function fromLeftJustified(bytes: Uint8Array, length: number): WiegandBits {
  const whole = [...bytes].reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return { length, word: whole >> BigInt(Math.max(0, bytes.length * 8 - length)) };
}

function isKept(word: bigint, layout: WiegandFormat, { at, makes, over }: Parity): boolean {
  const ones = [at, ...over].filter((bit) => take(word, layout, { at: bit, length: 1 }) === 1).length;
  return ones % 2 === (makes === "odd" ? 1 : 0);
}

function put(layout: WiegandFormat, { at, length }: Field, value: number): bigint {
  return BigInt(value) << BigInt(layout.length - at - length);
}

function take(word: bigint, layout: WiegandFormat, { at, length }: Field): number {
  return Number((word >> BigInt(layout.length - at - length)) & ((1n << BigInt(length)) - 1n));
}

function fits(field: Field, value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** field.length;
}

function limitOf(field: Field | null): string {
  return field === null ? "no facility code" : `a value from 0 to ${2 ** field.length - 1} here`;
}

function refusal(reason: "facility" | "number", message: string): WiegandEncoded {
  return { isValid: false, reason, message };
}
