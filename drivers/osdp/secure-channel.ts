import { createCipheriv, createDecipheriv, timingSafeEqual } from "node:crypto";
import { encodeCommand, type Frame, type FrameContent, hasMac, MAC_BYTES, SECURITY } from "./protocol.js";

/**
 * OSDP's secure channel, the panel's side: AES-128, one base key (SCBK) a peripheral. SIA OSDP v2.2, annex D; examples
 * in annex E.
 */

const BLOCK = 16;
const PADDING = 0x80;
/** Which session key is derived: the second byte of the block that is encrypted. */
const PURPOSE = { encryption: 0x82, mac1: 0x01, mac2: 0x02 } as const;

/** Known to everybody, and accepted by a peripheral in install mode only. */
export const DEFAULT_KEY = Uint8Array.from({ length: BLOCK }, (_, index) => 0x30 + index);

interface SessionKeys {
  readonly encryption: Uint8Array;
  readonly mac1: Uint8Array;
  readonly mac2: Uint8Array;
}

/** One handshake: our random number, then the peripheral's, then proofs on both sides. */
export class Handshake {
  /** 8 bytes, for the challenge. */
  readonly random: Uint8Array;
  readonly #keys: SessionKeys;
  #serverCryptogram: Uint8Array = new Uint8Array();

  constructor(baseKey: Uint8Array, random: Uint8Array) {
    this.random = random;
    const key = (purpose: number) => {
      const block = new Uint8Array(BLOCK);
      block.set([0x01, purpose, ...random.subarray(0, 6)]);
      return ecb(baseKey, block);
    };
    this.#keys = {
      encryption: key(PURPOSE.encryption),
      mac1: key(PURPOSE.mac1),
      mac2: key(PURPOSE.mac2),
    };
  }

  /** Our proof (16 bytes), or null when the peripheral's is wrong: it has another key. */
  prove(clientRandom: Uint8Array, clientCryptogram: Uint8Array): Uint8Array | null {
    const expected = ecb(this.#keys.encryption, Uint8Array.from([...this.random, ...clientRandom]));
    if (!isEqual(expected, clientCryptogram)) return null;
    this.#serverCryptogram = ecb(this.#keys.encryption, Uint8Array.from([...clientRandom, ...this.random]));
    return this.#serverCryptogram;
  }

  /** The channel, or null when the peripheral's first MAC is wrong. The status byte beside it proves nothing. */
  finish(initialMac: Uint8Array): SecureChannel | null {
    const expected = ecb(this.#keys.mac2, ecb(this.#keys.mac1, this.#serverCryptogram));
    return isEqual(expected, initialMac) ? new SecureChannel(this.#keys, expected) : null;
  }
}

/** An open channel. Each side's MAC starts from the other side's last one, so that nothing can be replayed. */
export class SecureChannel {
  readonly #keys: SessionKeys;
  /** Whole MACs; four bytes travel, sixteen are kept. */
  #lastReplyMac: Uint8Array;
  #lastCommandMac: Uint8Array = new Uint8Array(BLOCK);

  constructor(keys: SessionKeys, initialMac: Uint8Array) {
    this.#keys = keys;
    this.#lastReplyMac = initialMac;
  }

  /** The command's bytes. To repeat it, send the same bytes again. */
  wrap(command: Omit<FrameContent, "security">): Uint8Array {
    const start = this.#lastReplyMac;
    const isEmpty = command.data.length === 0;
    const data = isEmpty ? command.data : this.#encrypt(command.data, start);
    const type = isEmpty ? SECURITY.commandMac : SECURITY.commandData;
    return encodeCommand({ ...command, data, security: { type, data: new Uint8Array() } }, (covered) => {
      this.#lastCommandMac = this.#mac(covered, start);
      return this.#lastCommandMac;
    });
  }

  /**
   * The reply's data, or null when its MAC is not the one to the last command. The type alone says whether the data is
   * encrypted: libosdp 3.2.0 answers status requests with the command's type.
   */
  unwrap(frame: Frame): Uint8Array | null {
    const { security } = frame;
    if (frame.mac?.length !== MAC_BYTES || security === null || !hasMac(security.type)) return null;
    const mac = this.#mac(frame.covered, this.#lastCommandMac);
    if (!isEqual(mac.subarray(0, MAC_BYTES), frame.mac)) return null;
    const { type } = security;
    const isEncrypted = type === SECURITY.commandData || type === SECURITY.replyData;
    // Some peripherals say that there is encrypted data and send none.
    const data =
      isEncrypted && frame.data.length > 0 ? this.#decrypt(frame.data, this.#lastCommandMac) : frame.data;
    if (data !== null) this.#lastReplyMac = mac;
    return data;
  }

  #mac(covered: Uint8Array, start: Uint8Array): Uint8Array {
    const whole = covered.length % BLOCK === 0 ? covered : padded(covered);
    const last = whole.subarray(-BLOCK);
    const before = whole.subarray(0, -BLOCK);
    const chained = before.length === 0 ? start : cbc(this.#keys.mac1, start, before).subarray(-BLOCK);
    return cbc(this.#keys.mac2, chained, last);
  }

  #encrypt(data: Uint8Array, start: Uint8Array): Uint8Array {
    return cbc(this.#keys.encryption, inverted(start), padded(data));
  }

  #decrypt(data: Uint8Array, start: Uint8Array): Uint8Array | null {
    if (data.length % BLOCK !== 0) return null;
    const decipher = createDecipheriv("aes-128-cbc", this.#keys.encryption, inverted(start));
    decipher.setAutoPadding(false);
    const plain = Uint8Array.from([...decipher.update(data), ...decipher.final()]);
    const end = plain.lastIndexOf(PADDING);
    const isPadded = end >= plain.length - BLOCK && plain.subarray(end + 1).every((byte) => byte === 0);
    return end >= 0 && isPadded ? plain.slice(0, end) : null;
  }
}

/** 80, then zeros to the next whole block: always at least one byte. */
function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array((Math.floor(bytes.length / BLOCK) + 1) * BLOCK);
  whole.set(bytes);
  whole[bytes.length] = PADDING;
  return whole;
}

const inverted = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => ~byte & 0xff);

function ecb(key: Uint8Array, blocks: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-ecb", key, null);
  cipher.setAutoPadding(false);
  return Uint8Array.from(cipher.update(blocks));
}

function cbc(key: Uint8Array, start: Uint8Array, blocks: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-cbc", key, start);
  cipher.setAutoPadding(false);
  return Uint8Array.from(cipher.update(blocks));
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
