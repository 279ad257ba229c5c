import { z } from "zod";
import type { Driver } from "#driver-api";
import { drivers } from "#drivers/index";
import { type Caller, type PortsModel, SeamError } from "#src/api/model";
import type { Config } from "#src/config/config";
import { type Candidate, probe, type ProbeResult } from "#src/devices/probe";
import { loadDriver } from "#src/gateway-drivers";
import { type GatewayLines, openDevice, wantedLine } from "#src/gateway-lines";
import type { Clock } from "#src/lib/deadline";
import { parseHidAddress } from "#src/lib/hid-address";
import type { Log } from "#src/lib/log";
import { pcscReaderOf } from "#src/lib/pcsc-address";
import { type FoundPort, foundPorts } from "#src/transports/found-ports";

/** An imaginary device: asked for only by its name. */
const IMAGINARY = "reference";

type Kind = FoundPort["kind"];

/** What is plugged in here, and what it says it is. */
export function gatewayPorts(
  config: Pick<Config, "devices">,
  {
    lines,
    clock,
    log,
    audit,
  }: {
    readonly lines: GatewayLines;
    readonly clock: Clock;
    readonly log: Log;
    readonly audit: (by: Caller, what: string) => void;
  },
): PortsModel {
  const deviceAt = async (port: string) => {
    const place = await lines.placeOf(port);
    for (const device of config.devices) {
      if (device.port === null) continue;
      if (device.port === port || isReaderOf(device.port, port)) return device;
      if (place !== null && (await lines.placeOf(device.port)) === place) return device;
    }
    return null;
  };

  /** Names that will still mean these ports tomorrow, whatever a person called them. */
  const namedToLast = async (ports: readonly string[]) => {
    const all = await foundPorts(clock);
    const places = await Promise.all(all.map(({ port }) => lines.placeOf(port)));
    return Promise.all(
      ports.map(async (port): Promise<Pick<FoundPort, "port" | "isLasting">> => {
        const place = await lines.placeOf(port);
        const found = place === null ? undefined : all[places.indexOf(place)];
        return found ?? { port, isLasting: true };
      }),
    );
  };

  const assertFree = async (port: string): Promise<void> => {
    if (await lines.isAmbiguous(port))
      throw refused(
        "port_ambiguous",
        `several devices are ${port}: lockbridge devices shows a name for each of them`,
      );
    const device = await deviceAt(port);
    if (device !== null)
      throw refused(
        "port_in_use",
        `${port} is the port of the device "${device.key}"; lockbridge devices shows what it is.`,
      );
  };

  return {
    async found() {
      const ports = (await foundPorts(clock)).map(async (port) => {
        const device = await deviceAt(port.port);
        const name = device?.port ?? null;
        const isShared = name !== null && name !== port.port && (await lines.isAmbiguous(name));
        const { isLasting, ...facts } = port;
        return {
          ...facts,
          is_lasting: isLasting,
          device: device?.key ?? null,
          ambiguous_name: isShared ? name : null,
        };
      });
      return Promise.all(ports);
    },
    async probe({ ports, driver, cardWaitMs }, by) {
      for (const port of ports) await assertFree(port);
      const [kind, ...others] = new Set(ports.map(kindOf));
      if (kind === undefined || others.length > 0)
        throw refused("invalid_input", "must be all serial ports, all USB HID devices or all PC/SC readers");
      const named = await namedToLast(ports);
      const candidates = await candidatesFor(kind, driver, clock);
      audit(by, `asked what is at ${ports.join(", ")}`);
      const result = await probe(
        named.map(({ port }) => port),
        candidates,
        { openers: lines, clock, log, cardWaitMs, signal: new AbortController().signal },
      );
      return answerOf(result, (port) => named.find((it) => it.port === port)?.isLasting ?? true);
    },
  };
}

function answerOf({ found, tried }: ProbeResult, isLasting: (port: string) => boolean) {
  return {
    found: found.map(({ port, driver, identity, units, card }) => ({
      port,
      is_lasting: isLasting(port),
      driver,
      identity: { ...identity },
      units: units.map(({ key, capabilities }) => ({ key, capabilities: [...capabilities] })),
      card: card === null ? null : { ...card },
    })),
    tried: tried.map((one) => ({ ...one })),
  };
}

function kindOf(port: string): Kind {
  if (pcscReaderOf(port) !== null) return "pcsc";
  return parseHidAddress(port) === null ? "serial" : "hid";
}

/** A PC/SC reader is configured by its name, or by the beginning of it. */
function isReaderOf(configured: string, port: string): boolean {
  const [name, found] = [pcscReaderOf(configured), pcscReaderOf(port)];
  return name !== null && found !== null && (found.startsWith(name) || name.startsWith(found));
}

/** Drivers of this kind that need no settings, in the order of the list; or the one that is named. */
async function candidatesFor(
  kind: Kind,
  name: string | undefined,
  clock: Clock,
): Promise<readonly Candidate[]> {
  const ids = name === undefined ? Object.keys(drivers).filter((id) => id !== IMAGINARY) : [name];
  const candidates: Candidate[] = [];
  for (const id of ids) {
    const driver = await loadDriver(id);
    const candidate = driver === undefined ? null : candidateOf(driver, kind, clock);
    if (candidate !== null) candidates.push(candidate);
  }
  if (candidates.length > 0) return candidates;
  throw name === undefined
    ? refused("invalid_input", "no driver can be tried on such a port")
    : refused(
        "invalid_input",
        `there is no driver "${name}" that works on such a port without further settings`,
        "driver",
      );
}

function candidateOf(driver: Driver, kind: Kind, clock: Clock): Candidate | null {
  const line = wantedLine(driver);
  const schema = driver.config instanceof z.ZodObject ? driver.config.strict() : driver.config;
  const settings = schema.safeParse({});
  if (line === null || driver.transport !== kind || !settings.success) return null;
  return {
    driver: driver.id,
    line,
    open: (open, log, signal) => openDevice(driver, settings.data, { line: open, clock, log }, { signal }),
  };
}

function refused(type: string, message: string, parameter = "ports"): SeamError {
  return new SeamError(400, type, message, undefined, parameter);
}
