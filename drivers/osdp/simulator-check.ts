/** CRC (a bit at a time, low byte first) or the checksum that makes the sum of all bytes zero. */
export function checkOf(bytes: Buffer, usesCrc: boolean): Buffer {
  if (!usesCrc) return Buffer.from([(256 - (bytes.reduce((sum, byte) => sum + byte, 0) % 256)) % 256]);
  let crc = 0x1d0f;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const isOne = ((crc >> 15) & 1) !== ((byte >> bit) & 1);
      crc = ((crc << 1) & 0xffff) ^ (isOne ? 0x1021 : 0);
    }
  }
  return Buffer.from([crc & 0xff, crc >> 8]);
}
