import { timingSafeEqual } from "node:crypto";
import { aesCmac } from "#src/lib/aes-cmac";
import { fromHex, toHex } from "#src/lib/hex";
import { macKey, type SiteKeys } from "./site-keys.js";
import type { WiegandBits } from "./wiegand.js";

/**
 * The 48 bytes that an offline lock reads, the same in every container. `docs/card-format.md` is the description for
 * lock makers; numbers are big-endian.
 */
export const RECORD_BYTES = 48;
/** The last 8 bytes: what makes the other 40 valid. */
const MAC_AT = 40;
const MAGIC = [0x4f, 0x43] as const;
const LAYOUT_VERSION = 1;

/** In the order of their numbers on the card. */
export const CARD_TYPES = [
  "cancelled",
  "guest",
  "staff",
  "one_shot",
  "master",
  "lock_service",
  "member",
] as const;
export type CardType = (typeof CARD_TYPES)[number];

const FLAG = { overridesDeadbolt: 1, allowsPassage: 2, isSingleUse: 4, hasWiegand: 8 } as const;
const FLAGS_KNOWN = 0x0f;

export const SEQUENCE_MAX = 0xffff;
export const KEY_VERSION_MAX = 0xff;
/** In `validTo`: no end. */
export const NO_END = 0xffffffff;
const WIEGAND_BITS_MAX = 40;

export interface CardRecord {
  readonly type: CardType;
  /** 8 bytes, lower-case hex; random, never the UID and never a name. */
  readonly credentialId: string;
  /** 0–65535. A lock that has seen a higher one of the same credential id refuses the card. */
  readonly sequence: number;
  readonly overridesDeadbolt: boolean;
  readonly allowsPassage: boolean;
  readonly isSingleUse: boolean;
  /** Unix seconds; 0 = no start. */
  readonly validFrom: number;
  /** Unix seconds; FFFFFFFF = no end. */
  readonly validTo: number;
  /** 0 = none. */
  readonly door: number;
  /** Bit n = shared zone n. */
  readonly zones: number;
  /** What an online reader may send on, or null. */
  readonly wiegand: WiegandBits | null;
}

export type DecodedRecord =
  | { readonly is: "blank" }
  | { readonly is: "ours"; readonly record: CardRecord; readonly keyVersion: number }
  /** Not a record of this site. */
  | { readonly is: "foreign"; readonly reason: "no_record" | "layout" | "issuer" }
  /** Begins as a record of this site and is not a valid one, on this card. */
  | { readonly is: "damaged"; readonly reason: "length" | "no_issuer" | "key_version" | "mac" | "fields" };

/**
 * The record's bytes for one card: its MAC covers the UID (hex), so that a copy on another card is not valid.
 * Throws RangeError for a number that does not fit its field.
 */
export function encodeRecord(record: CardRecord, uid: string, keys: SiteKeys): Uint8Array {
  const bytes = Buffer.alloc(RECORD_BYTES);
  bytes.set([...MAGIC, LAYOUT_VERSION, CARD_TYPES.indexOf(record.type)]);
  bytes.set(exactly(4, keys.issuer.reveal()), 4);
  bytes.set(exactly(8, fromHex(record.credentialId)), 8);
  bytes.writeUInt16BE(record.sequence, 16);
  bytes.writeUInt8(keys.version, 18);
  bytes.writeUInt8(flagsOf(record), 19);
  bytes.writeUInt32BE(record.validFrom, 20);
  bytes.writeUInt32BE(record.validTo, 24);
  bytes.writeUInt16BE(record.door, 28);
  bytes.writeUInt32BE(record.zones, 30);
  if (record.wiegand !== null) {
    const { length, word } = record.wiegand;
    if (!areBits(length, word)) throw new RangeError(`a record carries 1–${WIEGAND_BITS_MAX} Wiegand bits`);
    bytes.writeUInt8(length, 34);
    bytes.writeUIntBE(Number(word), 35, 5);
  }
  bytes.set(macOf(bytes, uid, keys), MAC_AT);
  return new Uint8Array(bytes);
}

