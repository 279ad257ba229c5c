import type { CardRead } from "#driver-api";

/**
 * The bytes of an rf IDEAS pcProx reader: feature reports of eight bytes, as micolous/pcprox describes them
 * (protocol.md, tried on an RDR-6081AKU with firmware 7.3). Pure; any bytes decode to something.
 */
export const REPORT_BYTES = 8;

export const COMMAND = {
  /** The bits of the card that is there, lowest byte first; zeros when there is none. */
  card: 0x8f,
  /** How many bits that were. Only after `card` was asked for. */
  cardBits: 0x8e,
  info: 0x8a,
  /** Configuration page 0: how card data is taken apart, and what is typed. */
  page0: 0x80,
  /** Ends a change of pages; without a mask it is kept in memory only, never burnt. */
  finish: 0x90,
} as const;

const PAGE = {
  /** Parity bits that are taken off: low nibble leading, high nibble trailing. */
  parity: 2,
  flags: 7,
} as const;
const FLAG = {
  /** Only cards with just so many bits. */
  onlyExpected: 0x02,
  /** No keystrokes: the reader is asked, and types nothing. */
  isAsked: 0x80,
} as const;
const BITS_MAX = 64;

export function encodeCommand(code: number): Uint8Array {
  return Uint8Array.of(code, 0, 0, 0, 0, 0, 0, 0);
}

export interface Info {
  readonly firmware: string;
  /** Four hex digits. */
  readonly type: string;
}

/** Null for what no such reader says. */
export function parseInfo(report: Uint8Array): Info | null {
  const [first, second, minor = 0, major = 0, , low = 0, high = 0] = report;
  if (report.length !== REPORT_BYTES || first !== 0 || second !== 0 || major === 0) return null;
  const type = ((high << 8) | low).toString(16).padStart(4, "0");
  return { firmware: `${major}.${minor >> 4}.${minor & 0x0f}`, type };
}

/** Page 0 for a reader that is asked: nothing typed, every card, every bit of it. */
export function askedPage(page: Uint8Array): Uint8Array {
  const asked = Uint8Array.from(page);
  asked[PAGE.parity] = 0;
  asked[PAGE.flags] = ((page[PAGE.flags] ?? 0) | FLAG.isAsked) & ~FLAG.onlyExpected;
  return asked;
}

/** What the two answers about a card say; null when there is none, or they contradict each other. */
export function cardOf(data: Uint8Array, length: Uint8Array): CardRead | null {
  const [bitCount = 0] = length;
  if (bitCount === 0 || bitCount > BITS_MAX || data.length !== REPORT_BYTES) return null;
  const value = data.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  if (value === 0n || value >> BigInt(bitCount) !== 0n) return null;
  const byteCount = Math.ceil(bitCount / 8);
  const justified = value << BigInt(byteCount * 8 - bitCount);
  const bits = Uint8Array.from({ length: byteCount }, (_, index) =>
    Number((justified >> BigInt((byteCount - 1 - index) * 8)) & 0xffn),
  );
  return { bits, bitCount };
}
