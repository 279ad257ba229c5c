/**
 * What is said to a contactless reader through PC/SC: the commands of PC/SC part 3 (supplement) for storage cards, and
 * ACS's way to the chip of an ACR122U. Pure; any bytes decode to something.
 */

export const apdus = {
  uid: () => Uint8Array.of(0xff, 0xca, 0x00, 0x00, 0x00),
  /** `structure`: 00 into the reader's volatile memory (ACS), 20 into the other one (OMNIKEY takes only that). */
  loadKey: (key: Uint8Array, structure: 0x00 | 0x20) =>
    Uint8Array.of(0xff, 0x82, structure, 0x00, 0x06, ...key),
  authenticate: (block: number, slot: "A" | "B") =>
    Uint8Array.of(0xff, 0x86, 0x00, 0x00, 0x05, 0x01, 0x00, block, slot === "A" ? 0x60 : 0x61, 0x00),
  read: (block: number) => Uint8Array.of(0xff, 0xb0, 0x00, block, 0x10),
  write: (block: number, data: Uint8Array) => Uint8Array.of(0xff, 0xd6, 0x00, block, data.length, ...data),
  /** ACR122U: the bytes go to the card as they are (the PN532's InCommunicateThru). */
  direct: (frame: Uint8Array) =>
    Uint8Array.of(0xff, 0x00, 0x00, 0x00, frame.length + 2, 0xd4, 0x42, ...frame),
} as const;

export interface Reply {
  /** Both status bytes. */
  readonly status: number;
  readonly data: Uint8Array;
}

export const OK = 0x9000;
/** The card refuses, or is gone: PC/SC does not say which. */
export const FAILED = 0x6300;

export function replyOf(answer: Uint8Array): Reply | null {
  const end = answer.length - 2;
  if (end < 0) return null;
  return { status: ((answer[end] ?? 0) << 8) | (answer[end + 1] ?? 0), data: answer.slice(0, end) };
}

/** What the card said through an ACR122U; null when it said no or nothing. */
export function directAnswer(reply: Reply | null): Uint8Array | null {
  const [group, code, status] = reply?.data ?? [];
  if (reply?.status !== OK || group !== 0xd5 || code !== 0x43 || status !== 0x00) return null;
  return reply.data.slice(3);
}

/** PC/SC part 3: after the registered provider id come the standard (03: ISO 14443 A, part 3) and the card's name. */
const STORAGE_CARD = [0x80, 0x4f, 0x0c, 0xa0, 0x00, 0x00, 0x03, 0x06, 0x03];
const SAK_BY_NAME: Readonly<Record<number, number>> = { 0x0001: 0x08, 0x0002: 0x18, 0x0003: 0x00 };
const SAK_ISO_DEP = 0x20;
const SAK_UNKNOWN = 0xff;

/** SEL_RES of the family of cards that an ATR stands for: a reader tells no SEL_RES itself. */
export function sakOf(atr: Uint8Array): number {
  const at = 4;
  const isStorage = STORAGE_CARD.every((byte, i) => atr[at + i] === byte);
  const [, , td1, td2] = atr;
  if (isStorage) return SAK_BY_NAME[((atr[at + 9] ?? 0) << 8) | (atr[at + 10] ?? 0)] ?? SAK_UNKNOWN;
  return atr[0] === 0x3b && td1 === 0x80 && td2 === 0x01 ? SAK_ISO_DEP : SAK_UNKNOWN;
}
