import assert from "node:assert/strict";
import { aesCbc, cmacSubkeys, xor } from "#src/lib/aes-cmac";

const BLOCK_BYTES = 16;
const DIVERSIFIED_BYTES = 32;
/** AN10922's diversification constant for a 16-byte result. */
const AES_128_CONSTANT = 0x01;

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
  return aesCbc(master, new Uint8Array(BLOCK_BYTES)).encrypt(block).slice(BLOCK_BYTES);
}