/** Says what any bytes are on the card `uid` (hex); never throws for them. */
export function decodeRecord(bytes: Uint8Array, uid: string, keySets: readonly SiteKeys[]): DecodedRecord {
  if (bytes.length !== RECORD_BYTES) return { is: "damaged", reason: "length" };
  if (bytes.every((byte) => byte === 0)) return { is: "blank" };
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return { is: "foreign", reason: "no_record" };
  if (bytes[2] !== LAYOUT_VERSION) return { is: "foreign", reason: "layout" };
  const issuer = Buffer.from(bytes.subarray(4, 8));
  // No site has the id 0: a record that is being wiped page by page ends like this.
  if (issuer.every((byte) => byte === 0)) return { is: "damaged", reason: "no_issuer" };
  const sameIssuer = keySets.filter((keys) => issuer.equals(keys.issuer.reveal()));
  if (sameIssuer.length === 0) return { is: "foreign", reason: "issuer" };
  const keys = sameIssuer.find(({ version }) => version === bytes[18]);
  if (keys === undefined) return { is: "damaged", reason: "key_version" };
  if (!timingSafeEqual(macOf(bytes, uid, keys), bytes.subarray(MAC_AT)))
    return { is: "damaged", reason: "mac" };
  const record = fieldsOf(bytes);
  return record === null
    ? { is: "damaged", reason: "fields" }
    : { is: "ours", record, keyVersion: keys.version };
}

/** Null for values that this layout version does not know, or that contradict each other. */
function fieldsOf(source: Uint8Array): CardRecord | null {
  const bytes = Buffer.from(source);
  const type = CARD_TYPES[bytes.readUInt8(3)];
  const flags = bytes.readUInt8(19);
  const length = bytes.readUInt8(34);
  const word = BigInt(bytes.readUIntBE(35, 5));
  const hasWiegand = (flags & FLAG.hasWiegand) !== 0;
  const isWiegandSound = hasWiegand ? areBits(length, word) : length === 0 && word === 0n;
  if (type === undefined || (flags & ~FLAGS_KNOWN) !== 0 || !isWiegandSound) return null;
  return {
    type,
    credentialId: toHex(bytes.subarray(8, 16)),
    sequence: bytes.readUInt16BE(16),
    overridesDeadbolt: (flags & FLAG.overridesDeadbolt) !== 0,
    allowsPassage: (flags & FLAG.allowsPassage) !== 0,
    isSingleUse: (flags & FLAG.isSingleUse) !== 0,
    validFrom: bytes.readUInt32BE(20),
    validTo: bytes.readUInt32BE(24),
    door: bytes.readUInt16BE(28),
    zones: bytes.readUInt32BE(30),
    wiegand: hasWiegand ? { length, word } : null,
  };
}

function flagsOf(record: CardRecord): number {
  return (
    (record.overridesDeadbolt ? FLAG.overridesDeadbolt : 0) |
    (record.allowsPassage ? FLAG.allowsPassage : 0) |
    (record.isSingleUse ? FLAG.isSingleUse : 0) |
    (record.wiegand === null ? 0 : FLAG.hasWiegand)
  );
}

/** First 8 bytes of CMAC(card's key, UID length ‖ UID ‖ bytes 0–39). */
function macOf(bytes: Uint8Array, uid: string, keys: SiteKeys): Uint8Array {
  const uidBytes = fromHex(uid);
  const message = Uint8Array.from([uidBytes.length, ...uidBytes, ...bytes.subarray(0, MAC_AT)]);
  return aesCmac(macKey(keys, uid).reveal(), message).slice(0, RECORD_BYTES - MAC_AT);
}

function areBits(length: number, word: bigint): boolean {
  return (
    Number.isInteger(length) &&
    length >= 1 &&
    length <= WIEGAND_BITS_MAX &&
    word >= 0n &&
    word >> BigInt(length) === 0n
  );
}

function exactly(size: number, bytes: Uint8Array): Uint8Array {
  if (bytes.length !== size) throw new RangeError(`a record's field has ${size} bytes, not ${bytes.length}`);
  return bytes;
}
