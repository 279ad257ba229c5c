import type { StripeRead, TrackNumber, TrackRead } from "#driver-api";

/**
 * Text on the tracks of a magnetic stripe (ISO/IEC 7811-2 and 7811-6): a start sentinel, characters of five or seven
 * bits with odd parity, an end sentinel and a check character. Bits go out lowest first, the parity bit last.
 */
interface TrackForm {
  /** Bits of a character, with its parity bit. */
  readonly bits: 5 | 7;
  /** The character with code 0. */
  readonly base: number;
  readonly charactersMax: number;
  readonly start: string;
  /** Characters that mean something themselves. */
  readonly structural: string;
}

const END = "?";
const FORMS: Readonly<Record<TrackNumber, TrackForm>> = {
  1: { bits: 7, base: 0x20, charactersMax: 76, start: "%", structural: "%?" },
  2: { bits: 5, base: 0x30, charactersMax: 37, start: ";", structural: ";?" },
  3: { bits: 5, base: 0x30, charactersMax: 104, start: ";", structural: ";?" },
};

export type Bit = 0 | 1;

/** Why a track cannot hold the text; null when it can. Never names the text. */
export function trackProblem(track: TrackNumber, text: string): string | null {
  const { base, bits, charactersMax, structural } = FORMS[track];
  if (text === "") return `there is nothing to write on track ${track}`;
  if (text.length > charactersMax)
    return `track ${track} holds ${charactersMax} characters, not ${text.length}`;
  const isForeign = (character: string): boolean => {
    const code = character.charCodeAt(0) - base;
    return code < 0 || code >= 1 << (bits - 1) || structural.includes(character);
  };
  const at = Array.from(text).findIndex(isForeign);
  return at < 0 ? null : `character ${at + 1} cannot stand on track ${track}`;
}

/** The bits of a track, sentinels and check character included. The text must be one without a `trackProblem`. */
export function encodeTrack(track: TrackNumber, text: string): readonly Bit[] {
  const { base, start } = FORMS[track];
  const codes = Array.from(`${start}${text}${END}`, (character) => character.charCodeAt(0) - base);
  const check = codes.reduce((sum, code) => sum ^ code, 0);
  return [...codes, check].flatMap((code) => cell(track, code));
}

function cell(track: TrackNumber, code: number): readonly Bit[] {
  const data = Array.from({ length: FORMS[track].bits - 1 }, (_, bit) => ((code >> bit) & 1) as Bit);
  return [...data, isOdd(data) ? 0 : 1];
}

/** Any bits are something. Zeros before the start sentinel are clock; what follows the check character is not looked at. */
export function decodeTrack(track: TrackNumber, bits: readonly Bit[]): TrackRead {
  const first = bits.indexOf(1);
  if (first < 0) return { is: "blank" };
  const { base, bits: size, start } = FORMS[track];
  let check = 0;
  let text = "";
  for (let at = first; at + size <= bits.length; at += size) {
    const character = bits.slice(at, at + size);
    if (!isOdd(character)) return { is: "unreadable" };
    const code = character.slice(0, -1).reduce<number>((sum, bit, index) => sum | (bit << index), 0);
    if (text.endsWith(END)) return code === check ? readable(text, start) : { is: "unreadable" };
    check ^= code;
    text += String.fromCharCode(base + code);
  }
  return { is: "unreadable" };
}

function readable(text: string, start: string): TrackRead {
  return text.startsWith(start) ? { is: "text", text: text.slice(1, -1) } : { is: "unreadable" };
}

function isOdd(bits: readonly Bit[]): boolean {
  return bits.filter((bit) => bit === 1).length % 2 === 1;
}

export function isWhole(read: StripeRead): boolean {
  return Object.values(read).every(({ is }) => is !== "unreadable");
}
