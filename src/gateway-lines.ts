import type { Driver } from "#driver-api";
import type { LineOpeners, WantedLine } from "#src/devices/supervisor";
import type { Clock } from "#src/lib/deadline";
import { parseHidAddress } from "#src/lib/hid-address";
import { openHidLine } from "#src/transports/hid";
import { hidMark } from "#src/transports/hid-nodes";
import { openSerialLine, portMark } from "#src/transports/serial";

/** The lines that drivers can be given, opened by `transports/`. */
export function lineOpeners(clock: Clock): LineOpeners {
  return {
    open: (port, wanted) =>
      wanted.kind === "hid"
        ? openHidLine(port, wanted.settings, { clock })
        : openSerialLine(port, wanted.settings, { clock }),
    mark(port) {
      const address = parseHidAddress(port);
      return address === null ? portMark(port) : hidMark(address);
    },
  };
}

export function wantedLine(driver: Driver): WantedLine | null {
  switch (driver.transport) {
    case "serial":
      return { kind: "serial", settings: driver.serial ?? { baudRate: 9_600 } };
    case "hid":
      return { kind: "hid", settings: driver.hid ?? { reportBytes: 64 } };
    case "none":
      return null;
  }
}
