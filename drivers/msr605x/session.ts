import type { HidLine } from "#driver-api";
import type { MsrWire } from "#src/magstripe/msr-session";
import { payloadOf, toReports } from "./protocol.js";

/** The conversation itself is in `src/magstripe/msr-session.ts`; this is its wire. */
export function hidWire(line: HidLine): MsrWire {
  return {
    async send(bytes, signal) {
      for (const report of toReports(bytes)) await line.write(report, signal);
    },
    onBytes: (listener) => line.onReport((report) => listener(payloadOf(report))),
    onClose: (listener) => line.onClose(listener),
  };
}
