import type { Clock } from "#src/lib/deadline";

/**
 * The reader's end of the line, written from protocol.md of micolous/pcprox and sharing nothing with the driver: feature
 * reports in and out, and badges held to it.
 */
const PAGE_0 = [0x00, 0x03, 0x11, 0x10, 0x1a, 0x00, 0x00, 0x28];
const ZEROS = [0, 0, 0, 0, 0, 0, 0, 0];
/** How long a badge is held, and how long it shows after that (page 1, byte 2). */
const HELD_MS = 450;

export class PcproxSimulator {
  /** Pages 0, 1 and 2, as they are now and as a power cycle would bring them back. */
  readonly pages = [[...PAGE_0], [0, 0x18, 0x14, 0x14, 1, 1, 0, 0], [3, 2, 0, 0, 0, 0, 0, 0]];
  /** Pages that were burnt: none, ever. */
  burnt = 0;
  typed = "";
  readonly #clock: Clock;
  #selected: number | null = null;
  #staged: number | null = null;
  #answer: readonly number[] = ZEROS;
  #badge: { readonly bits: string; readonly until: number } | null = null;
  #bitsAsked = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `bits`: `0` and `1`, as the badge sends them. */
  hold(bits: string): void {
    this.#badge = { bits, until: this.#clock.monotonic() + HELD_MS };
    if (((this.pages[0]?.[7] ?? 0) & 0x80) === 0) this.typed += `${bits}\n`;
  }

  setFeature(report: readonly number[]): void {
    if (report.length !== 8) return;
    const [code = 0] = report;
    if (this.#staged !== null && (code & 0x80) === 0) {
      this.pages[this.#staged] = [...report];
      this.#staged = null;
      this.#answer = ZEROS;
      return;
    }
    this.#staged = null;
    switch (code) {
      case 0x80:
      case 0x81:
      case 0x82:
        this.#staged = this.#selected = code - 0x80;
        this.#answer = this.pages[this.#selected] ?? ZEROS;
        return;
      case 0x90:
        if (report[1] !== 0) this.burnt++;
        return;
      case 0x8a:
        this.#answer = [0x00, 0x00, 0x30, 0x07, 0x00, 0x11, 0xf8, 0x00];
        return;
      case 0x8f:
        this.#answer = this.#card();
        return;
      case 0x8e:
        this.#answer = [this.#bitsAsked, this.#bitsAsked, 0, 0, 0, 0, 0, 0];
        return;
      default:
        this.#answer = ZEROS;
    }
  }

  getFeature(): readonly number[] {
    return this.#answer;
  }

  #card(): readonly number[] {
    this.#bitsAsked = 0;
    if (this.#badge === null || this.#clock.monotonic() > this.#badge.until) return ZEROS;
    const parity = this.pages[0]?.[2] ?? 0;
    const { bits } = this.#badge;
    const kept = bits.slice(parity & 0x0f, bits.length - (parity >> 4));
    this.#bitsAsked = kept.length;
    const value = BigInt(`0b${kept}`);
    return ZEROS.map((_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
  }
}
