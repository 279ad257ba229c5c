/**
 * The bytes of D-Logic's uFR readers (uFR serial communication protocol, v1.26): frames of seven bytes, longer data
 * behind them. Pure; any bytes decode to something.
 */

export const COMMAND = {
  readerType: 0x10,
  writeTrailer: 0x1a,
  readBlock: 0x16,
  writeBlock: 0x17,
  signal: 0x26,
  firmware: 0x29,
  hardware: 0x2a,
  antiCollisionOn: 0x2d,
  antiCollisionOff: 0x2e,
  enumerate: 0x37,
  listCards: 0x38,
  selectCard: 0x39,
  serialNumber: 0x40,
  isoDepOn: 0x93,
  apdu: 0x94,
  tagVersion: 0xb0,
  resetField: 0xe5,
} as const;

export const ERROR = {
  communication: 0x01,
  checksum: 0x02,
  read: 0x03,
  noCard: 0x08,
  authentication: 0x0e,
  noneEnumerated: 0x7e,
} as const;

/** How a block is opened: with the key that comes along, or (tags) without one. */
export const OPEN_WITH = { A: 0x60, B: 0x61, password: 0x61, nothing: 0x00 } as const;

export interface Command {
  readonly code: number;
  readonly p0?: number;
  readonly p1?: number;
  /** Sent once the reader has said that it waits for it; at most 254 bytes. */
  readonly data?: Uint8Array;
}

export type Frame =
  /** The reader waits for the data. */
  | { readonly is: "ack"; readonly code: number }
  | {
      readonly is: "answer";
      readonly code: number;
      readonly v0: number;
      readonly v1: number;
      readonly data: Uint8Array;
    }
  /** Which command it is about the reader does not say. */
  | { readonly is: "error"; readonly error: number };

const HEAD = { command: 0x55, ack: 0xac, answer: 0xde, error: 0xec } as const;
const TAIL = { command: 0xaa, ack: 0xca, answer: 0xed, error: 0xce } as const;
const FRAME_BYTES = 7;

export function encodeCommand({ code, p0 = 0, p1 = 0, data }: Command): Uint8Array {
  const length = data === undefined ? 0 : data.length + 1;
  return withChecksum([HEAD.command, code, TAIL.command, length, p0, p1]);
}

export function encodeData(data: Uint8Array): Uint8Array {
  return withChecksum(data);
}

/** Every whole frame with right checksums, in order; what lies between is noise. */
export function framesIn(heard: Uint8Array): readonly Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at + FRAME_BYTES <= heard.length;) {
    const found = frameAt(heard, at);
    if (found !== null) frames.push(found.frame);
    at += found?.length ?? 1;
  }
  return frames;
}

function frameAt(heard: Uint8Array, at: number): { readonly frame: Frame; readonly length: number } | null {
  const bytes = heard.subarray(at, at + FRAME_BYTES);
  const [head, code = 0, tail, size = 0, v0 = 0, v1 = 0] = bytes;
  if (bytes[FRAME_BYTES - 1] !== checksum(bytes.subarray(0, FRAME_BYTES - 1))) return null;
  // Only the acknowledgement repeats the length of what is still to come from us.
  if (head === HEAD.ack && tail === TAIL.ack) return { frame: { is: "ack", code }, length: FRAME_BYTES };
  const length = FRAME_BYTES + size;
  const data = heard.slice(at + FRAME_BYTES, at + length - 1);
  const isWhole = size === 0 || (data.length === size - 1 && heard[at + length - 1] === checksum(data));
  if (!isWhole) return null;
  if (head === HEAD.answer && tail === TAIL.answer)
    return { frame: { is: "answer", code, v0, v1, data: size === 0 ? new Uint8Array() : data }, length };
  if (head === HEAD.error && tail === TAIL.error) return { frame: { is: "error", error: code }, length };
  return null;
}

/** All bytes, XORed, and 7. */
function checksum(bytes: ArrayLike<number>): number {
  return (Array.from(bytes).reduce((sum, byte) => sum ^ byte, 0) + 7) & 0xff;
}

function withChecksum(bytes: ArrayLike<number>): Uint8Array {
  return Uint8Array.of(...Array.from(bytes), checksum(bytes));
}

/** Each entry has a length and ten bytes for a UID; null for what is no list. */
export function uidsOf(data: Uint8Array): readonly string[] | null {
  const entries = Array.from({ length: data.length / 11 }, (_, i) => data.subarray(i * 11, i * 11 + 11));
  const isList = data.length % 11 === 0 && entries.every(([length = 0]) => [4, 7, 10].includes(length));
  return isList
    ? entries.map((entry) => Buffer.from(entry.subarray(1, 1 + (entry[0] ?? 0))).toString("hex"))
    : null;
}

/** The vendor's card types → SEL_RES of the family, by which cards are told apart. */
export function sakOf(type: number): number {
  if (type === 0x21) return 0x08;
  if (type === 0x22) return 0x18;
  if (type >= 0x01 && type <= 0x0c) return 0x00;
  return type >= 0x27 && type <= 0x2d ? 0x20 : UNKNOWN_SAK;
}
const UNKNOWN_SAK = 0xff;

/**
 * A trailer as the reader wants it: keys, and access conditions as numbers 0–7 for each block, from which it makes the
 * bits itself. Null when the 16 bytes are no trailer that may be written: an inverted copy does not match.
 */
export function trailerParts(trailer: Uint8Array): readonly number[] | null {
  const [b6 = 0, b7 = 0, b8 = 0, general = 0] = trailer.subarray(6, 10);
  const [c1, c2, c3] = [b7 >> 4, b8 & 0x0f, b8 >> 4];
  const isSound = (b6 & 0x0f) === (~c1 & 0x0f) && b6 >> 4 === (~c2 & 0x0f) && (b7 & 0x0f) === (~c3 & 0x0f);
  if (trailer.length !== 16 || !isSound) return null;
  const condition = (n: number) => (((c1 >> n) & 1) << 2) | (((c2 >> n) & 1) << 1) | ((c3 >> n) & 1);
  const conditions = [condition(0), condition(1), condition(2), condition(3)];
  return [general, ...trailer.subarray(0, 6), ...conditions, ...trailer.subarray(10)];
}
