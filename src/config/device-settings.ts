import { z } from "zod";
import { HID_ADDRESS_FORM, parseHidAddress } from "#src/lib/hid-address";
import { PCSC_ADDRESS_FORM, pcscReaderOf } from "#src/lib/pcsc-address";
import { explainIssues, meant, oneOf } from "./explain.js";
import type { Finding } from "./problem.js";
import { entriesOf } from "./tolerant.js";

/** What the configuration must know of the drivers; the loader is given it and imports none. */
export interface KnownDrivers {
  readonly ids: readonly string[];
  load(id: string): Promise<KnownDriver | undefined>;
}

/** A `Driver` is one. */
export interface KnownDriver {
  readonly transport: string;
  readonly config: z.ZodType;
}

export interface ConfiguredDevice {
  readonly key: string;
  readonly driver: string;
  /** null for a driver without a line. */
  readonly port: string | null;
  /** What the driver's own schema made of the rest. */
  readonly settings: unknown;
}

/** Parses every device by its driver's schema. Devices that the general schema refuses anyway are passed over. */
export async function readDevices(
  data: unknown,
  drivers: KnownDrivers,
): Promise<{ readonly devices: readonly ConfiguredDevice[]; readonly findings: readonly Finding[] }> {
  const devices: ConfiguredDevice[] = [];
  const findings: Finding[] = [];
  const keyByPort = new Map<string, string>();
  for (const [key, { driver: id, port, ...rest }] of entriesOf(data, "devices")) {
    if (typeof id !== "string") continue;
    const under = ["devices", key];
    const driver = drivers.ids.includes(id) ? await drivers.load(id) : undefined;
    if (driver === undefined) {
      findings.push({
        path: [...under, "driver"],
        at: "value",
        message: `there is no driver "${id}"`,
        suggestion: meant(id, drivers.ids) ?? oneOf(drivers.ids),
      });
      continue;
    }
    if (driver.transport === "none" ? port !== undefined : port === undefined) {
      findings.push(
        port === undefined
          ? {
              path: [...under, "port"],
              at: "value",
              message: `"port" is missing: the driver ${id} needs one`,
            }
          : { path: [...under, "port"], at: "key", message: `the driver ${id} has no port` },
      );
    }
    if (typeof port === "string" && driver.transport !== "none") {
      const message = wrongForm(driver.transport, port);
      if (message !== null) findings.push({ path: [...under, "port"], at: "value", message });
    }
    if (typeof port === "string") {
      const other = keyByPort.get(port);
      if (other !== undefined) {
        findings.push({
          path: [...under, "port"],
          at: "value",
          message: `the device "${other}" has the same port`,
        });
      }
      keyByPort.set(port, key);
    }
    const schema = driver.config instanceof z.ZodObject ? driver.config.strict() : driver.config;
    const parsed = schema.safeParse(rest);
    if (parsed.success) {
      devices.push({ key, driver: id, port: typeof port === "string" ? port : null, settings: parsed.data });
    } else {
      const { issues } = parsed.error;
      findings.push(...explainIssues(issues, { schema, data: rest, under, knownKeys: ["driver", "port"] }));
    }
  }
  return { devices, findings };
}

/** HID devices and PC/SC readers are named by what they are, everything else by a path. Null when the form is right. */
function wrongForm(transport: string, port: string): string | null {
  if (transport === "hid" && parseHidAddress(port) === null)
    return `this driver's port is a USB HID device: ${HID_ADDRESS_FORM}`;
  if (transport === "pcsc" && pcscReaderOf(port) === null)
    return `this driver's port is a PC/SC reader: ${PCSC_ADDRESS_FORM}`;
  if (transport !== "pcsc" && port.startsWith("pcsc:"))
    return "this driver's port is no PC/SC reader: name it by its path, best under /dev/serial/by-id";
  if (transport !== "hid" && port.startsWith("hid:"))
    return "this driver's port is no USB HID device: name it by its path, best under /dev/serial/by-id";
  return null;
}
