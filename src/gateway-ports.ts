import { realpath } from "node:fs/promises";
import { z } from "zod";
import type { Driver } from "#driver-api";
import { drivers } from "#drivers/index";
import { type Caller, type PortsModel, SeamError } from "#src/api/model";
import type { Config } from "#src/config/config";
import { type Candidate, probe } from "#src/devices/probe";
import type { LineOpeners } from "#src/devices/lines";
import { loadDriver } from "#src/gateway-drivers";
import { openDevice, wantedLine } from "#src/gateway-lines";
import type { Clock } from "#src/lib/deadline";
import { parseHidAddress } from "#src/lib/hid-address";
import type { Log } from "#src/lib/log";
import { foundPorts } from "#src/transports/found-ports";

/** An imaginary device: asked for only by its name. */
const IMAGINARY = "reference";

/** What is plugged in here, and what it says it is. */
export function gatewayPorts(
  config: Pick<Config, "devices">,
  {
    openers,
    clock,
    log,
    audit,
  }: {
    readonly openers: LineOpeners;
    readonly clock: Clock;
    readonly log: Log;
    readonly audit: (by: Caller, what: string) => void;
  },
): PortsModel {
  const deviceAt = async (port: string): Promise<string | null> => {
    const wanted = await nodeOf(port);
    for (const device of config.devices) {
      if (device.port !== null && (await nodeOf(device.port)) === wanted) return device.key;
    }
    return null;
  };
  return {
    async found() {
      const ports = await foundPorts();
      return Promise.all(ports.map(async (port) => ({ ...port, device: await deviceAt(port.port) })));
    },
    async probe({ ports, driver, cardWaitMs }, by) {
      for (const port of ports) {
        const device = await deviceAt(port);
        if (device === null) continue;
        throw new SeamError(
          400,
          "port_in_use",
          `${port} is the port of the device "${device}"; lockbridge devices shows what it is.`,
          undefined,
          "ports",
        );
      }
      const isHid = ports.map((port) => parseHidAddress(port) !== null);
      if (new Set(isHid).size > 1) throw mixed();
      const candidates = await candidatesFor(isHid[0] === true ? "hid" : "serial", driver, clock);
      audit(by, `asked what is at ${ports.join(", ")}`);
      const { found, tried } = await probe(ports, candidates, {
        openers,
        clock,
        log,
        cardWaitMs,
        signal: new AbortController().signal,
      });
      return {
        found: found.map((one) => ({
          ...one,
          identity: { ...one.identity },
          units: unitsOf(one),
          card: cardOf(one),
        })),
        tried: tried.map((one) => ({ ...one })),
      };
    },
  };
}

type Found = Awaited<ReturnType<typeof probe>>["found"][number];

function unitsOf({ units }: Found) {
  return units.map(({ key, capabilities }) => ({ key, capabilities: [...capabilities] }));
}

function cardOf({ card }: Found) {
  return card === null ? null : { uid: card.uid, technology: card.technology };
}

/** Drivers of this kind that need no settings, in the order of the list; or the one that is named. */
async function candidatesFor(
  kind: "serial" | "hid",
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
  throw new SeamError(
    400,
    "invalid_input",
    name === undefined
      ? "no driver can be tried on such a port"
      : `there is no driver "${name}" that works on such a port without further settings`,
    undefined,
    name === undefined ? "ports" : "driver",
  );
}

function candidateOf(driver: Driver, kind: "serial" | "hid", clock: Clock): Candidate | null {
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

function mixed(): SeamError {
  const message = "must be all serial ports or all USB HID devices";
  return new SeamError(400, "invalid_input", message, undefined, "ports");
}

/** Two names of one device node are one port. */
async function nodeOf(port: string): Promise<string> {
  return parseHidAddress(port) === null ? realpath(port).catch(() => port) : port;
}
