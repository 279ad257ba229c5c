import type { Driver } from "#driver-api";
import type { LineOpeners, WantedLine } from "#src/devices/supervisor";
import type { Clock } from "#src/lib/deadline";
import { parseHidAddress } from "#src/lib/hid-address";
import { pcscReaderOf } from "#src/lib/pcsc-address";
import { openHidLine } from "#src/transports/hid";
import { hidMark } from "#src/transports/hid-nodes";
import { openPcscLine, pcscMark } from "#src/transports/pcsc";
import { openSerialLine, portMark } from "#src/transports/serial";

/** The lines that drivers can be given, opened by `transports/`. */
export function lineOpeners(clock: Clock): LineOpeners {
  return {
    open(port, wanted) {
      switch (wanted.kind) {
        case "hid":
          return openHidLine(port, wanted.settings, { clock });
        case "pcsc":
          return openPcscLine(port, { clock });
        case "serial":
          return openSerialLine(port, wanted.settings, { clock });
      }
    },
    mark(port) {
      if (pcscReaderOf(port) !== null) return pcscMark();
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
    case "pcsc":
      return { kind: "pcsc" };
    case "none":
      return null;
  }
}
