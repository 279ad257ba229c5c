import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";
import { canonicalJson } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { StoreError } from "./store-error.js";

/** Where a sealed value lies. It is authenticated with the value, so a value copied to another place does not open. */
export interface Place {
  readonly table: string;
  readonly row: string;
  readonly column: string;
}

export const SEALING_KEY_BYTES = 32;
/** Written into every sealed value, so that a later release can change the key and still read what is there. */
const KEY_VERSION = 1;
/** NIST SP 800-38D: 96-bit IV, 128-bit tag. */
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Seals single fields with AES-256-GCM: version byte, IV, tag, ciphertext. The sealing key itself is never used: one
 * subkey seals, another makes the look-up hashes (HKDF-SHA-256, RFC 5869), so neither says anything about the other.
 */
export class Sealer {
  readonly #sealKey: Buffer;
  readonly #lookupKey: Buffer;

  constructor(sealingKey: Secret<Uint8Array>) {
    const key = sealingKey.reveal();
    if (key.length !== SEALING_KEY_BYTES)
      throw new TypeError(`a sealing key has ${SEALING_KEY_BYTES} bytes, not ${key.length}`);
    this.#sealKey = subkey(key, "lockbridge store seal");
    this.#lookupKey = subkey(key, "lockbridge store lookup");
  }

  seal(place: Place, plain: Uint8Array): Buffer {
    // Not the injected source of randomness: no seed of a test or a simulation may ever repeat an IV.
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.#sealKey, iv).setAAD(authenticated(place, KEY_VERSION));
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Buffer.concat([Uint8Array.of(KEY_VERSION), iv, cipher.getAuthTag(), sealed]);
  }

  /** Throws StoreError `damaged` when the value was changed, moved, or sealed with another key. */
  open(place: Place, sealed: Uint8Array): Buffer {
    const bytes = Buffer.from(sealed);
    const tagAt = 1 + IV_BYTES;
    const textAt = tagAt + TAG_BYTES;
    if (bytes.length < textAt || bytes[0] !== KEY_VERSION) throw broken(place);
    const decipher = createDecipheriv("aes-256-gcm", this.#sealKey, bytes.subarray(1, tagAt))
      .setAAD(authenticated(place, KEY_VERSION))
      .setAuthTag(bytes.subarray(tagAt, textAt));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(textAt)), decipher.final()]);
    } catch (error) {
      throw broken(place, error);
    }
  }

  sealText(place: Place, text: Secret<string>): Buffer {
    return this.seal(place, Buffer.from(text.reveal(), "utf8"));
  }

  openText(place: Place, sealed: Uint8Array): Secret<string> {
    return new Secret(this.open(place, sealed).toString("utf8"));
  }

  /** The same text gives the same hash in this store and in no other: equality can be searched, the text not. */
  lookup(text: Secret<string>): Buffer {
    return createHmac("sha256", this.#lookupKey).update(text.reveal(), "utf8").digest();
  }
}

function subkey(key: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, new Uint8Array(), purpose, SEALING_KEY_BYTES));
}

/** A JSON array rather than joined text: ids come from outside and may hold any separator. */
function authenticated({ table, row, column }: Place, keyVersion: number): Buffer {
  return Buffer.from(canonicalJson([table, row, column, keyVersion]), "utf8");
}

function broken({ table, row, column }: Place, cause?: unknown): StoreError {
  return new StoreError(
    "damaged",
    `The sealed value ${table}.${column} of row ${row} does not open: it was changed from outside, or the disk damaged it. Put the latest backup of the store in place.`,
    cause,
  );
}
