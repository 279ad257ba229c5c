import { type Cipher, createCipheriv, createDecipheriv, type Decipher, timingSafeEqual } from "node:crypto";
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

/** One key, set up once: a reader is polled twenty times a second, and to set up a key costs more than to use it. */
class BlockCipher {
  readonly #encryption: Cipher;
  readonly #decryption: Decipher;

  constructor(key: Uint8Array) {
    this.#encryption = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
    this.#decryption = createDecipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  }

  /** Whole blocks, each for itself. */
  ecb(blocks: Uint8Array): Uint8Array {
    return this.#encryption.update(blocks);
  }

  /** Whole blocks, chained. */
  cbc(start: Uint8Array, blocks: Uint8Array): Uint8Array {
    const chained = new Uint8Array(blocks.length);
    let previous = start;
    for (let at = 0; at < blocks.length; at += BLOCK) {
      previous = this.ecb(xored(blocks.subarray(at, at + BLOCK), previous));
      chained.set(previous, at);
    }
    return chained;
  }

  /** The other way round. */
  undoCbc(start: Uint8Array, blocks: Uint8Array): Uint8Array {
    const before = new Uint8Array(blocks.length);
    before.set(start);
    before.set(blocks.subarray(0, -BLOCK), BLOCK);
    return xored(this.#decryption.update(blocks), before);
  }
}

interface SessionKeys {
  readonly encryption: BlockCipher;
  readonly mac1: BlockCipher;
  readonly mac2: BlockCipher;
}

/** One handshake: our random number, then the peripheral's, then proofs on both sides. */
export class Handshake {
  /** 8 bytes, for the challenge. */
  readonly random: Uint8Array;
  readonly #keys: SessionKeys;
  #serverCryptogram: Uint8Array = new Uint8Array();

  constructor(baseKey: Uint8Array, random: Uint8Array) {
    this.random = random;
    const base = new BlockCipher(baseKey);
    const key = (purpose: number) => {
      const block = new Uint8Array(BLOCK);
      block.set([0x01, purpose, ...random.subarray(0, 6)]);
      return new BlockCipher(base.ecb(block));
    };
    this.#keys = {
      encryption: key(PURPOSE.encryption),
      mac1: key(PURPOSE.mac1),
      mac2: key(PURPOSE.mac2),
    };
  }

  /** Our proof (16 bytes), or null when the peripheral's is wrong: it has another key. */
  prove(clientRandom: Uint8Array, clientCryptogram: Uint8Array): Uint8Array | null {
    const { encryption } = this.#keys;
    const expected = encryption.ecb(Uint8Array.from([...this.random, ...clientRandom]));
    if (!isEqual(expected, clientCryptogram)) return null;
    this.#serverCryptogram = encryption.ecb(Uint8Array.from([...clientRandom, ...this.random]));
    return this.#serverCryptogram;
  }

  /** The channel, or null when the peripheral's first MAC is wrong. The status byte beside it proves nothing. */
  finish(initialMac: Uint8Array): SecureChannel | null {
    const expected = this.#keys.mac2.ecb(this.#keys.mac1.ecb(this.#serverCryptogram));
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
    const before = whole.subarray(0, -BLOCK);
    const chained = before.length === 0 ? start : this.#keys.mac1.cbc(start, before).subarray(-BLOCK);
    return this.#keys.mac2.cbc(chained, whole.subarray(-BLOCK));
  }

  #encrypt(data: Uint8Array, start: Uint8Array): Uint8Array {
    return this.#keys.encryption.cbc(inverted(start), padded(data));
  }

  #decrypt(data: Uint8Array, start: Uint8Array): Uint8Array | null {
    if (data.length % BLOCK !== 0) return null;
    const plain = this.#keys.encryption.undoCbc(inverted(start), data);
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

function xored(a: Uint8Array, b: Uint8Array): Uint8Array {
  const result = new Uint8Array(a.length);
  for (let at = 0; at < a.length; at++) result[at] = (a[at] ?? 0) ^ (b[at] ?? 0);
  return result;
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
