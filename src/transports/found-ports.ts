import { readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hidNodes } from "./hid-nodes.js";

/** Something plugged in, by the name that a configuration should use for it. */
export interface FoundPort {
  readonly kind: "serial" | "hid";
  /** Stays the same when the device is plugged in again: `/dev/serial/by-id/…`, else `/dev/serial/by-path/…`, else the node. */
  readonly port: string;
  /** `/dev/ttyUSB0`; null for HID. */
  readonly node: string | null;
  /** `1a86:7523`, a hint and no proof: many devices share one adapter's ids. Null when there are none. */
  readonly usb: string | null;
  /** What the USB adapter calls itself. */
  readonly label: string;
}

const TTY = /^tty(USB|ACM)\d{1,4}$/;
const PORTS_MAX = 256;
/** From a terminal's device up to the USB device it belongs to. */
const LEVELS_UP_MAX = 4;

/**
 * Everything plugged in that a driver could use. Looks at names and /sys only: no port is opened and no byte sent, so
 * it disturbs nothing and takes a millisecond. `root` is where /sys and /dev are mounted. Never rejects.
 */
export async function foundPorts(root = ""): Promise<readonly FoundPort[]> {
  const [serial, hid] = await Promise.all([serialPorts(root), root === "" ? hidPorts() : []]);
  return [...serial, ...hid];
}

async function serialPorts(root: string): Promise<readonly FoundPort[]> {
  const names = (await namesIn(`${root}/sys/class/tty`)).filter((name) => TTY.test(name)).slice(0, PORTS_MAX);
  const links = new Map<string, string>();
  // By-id is the better name, so it comes last and wins.
  for (const folder of ["by-path", "by-id"]) {
    for (const name of await namesIn(`${root}/dev/serial/${folder}`)) {
      const node = await realpath(`${root}/dev/serial/${folder}/${name}`).catch(() => null);
      if (node !== null) links.set(node, `/dev/serial/${folder}/${name}`);
    }
  }
  const ports = names.map(async (name): Promise<FoundPort> => {
    const node = `/dev/${name}`;
    const real = await realpath(`${root}${node}`).catch(() => `${root}${node}`);
    return { kind: "serial", port: links.get(real) ?? node, node, ...(await usbFacts(root, name)) };
  });
  return (await Promise.all(ports)).sort((a, b) => (a.port < b.port ? -1 : 1));
}

async function usbFacts(root: string, tty: string): Promise<Pick<FoundPort, "usb" | "label">> {
  let folder = await realpath(`${root}/sys/class/tty/${tty}/device`).catch(() => null);
  for (let level = 0; folder !== null && level <= LEVELS_UP_MAX; level++, folder = dirname(folder)) {
    const vendor = await fact(folder, "idVendor");
    if (vendor === null) continue;
    const product = await fact(folder, "idProduct");
    const words = [await fact(folder, "manufacturer"), await fact(folder, "product")];
    return {
      usb: `${vendor}:${product ?? "?"}`,
      label: words.filter((word) => word !== null).join(" "),
    };
  }
  return { usb: null, label: "" };
}

/** What a device says of itself goes to terminals: whatever would act on one is taken out. */
async function fact(folder: string, name: string): Promise<string | null> {
  const text = await readFile(join(folder, name), "latin1").catch(() => null);
  const printable =
    text
      ?.trim()
      .replace(/[^\x20-\x7e]/g, "?")
      .slice(0, 100) ?? "";
  return printable === "" ? null : printable;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}

async function hidPorts(): Promise<readonly FoundPort[]> {
  return (await hidNodes()).map(({ vendorId, productId, serial, interface: number, at }) => ({
    kind: "hid",
    port: `hid:${vendorId}:${productId}${serial === "" ? `/at:${at}` : `/serial:${serial}`}${number === 0 ? "" : `/interface:${number}`}`,
    node: null,
    usb: `${vendorId}:${productId}`,
    label: "",
  }));
}
