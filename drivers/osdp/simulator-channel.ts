import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

/**
 * The peripheral's side of the secure channel, for the simulator: block by block, as the specification draws it, and
 * with no code of the driver's.
 */

const oneBlock = (key: Buffer, block: Buffer): Buffer => {
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(block), cipher.final()]);
};
const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)));
const not = (a: Buffer): Buffer => Buffer.from(a.map((byte) => 0xff - byte));
const blocksOf = (bytes: Buffer): Buffer[] =>
  Array.from({ length: bytes.length / 16 }, (_, index) => bytes.subarray(index * 16, index * 16 + 16));
const encryptTwice = (key: Buffer, bytes: Buffer): Buffer =>
  Buffer.concat(blocksOf(bytes).map((block) => oneBlock(key, block)));

export class SimulatedChannel {
  readonly #baseKey: Buffer;
  readonly #random = randomBytes(8);
  #panelRandom: Buffer = Buffer.alloc(8);
  #enc: Buffer = Buffer.alloc(16);
  #mac1: Buffer = Buffer.alloc(16);
  #mac2: Buffer = Buffer.alloc(16);
  #commandMac: Buffer = Buffer.alloc(16);
  #replyMac: Buffer = Buffer.alloc(16);
  isOpen = false;

  constructor(baseKey: Uint8Array) {
    this.#baseKey = Buffer.from(baseKey);
  }

  /** Data of CCRYPT: who it is (8 bytes), its random number, its proof. */
  challenged(panelRandom: Buffer, clientId: Buffer): Buffer {
    this.#panelRandom = Buffer.from(panelRandom);
    const sessionKey = (second: number) =>
      oneBlock(
        this.#baseKey,
        Buffer.concat([Buffer.from([1, second]), panelRandom.subarray(0, 6), Buffer.alloc(8)]),
      );
    this.#enc = sessionKey(0x82);
    this.#mac1 = sessionKey(0x01);
    this.#mac2 = sessionKey(0x02);
    const proof = encryptTwice(this.#enc, Buffer.concat([panelRandom, this.#random]));
    return Buffer.concat([clientId, this.#random, proof]);
  }

  /** Data of RMAC_I, or null when the panel has another key. */
  proven(cryptogram: Buffer): Buffer | null {
    const expected = encryptTwice(this.#enc, Buffer.concat([this.#random, this.#panelRandom]));
    if (!expected.equals(cryptogram)) return null;
    this.#replyMac = oneBlock(this.#mac2, oneBlock(this.#mac1, expected));
    this.isOpen = true;
    return this.#replyMac;
  }

  /** The MAC of a command, from its start to before the MAC. */
  commandMac(covered: Buffer): Buffer {
    return this.#mac(covered, this.#replyMac);
  }

  /** Takes the command as good; its data in clear. */
  accept(mac: Buffer, encrypted: Buffer): Buffer {
    this.#commandMac = mac;
    if (encrypted.length === 0) return encrypted;
    const decipher = createDecipheriv("aes-128-cbc", this.#enc, not(this.#replyMac)).setAutoPadding(false);
    const padded = Buffer.concat([decipher.update(encrypted), decipher.final()]);
    return padded.subarray(0, padded.lastIndexOf(0x80));
  }

  encrypt(data: Buffer): Buffer {
    const padded = Buffer.concat([data, Buffer.from([0x80]), Buffer.alloc(15 - (data.length % 16))]);
    let previous = not(this.#commandMac);
    return Buffer.concat(
      blocksOf(padded).map((block) => {
        previous = oneBlock(this.#enc, xor(block, previous));
        return previous;
      }),
    );
  }

  replyMac(covered: Buffer): Buffer {
    this.#replyMac = this.#mac(covered, this.#commandMac);
    return this.#replyMac;
  }

  #mac(covered: Buffer, start: Buffer): Buffer {
    const missing = (16 - (covered.length % 16)) % 16;
    const padding = Buffer.alloc(missing);
    if (missing > 0) padding[0] = 0x80;
    const blocks = blocksOf(Buffer.concat([covered, padding]));
    return blocks.reduce<Buffer>(
      (chained, block, index) =>
        oneBlock(index === blocks.length - 1 ? this.#mac2 : this.#mac1, xor(block, chained)),
      start,
    );
  }
}
