import { decodeWiegand, fromLeftJustified, WIEGAND_FORMATS } from "./wiegand.js";

/** As a reader reports it: bits most significant first, left-justified. */
export interface ReportedCard {
  readonly bits: Uint8Array;
  readonly bitCount: number;
}

/**
 * Every name by which a card that a reader reported may be known, lower-case: whole bytes as hex, in both directions
 * (readers differ in which end of a serial number they send first), and what each Wiegand format of that length with
 * right parities makes of the bits: `facility-number`, or the number alone for a format without facility codes.
 */
export function namesOfCard({ bits, bitCount }: ReportedCard): readonly string[] {
  const names = new Set<string>();
  if (bitCount % 8 === 0 && bitCount > 0) {
    const bytes = Buffer.from(bits.subarray(0, bitCount / 8));
    names.add(bytes.toString("hex")).add(Buffer.from(bytes).reverse().toString("hex"));
  }
  const wiegand = fromLeftJustified(bits, bitCount);
  for (const format of WIEGAND_FORMATS) {
    const decoded = decodeWiegand(format, wiegand);
    if (!decoded.isValid) continue;
    const { facility, number } = decoded;
    names.add(facility === null ? String(number) : `${facility}-${number}`);
  }
  return [...names];
}
