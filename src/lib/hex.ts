/** Lower-case hex of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Bytes of a hex text; spaces are allowed. Throws on anything that is not whole bytes of hex. */
export function fromHex(text: string): Uint8Array {
  const clean = text.replaceAll(/\s+/g, "");
  if (clean.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(clean)) throw new TypeError("not whole bytes of hex");
  return new Uint8Array(Buffer.from(clean, "hex"));
}
