import { cbc, cmac, ecb } from "@noble/ciphers/aes.js";
import assert from "node:assert/strict";

const BLOCK_BYTES = 16;
const DIVERSIFIED_BYTES = 32;
/** AN10922's diversification constant for a 16-byte result. */
const AES_128_CONSTANT = 0x01;

/** AES-128 CMAC, NIST SP 800-38B; 16 bytes. */
export function aesCmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return cmac(message, key);
}

/** K1 (message fills its last block) and K2 (message was padded) of NIST SP 800-38B. */
export function cmacSubkeys(key: Uint8Array): { readonly k1: Uint8Array; readonly k2: Uint8Array } {
  const k1 = doubled(ecb(key, { disablePadding: true }).encrypt(new Uint8Array(BLOCK_BYTES)));
  return { k1, k2: doubled(k1) };
}

/**
 * One card's AES-128 key from a site master: NXP AN10922, AES-128 variant. `input` is 1–31 bytes.
 *
 * AN10922 pads constant and input to 32 bytes whatever their length. Plain CMAC pads to the next 16, so for inputs
 * under 16 bytes it gives another key and cannot be used here.
 */
export function diversifyAes128(master: Uint8Array, input: Uint8Array): Uint8Array {
  assert(input.length >= 1 && input.length < DIVERSIFIED_BYTES, "a diversification input has 1–31 bytes");
  const block = new Uint8Array(DIVERSIFIED_BYTES);
  block[0] = AES_128_CONSTANT;
  block.set(input, 1);
  const { k1, k2 } = cmacSubkeys(master);
  const isPadded = input.length + 1 < DIVERSIFIED_BYTES;
  if (isPadded) block[input.length + 1] = 0x80;
  const last = xor(block.subarray(BLOCK_BYTES), isPadded ? k2 : k1);
  block.set(last, BLOCK_BYTES);
  const encrypted = cbc(master, new Uint8Array(BLOCK_BYTES), { disablePadding: true }).encrypt(block);
  return encrypted.slice(BLOCK_BYTES);
}

/** Multiplication by x in GF(2^128), as CMAC's subkeys need it. */
function doubled(block: Uint8Array): Uint8Array {
  const carry = (block[0] ?? 0) >> 7;
  const shifted = block.map((byte, i) => (byte << 1) | ((block[i + 1] ?? 0) >> 7));
  if (carry === 1) shifted[15] = (shifted[15] ?? 0) ^ 0x87;
  return shifted;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}
