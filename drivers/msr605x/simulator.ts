/**
 * The reports of an MSR605X around an encoder of the family: written from what open clients send and expect, and
 * sharing nothing with the driver.
 */
export interface Encoder {
  receive(bytes: Uint8Array): void;
  onSend(listener: (bytes: Uint8Array) => void): () => void;
}

const REPORT = 64;
/** What lies behind the payload of a report is whatever was there before. */
const RUBBISH = 0x5a;

export class Msr605xSimulator {
  readonly #encoder: Encoder;
  #message: number[] = [];

  constructor(encoder: Encoder) {
    this.#encoder = encoder;
  }

  /** One output report. A shorter one is none. */
  receive(report: Uint8Array): void {
    const header = report[0];
    if (header === undefined || report.length !== REPORT) return;
    if (header >= 0x80) this.#message = [];
    this.#message.push(...report.subarray(1, 1 + (header % 0x40)));
    if ((header & 0x40) === 0) return;
    const message = Uint8Array.from(this.#message);
    this.#message = [];
    this.#encoder.receive(message);
  }

  onSend(listener: (report: Uint8Array) => void): () => void {
    return this.#encoder.onSend((bytes) => {
      for (const report of reportsOf(bytes)) listener(report);
    });
  }
}

function reportsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const reports: Uint8Array[] = [];
  for (let rest = bytes, isFirst = true; isFirst || rest.length > 0; isFirst = false) {
    const payload = rest.subarray(0, REPORT - 1);
    rest = rest.subarray(REPORT - 1);
    const report = new Uint8Array(REPORT).fill(RUBBISH);
    report[0] = (isFirst ? 0x80 : 0) + (rest.length === 0 ? 0x40 : 0) + payload.length;
    report.set(payload, 1);
    reports.push(report);
  }
  return reports;
}
