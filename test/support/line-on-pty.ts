import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SerialLine, SerialSettings } from "#driver-api";
import { realClock } from "#src/ops/clock";
import { attach, type SimulatedDevice } from "#src/sandbox/attach";
import { openPty } from "#src/sandbox/pty";
import { openSerialLine } from "#src/transports/serial";

export interface LineOnPty {
  readonly line: SerialLine;
  /** Pulls the cable. */
  unplug(): Promise<void>;
  close(): Promise<void>;
}

/** A real serial port and the kernel's line, with the simulated device at its far end. */
export async function lineOnPty(
  simulator: SimulatedDevice,
  driver: { readonly id: string; readonly serial?: SerialSettings },
): Promise<LineOnPty> {
  if (driver.serial === undefined) throw new Error(`${driver.id} is no driver of a serial line`);
  const pty = await openPty(join(mkdtempSync(join(tmpdir(), `lockbridge-${driver.id}-`)), "tty"));
  const detach = attach(pty, simulator);
  const line = await openSerialLine(pty.path, driver.serial, { clock: realClock });
  return {
    line,
    unplug: () => pty.unplug(),
    async close() {
      await line.close();
      detach();
      await pty.unplug();
    },
  };
}
