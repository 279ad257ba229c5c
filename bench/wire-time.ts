export const BAUD = 115_200;
/** Start bit, eight data bits, stop bit. */
const BITS_PER_BYTE = 10;
export const byteMsAt = (baud: number): number => (BITS_PER_BYTE * 1_000) / baud;
