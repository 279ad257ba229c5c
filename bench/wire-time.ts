export const BAUD = 115_200;
/** Start bit, eight data bits, stop bit. */
const BITS_PER_BYTE = 10;
export const BYTE_MS = (BITS_PER_BYTE * 1_000) / BAUD;
