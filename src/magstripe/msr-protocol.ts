import type { StripeRead, TrackNumber } from "#driver-api";
import { type Bit, decodeTrack, encodeTrack } from "./track.js";

/**
 * The command set of the MSR206, MSR605, MSR606 and MSR605X (programmer's manuals of the MSR605 and MSR606): bytes to
 * the encoder, and what is in its answers. The same on a serial line and, cut into reports, on USB HID. Pure; any bytes
 * decode to something.
 */
const ESC = 0x1b;
/** Ends a data block; its first byte is also the end sentinel of the last track. */
const BLOCK_END = [0x3f, 0x1c] as const;
/** Bits to a character on the three tracks, as the device counts them. */
const BITS = {
  iso: [7, 5, 5],
  /** Bytes full of bits: cutting them into characters is ours, not the device's. */
  raw: [8, 8, 8],
} as const;

export const STATUS = {
  ok: 0x30,
  readWrite: 0x31,
  format: 0x32,
  invalid: 0x34,
  badSwipe: 0x39,
  refused: 0x41,
} as const;
const STATUSES: ReadonlySet<number> = new Set(Object.values(STATUS));

export type Lamp = "off" | "all" | "green" | "yellow" | "red";
const LAMPS: Readonly<Record<Lamp, number>> = { off: 0x81, all: 0x82, green: 0x83, yellow: 0x84, red: 0x85 };

export type Coercivity = "low" | "high";
export type TrackMode = "iso" | "raw";
export type TrackText = { readonly track: TrackNumber; readonly text: string };

export const commands = {
  /** Ends whatever the device waits for. Without an answer. */
  reset: Uint8Array.of(ESC, 0x61),
  test: Uint8Array.of(ESC, 0x65),
  model: Uint8Array.of(ESC, 0x74),
  firmware: Uint8Array.of(ESC, 0x76),
  setBits: (mode: TrackMode) => Uint8Array.of(ESC, 0x6f, ...BITS[mode]),
  readRaw: Uint8Array.of(ESC, 0x6d),
  setCoercivity: (coercivity: Coercivity) => Uint8Array.of(ESC, coercivity === "high" ? 0x78 : 0x79),
  /** Without an answer. */
  lamp: (lamp: Lamp) => Uint8Array.of(ESC, LAMPS[lamp]),
  /** `mask`: bit 0 for track 1, bit 1 for track 2, bit 2 for track 3. */
  erase: (mask: number) => Uint8Array.of(ESC, 0x63, mask),
  write: (mode: TrackMode, tracks: readonly TrackText[]) =>
    Uint8Array.from([ESC, mode === "iso" ? 0x77 : 0x6e, ...block(mode, tracks)]),
} as const;

/** Bit 0 for track 1. */
export function eraseMask(tracks: readonly TrackNumber[]): number {
  return tracks.reduce<number>((mask, track) => mask | (1 << (track - 1)), 0);
}

/** The device adds sentinels, parity and check character to ISO text; a raw track is all the caller's. */
function block(mode: TrackMode, tracks: readonly TrackText[]): readonly number[] {
  const content = ([1, 2, 3] as const).flatMap((track) => {
    const text = tracks.find((it) => it.track === track)?.text;
    if (mode === "iso") return [ESC, track, ...Buffer.from(text ?? "", "latin1")];
    const bytes = text === undefined ? [] : packed(encodeTrack(track, text));
    return [ESC, track, bytes.length, ...bytes];
  });
  return [ESC, 0x73, ...content, ...BLOCK_END];
}

/** Towards the device the first bit is the lowest of the first byte; the last byte is filled up with zeros. */
export function packed(bits: readonly Bit[]): readonly number[] {
  return Array.from({ length: Math.ceil(bits.length / 8) }, (_, at) =>
    bits.slice(at * 8, at * 8 + 8).reduce<number>((byte, bit, index) => byte | (bit << index), 0),
  );
}

/** From the device the first bit is the highest of the first byte. */
export function unpacked(bytes: Uint8Array): readonly Bit[] {
  return [...bytes].flatMap((byte) => [7, 6, 5, 4, 3, 2, 1, 0].map((bit) => ((byte >> bit) & 1) as Bit));
}

/** Looks for one kind of answer in what was heard since the command; undefined while it is not there, or not whole. */
export type Answer<T> = (heard: Uint8Array) => T | undefined;

export const answers = {
  test: find(2, ([, code]) => (code === 0x79 ? true : undefined)),
  status: find(2, ([, code = 0]) => (STATUSES.has(code) ? code : undefined)),
  bits: (mode: TrackMode): Answer<true> =>
    find(5, ([, status, ...bits]) =>
      status === STATUS.ok && BITS[mode].every((value, index) => bits[index] === value) ? true : undefined,
    ),
  /** Number of tracks. */
  model: find(3, ([, tracks = 0, end]) =>
    end === 0x53 && tracks >= 0x31 && tracks <= 0x33 ? tracks - 0x30 : undefined,
  ),
  firmware: find(9, ([, ...text]) =>
    text.every((byte) => byte > 0x20 && byte < 0x7f) ? String.fromCharCode(...text) : undefined,
  ),
  /** A raw block with the status behind it. */
  rawBlock: ((heard) => {
    for (let at = 0; at < heard.length; at++) {
      const found = rawBlockAt(heard, at);
      if (found !== undefined) return found;
    }
    return undefined;
  }) satisfies Answer<RawBlock>,
} as const;

export interface RawBlock {
  readonly status: number;
  readonly read: StripeRead;
}

/** The first place at which `size` bytes, beginning with ESC, are one. */
function find<T>(size: number, take: (bytes: readonly number[]) => T | undefined): Answer<T> {
  return (heard) => {
    for (let at = 0; at + size <= heard.length; at++) {
      if (heard[at] !== ESC) continue;
      const found = take([...heard.subarray(at, at + size)]);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

/** Track by track by its length: what is recorded may hold ESC, and the end of a block. */
function rawBlockAt(heard: Uint8Array, start: number): RawBlock | undefined {
  if (heard[start] !== ESC || heard[start + 1] !== 0x73) return undefined;
  let at = start + 2;
  const read = new Map<TrackNumber, StripeRead[TrackNumber]>();
  for (const track of [1, 2, 3] as const) {
    const length = heard[at + 2];
    if (heard[at] !== ESC || heard[at + 1] !== track || length === undefined) return undefined;
    const bytes = heard.subarray(at + 3, at + 3 + length);
    if (bytes.length < length) return undefined;
    read.set(track, decodeTrack(track, unpacked(bytes)));
    at += 3 + length;
  }
  const [end1, end2, escape, status] = heard.subarray(at, at + 4);
  if (end1 !== BLOCK_END[0] || end2 !== BLOCK_END[1] || escape !== ESC) return undefined;
  if (status === undefined || !STATUSES.has(status)) return undefined;
  const blank = { is: "blank" } as const;
  return { status, read: { 1: read.get(1) ?? blank, 2: read.get(2) ?? blank, 3: read.get(3) ?? blank } };
}
