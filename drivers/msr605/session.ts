import type { SerialLine } from "#driver-api";
import type { MsrWire } from "#src/magstripe/msr-session";

/** The conversation itself is in `src/magstripe/msr-session.ts`; this is its wire. */
export function serialWire(line: SerialLine): MsrWire {
  return {
    send: (bytes, signal) => line.write(bytes, signal),
    onBytes: (listener) => line.onData(listener),
    onClose: (listener) => line.onClose(listener),
  };
}
