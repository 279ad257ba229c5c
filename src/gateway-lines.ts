import { fileURLToPath } from "node:url";
import type { Call, Device, Driver } from "#driver-api";
import type { HostedContext, Line, LineOpeners, WantedLine } from "#src/devices/lines";
import type { Hosts } from "#src/hosts/hosts";
import type { HostProgram } from "#src/hosts/process";
import type { Clock } from "#src/lib/deadline";
import { parseHidAddress } from "#src/lib/hid-address";
import { pcscReaderOf } from "#src/lib/pcsc-address";
import { openHidLine } from "#src/transports/hid";
import { hidMark } from "#src/transports/hid-nodes";
import { openPcscLine, pcscMark } from "#src/transports/pcsc";
import { openSerialLine, portMark } from "#src/transports/serial";

/**
 * The lines that drivers can be given, opened by `transports/`. Without `hosts` no driver can have a process of its own.
 */
export function lineOpeners(clock: Clock, hosts?: Hosts): LineOpeners {
  return {
    open(port, wanted, stop) {
      switch (wanted.kind) {
        case "hid":
          return openHidLine(port, wanted.settings, { clock });
        case "pcsc":
          return openPcscLine(port, { clock });
        case "serial":
          return openSerialLine(port, wanted.settings, { clock });
        case "hosted":
          if (hosts === undefined) throw new TypeError("a driver's process starts no other");
          return hosts.open(wanted.driver, port, stop);
      }
    },
    mark(port) {
      if (pcscReaderOf(port) !== null) return pcscMark();
      const address = parseHidAddress(port);
      return address === null ? portMark(port) : hidMark(address);
    },
  };
}

/** The process that a driver runs in where it wants one of its own. */
export const hostProgram: HostProgram = {
  entry: fileURLToPath(new URL("hosted-driver.js", import.meta.url)),
  execArgv: [],
};

export function wantedLine(driver: Driver): WantedLine | null {
  return driver.hosted === true ? { kind: "hosted", driver: driver.id } : ownLine(driver);
}

/** The line that the driver itself is handed. */
export function ownLine(driver: Pick<Driver, "transport" | "serial" | "hid">): WantedLine | null {
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

/** Opens a device over an open line, where its driver runs. */
export function openDevice(
  driver: Driver,
  settings: unknown,
  { line, ...context }: { readonly line: Line | null; readonly clock: Clock } & HostedContext,
  call: Call,
): Promise<Device> {
  if (line !== null && "openDevice" in line) return line.openDevice(settings, context, call);
  return driver.open(settings, { ...context, line: line ?? undefined }, call);
}
