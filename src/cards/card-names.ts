import { badgeNumber } from "#src/domain/badge";
import { decodeWiegand, fromLeftJustified, WIEGAND_FORMATS } from "./wiegand.js";

/** As a reader reports it: bits most significant first, left-justified. */
export interface ReportedCard {
  readonly bits: Uint8Array;
  readonly bitCount: number;
}

/** The names by which a card that a reader reported may be known. A serial number is never taken for a number, nor otherwise. */
export interface CardNames {
  /** Lower-case hex, in both directions: readers differ in which end of a serial number they send first. */
  readonly serials: readonly string[];
  /**
   * What each Wiegand format of that length with right parities makes of the bits: `facility-number`, or the number alone
   * for a format without facility codes.
   */
  readonly numbers: readonly string[];
}

export function namesOfCard({ bits, bitCount }: ReportedCard): CardNames {
  const serials = new Set<string>();
  if (bitCount % 8 === 0 && bitCount > 0) {
    const bytes = Buffer.from(bits.subarray(0, bitCount / 8));
    serials.add(bytes.toString("hex")).add(Buffer.from(bytes).reverse().toString("hex"));
  }
  const numbers = new Set<string>();
  const wiegand = fromLeftJustified(bits, bitCount);
  for (const format of WIEGAND_FORMATS) {
    const decoded = decodeWiegand(format, wiegand);
    if (decoded.isValid) numbers.add(badgeNumber(decoded));
  }
  return { serials: [...serials], numbers: [...numbers] };
}
