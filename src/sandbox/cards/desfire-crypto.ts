import { createCipheriv, createDecipheriv } from "node:crypto";

/**
 * The card's side of DESFire's cryptography, from its data sheet and with nothing of the gateway: AES and DES from
 * node:crypto, CMAC by NIST SP 800-38B on big integers.
 */

export interface CardKey {
  readonly cipher: "des" | "aes";
  /** 16 bytes either way; a DES key whose halves are equal is single DES. */
  readonly bytes: Buffer;
  readonly version: number;
}

/** What a host that knows `key` and the card agreed on. */
export interface CardSession {
  readonly number: number;
  readonly cipher: "des" | "aes";
  readonly key: Buffer;
  /** AES only: goes through everything that is said. */
  iv: Buffer;
}

const MAC_BYTES = 8;

export function blockBytes(cipher: CardKey["cipher"]): 8 | 16 {
  return cipher === "aes" ? 16 : 8;
}

const MODE = { aes: "aes-128-cbc", des: "des-ede-cbc" } as const;

export function encipher(
  { cipher, key }: Pick<CardSession, "cipher" | "key">,
  iv: Buffer,
  plain: Buffer,
): Buffer {
  const engine = createCipheriv(MODE[cipher], key, iv).setAutoPadding(false);
  return Buffer.concat([engine.update(plain), engine.final()]);
}

function decipher(key: Buffer, iv: Buffer, enciphered: Buffer): Buffer {
  const engine = createDecipheriv(MODE.aes, key, iv).setAutoPadding(false);
  return Buffer.concat([engine.update(enciphered), engine.final()]);
}

/** What a host sent that deciphers where the card enciphers (the way of the first generation). */
export function received({ key }: Pick<CardSession, "key">, sent: Buffer): Buffer {
  const plain = Buffer.alloc(sent.length);
  let last: Buffer = Buffer.alloc(8);
  for (let at = 0; at + 8 <= sent.length; at += 8) {
    const block = sent.subarray(at, at + 8);
    const opened = encipher({ cipher: "des", key }, Buffer.alloc(8), block);
    for (let i = 0; i < 8; i++) plain[at + i] = (opened[i] ?? 0) ^ (last[i] ?? 0);
    last = block;
  }
  return plain;
}

/** What the host enciphered in its own way, under the session. */
export function opened(session: CardSession, sent: Buffer): Buffer {
  if (session.cipher === "des") return received(session, sent);
  const plain = decipher(session.key, session.iv, sent);
  session.iv = Buffer.from(sent.subarray(-16));
  return plain;
}

export function openedOnce(key: Buffer, iv: Buffer, sent: Buffer): Buffer {
  return decipher(key, iv, sent);
}

/** Enciphers an answer of an AES session, filled up with zeros. */
export function sealed(session: CardSession, plain: Buffer): Buffer {
  const whole = Buffer.alloc(Math.ceil(plain.length / 16) * 16);
  plain.copy(whole);
  const sent = encipher(session, session.iv, whole);
  session.iv = Buffer.from(sent.subarray(-16));
  return sent;
}

/** The MAC of what was said in an AES session; empty in a DES session, which has none for commands. */
export function mac(session: CardSession, message: Buffer): Buffer {
  if (session.cipher === "des") return Buffer.alloc(0);
  const k1 = doubled(big(encipher(session, Buffer.alloc(16), Buffer.alloc(16))));
  const isWhole = message.length > 0 && message.length % 16 === 0;
  const text = Buffer.alloc(isWhole ? message.length : (Math.floor(message.length / 16) + 1) * 16);
  message.copy(text);
  if (!isWhole) text[message.length] = 0x80;
  const last = text.subarray(-16);
  bytesOf(big(last) ^ (isWhole ? k1 : doubled(k1))).copy(last);
  session.iv = Buffer.from(encipher(session, session.iv, text).subarray(-16));
  return Buffer.from(session.iv.subarray(0, MAC_BYTES));
}

function doubled(value: bigint): bigint {
  const shifted = BigInt.asUintN(128, value << 1n);
  return value >> 127n === 1n ? shifted ^ 0x87n : shifted;
}

function big(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString("hex")}`);
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(32, "0"), "hex");
}

/** CRC-32 of IEEE 802.3 without its last inversion, as AES sessions use it; low byte first. */
export function crc32(bytes: Buffer): Buffer {
  let crc = 0xffff_ffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0xedb8_8320n : crc >> 1n;
  }
  const sent = Buffer.alloc(4);
  sent.writeUInt32LE(Number(crc));
  return sent;
}

/** CRC_A of ISO/IEC 14443-3, as DES sessions use it; low byte first. */
export function crc16(bytes: Buffer): Buffer {
  let crc = 0x6363;
  for (const byte of bytes) {
    let mixed = byte ^ (crc & 0xff);
    mixed = (mixed ^ (mixed << 4)) & 0xff;
    crc = ((crc >> 8) ^ (mixed << 8) ^ (mixed << 3) ^ (mixed >> 4)) & 0xffff;
  }
  return Buffer.of(crc & 0xff, crc >> 8);
}

export function rotatedLeft(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(1), bytes.subarray(0, 1)]);
}

/** The session's key from both nonces. */
export function sessionKey({ cipher, bytes }: CardKey, theirs: Buffer, ours: Buffer): Buffer {
  const [a, b] = [theirs.subarray(0, 4), ours.subarray(0, 4)];
  if (cipher === "aes") return Buffer.concat([a, b, theirs.subarray(12), ours.subarray(12)]);
  const isSingle = bytes.subarray(0, 8).equals(bytes.subarray(8));
  return Buffer.concat(isSingle ? [a, b, a, b] : [a, b, theirs.subarray(4), ours.subarray(4)]);
}
