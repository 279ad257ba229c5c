import { cbc, cmac, ecb } from "@noble/ciphers/aes.js";

const BLOCK_BYTES = 16;

/** AES-128 CMAC, NIST SP 800-38B; 16 bytes. */
export function aesCmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return cmac(message, key);
}

/** K1 (message fills its last block) and K2 (message was padded) of NIST SP 800-38B. */
export function cmacSubkeys(key: Uint8Array): { readonly k1: Uint8Array; readonly k2: Uint8Array } {
  const k1 = doubled(ecb(key, { disablePadding: true }).encrypt(new Uint8Array(BLOCK_BYTES)));
  return { k1, k2: doubled(k1) };
}

/** AES-128 CBC over whole blocks, without padding. */
export function aesCbc(key: Uint8Array, iv: Uint8Array) {
  return cbc(key, iv, { disablePadding: true });
}

export function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] ?? 0));
}

/** Multiplication by x in GF(2^128), as CMAC's subkeys need it. */
function doubled(block: Uint8Array): Uint8Array {
  const carry = (block[0] ?? 0) >> 7;
  const shifted = block.map((byte, i) => (byte << 1) | ((block[i + 1] ?? 0) >> 7));
  if (carry === 1) shifted[15] = (shifted[15] ?? 0) ^ 0x87;
  return shifted;
}
