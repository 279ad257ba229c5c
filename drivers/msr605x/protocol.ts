/**
 * How the bytes of the MSR605 family (`src/magstripe/msr-protocol.ts`) travel in the 64-byte reports of the MSR605X: a
 * header byte, up to 63 bytes, and rubbish. Header: bit 7 first report of a message, bit 6 last, bits 5–0 length.
 */
export const REPORT_BYTES = 64;
const PAYLOAD_MAX = REPORT_BYTES - 1;
const FIRST = 0x80;
const LAST = 0x40;
const LENGTH = 0x3f;

/** The reports of one message, all of full length. */
export function toReports(message: Uint8Array): readonly Uint8Array[] {
  const count = Math.max(1, Math.ceil(message.length / PAYLOAD_MAX));
  return Array.from({ length: count }, (_, index) => {
    const payload = message.subarray(index * PAYLOAD_MAX, (index + 1) * PAYLOAD_MAX);
    const report = new Uint8Array(REPORT_BYTES);
    report[0] = (index === 0 ? FIRST : 0) | (index === count - 1 ? LAST : 0) | payload.length;
    report.set(payload, 1);
    return report;
  });
}

/**
 * What a report carries. The marks of first and last are not relied on: a status may come in a report of its own, after
 * one that was marked as the last. The grammar of the answers finds where they begin and end.
 */
export function payloadOf(report: Uint8Array): Uint8Array {
  const [header = 0] = report;
  return report.slice(1, 1 + (header & LENGTH));
}
