import { createDecipheriv } from "node:crypto";
import { aesCbc, cmacSubkeys, xor } from "#src/lib/aes-cmac";

/**
 * The cryptography of DESFire sessions. Sources: NXP MF3ICDx21 short data sheet, libfreefare 0.4.0; `transcript.json`
 * holds an exchange that both sides of other programs made.
 */

const AES_BLOCK = 16;
const DES_BLOCK = 8;
const MAC_BYTES = 8;

/**
 * An AES session: one initialisation vector goes through every command and every answer, so that none can be left out,
 * repeated or exchanged.
 */
export class AesChannel {
  readonly #key: Uint8Array;
  readonly #subkeys: ReturnType<typeof cmacSubkeys>;
  #iv: Uint8Array = new Uint8Array(AES_BLOCK);

  constructor(sessionKey: Uint8Array) {
    this.#key = sessionKey;
    this.#subkeys = cmacSubkeys(sessionKey);
  }

  /** CMAC over the message, begun with the chained vector; its first 8 bytes. */
  mac(message: Uint8Array): Uint8Array {
    const size = Math.max(1, Math.ceil(message.length / AES_BLOCK)) * AES_BLOCK;
    const isWhole = message.length === size;
    const blocks = padded(isWhole ? message : Uint8Array.of(...message, 0x80), AES_BLOCK);
    const { k1, k2 } = this.#subkeys;
    blocks.set(xor(blocks.subarray(-AES_BLOCK), isWhole ? k1 : k2), size - AES_BLOCK);
    return this.encipher(blocks).slice(-AES_BLOCK, -AES_BLOCK + MAC_BYTES);
  }

  /** `plain` is filled up with zeros. */
  encipher(plain: Uint8Array): Uint8Array {
    const enciphered = aesCbc(this.#key, this.#iv).encrypt(padded(plain, AES_BLOCK));
    this.#iv = enciphered.slice(-AES_BLOCK);
    return enciphered;
  }

  /** Null when it is not whole blocks. */
  decipher(enciphered: Uint8Array): Uint8Array | null {
    if (enciphered.length === 0 || enciphered.length % AES_BLOCK !== 0) return null;
    const plain = aesCbc(this.#key, this.#iv).decrypt(enciphered);
    this.#iv = enciphered.slice(-AES_BLOCK);
    return plain;
  }
}

/** The card enciphers, so the host deciphers, whichever way the bytes go: single DES, vector 0 for every message. */
export class DesChannel {
  readonly #key: Uint8Array;

  /** 8 bytes. */
  constructor(key: Uint8Array) {
    this.#key = Uint8Array.of(...key, ...key, ...key);
  }

  /** For the card: each block is deciphered together with what went before. `plain` is filled up with zeros. */
  send(plain: Uint8Array): Uint8Array {
    const blocks = padded(plain, DES_BLOCK);
    let last: Uint8Array = new Uint8Array(DES_BLOCK);
    for (let at = 0; at < blocks.length; at += DES_BLOCK) {
      last = this.#decipher(xor(blocks.subarray(at, at + DES_BLOCK), last));
      blocks.set(last, at);
    }
    return blocks;
  }

  /** One block from the card. */
  receive(enciphered: Uint8Array): Uint8Array {
    return this.#decipher(enciphered);
  }

  #decipher(block: Uint8Array): Uint8Array {
    const decipher = createDecipheriv("des-ede3-cbc", this.#key, new Uint8Array(DES_BLOCK));
    decipher.setAutoPadding(false);
    return new Uint8Array(decipher.update(block));
  }
}

/** Of AES sessions: reflected 04C11DB7, begun with ones, not inverted at the end; low byte first. */
export function crc32(bytes: Uint8Array): Uint8Array {
  return checksum(bytes, 0xffffffff, 0xedb88320, 4);
}

/** Of DES sessions: CRC_A of ISO/IEC 14443-3, low byte first. */
export function crc16(bytes: Uint8Array): Uint8Array {
  return checksum(bytes, 0x6363, 0x8408, 2);
}

function checksum(bytes: Uint8Array, start: number, polynomial: number, size: 2 | 4): Uint8Array {
  let crc = start;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  }
  return Uint8Array.from({ length: size }, (_, i) => crc >>> (8 * i));
}

function padded(bytes: Uint8Array, block: number): Uint8Array {
  const filled = new Uint8Array(Math.ceil(bytes.length / block) * block);
  filled.set(bytes);
  return filled;
}
