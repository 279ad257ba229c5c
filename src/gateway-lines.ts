import { realpath } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Call, Device, Driver } from "#driver-api";
import type { HostedContext, Line, LineOpeners, WantedLine } from "#src/devices/lines";
import type { Hosts } from "#src/hosts/hosts";
import type { HostProgram } from "#src/hosts/process";
import type { Clock } from "#src/lib/deadline";
import { parseHidAddress } from "#src/lib/hid-address";
import { pcscReaderOf } from "#src/lib/pcsc-address";
import { openHidLine } from "#src/transports/hid";
import { hidMark, nodesAt } from "#src/transports/hid-nodes";
import { openPcscLine, pcscMark } from "#src/transports/pcsc";
import { PortError } from "#src/transports/port-error";
import { openSerialLine, portMark } from "#src/transports/serial";
import { adaptersNamed } from "#src/transports/serial-adapters";

/** The lines of a gateway. */
export interface GatewayLines extends LineOpeners {
  /**
   * The device node that `port` leads to: of an open line the one that was opened, whatever the name has come to mean
   * since. Null where nothing is there, or the name means several.
   */
  placeOf(port: string): Promise<string | null>;
  /** Does the name mean several devices that are there? */
  isAmbiguous(port: string): Promise<boolean>;
}

/**
 * The lines that drivers can be given, opened by `transports/`. Without `hosts` no driver can have a process of its own.
 * `configured`: the ports of all devices.
 */
export function lineOpeners(clock: Clock, hosts?: Hosts, configured: readonly string[] = []): GatewayLines {
  const opened = new Map<string, string>();
  const open = (port: string, wanted: WantedLine, stop?: AbortSignal): Promise<Line> => {
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
  };
  return {
    async open(port, wanted, stop) {
      const place = await placeNow(port);
      if (place !== null) await assertNobodyElses(port, place, configured);
      const line = await open(port, wanted, stop);
      if (place !== null) opened.set(port, place);
      line.onClose(() => opened.delete(port));
      return line;
    },
    mark(port) {
      if (pcscReaderOf(port) !== null) return pcscMark();
      const address = parseHidAddress(port);
      return address === null ? portMark(port) : hidMark(address);
    },
    placeOf: async (port) => opened.get(port) ?? placeNow(port),
    isAmbiguous,
  };
}

async function placeNow(port: string): Promise<string | null> {
  if (pcscReaderOf(port) !== null) return null;
  const address = parseHidAddress(port);
  if (address === null) return (await isAmbiguous(port)) ? null : realpath(port).catch(() => null);
  const [node, ...others] = await nodesAt(address);
  return others.length > 0 ? null : (node?.path ?? null);
}

async function isAmbiguous(port: string): Promise<boolean> {
  const address = parseHidAddress(port);
  return address === null ? (await adaptersNamed(port)).length > 0 : (await nodesAt(address)).length > 1;
}

/**
 * A name of two adapters that look the same is left to the second while the first is away. Where the configuration names
 * the second by its socket for another device, that device's it is.
 */
async function assertNobodyElses(port: string, place: string, configured: readonly string[]): Promise<void> {
  if (isSocket(port)) return;
  for (const other of configured) {
    if (other === port || !isSocket(other) || (await placeNow(other)) !== place) continue;
    throw new PortError("port.ambiguous", `what is at ${port} is another device's by its socket, ${other}`);
  }
}

/** Does it name the USB socket? */
function isSocket(port: string): boolean {
  return port.startsWith("/dev/serial/by-path/") || parseHidAddress(port)?.at !== undefined;
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
