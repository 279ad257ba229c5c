import type { Clock } from "#src/lib/deadline";
import { hidAddressOf, hidNodes } from "./hid-nodes.js";
import { pcscReaders } from "./pcsc.js";
import { lastingName, serialAdapters } from "./serial-adapters.js";

/** Something plugged in, by the name that a configuration should use for it. */
export interface FoundPort {
  readonly kind: "serial" | "hid" | "pcsc";
  /**
   * The widest name that means this one alone: what it calls itself (`/dev/serial/by-id/…`, `hid:0801:0003`), which
   * follows it into any socket; where others call themselves so too, its socket (`/dev/serial/by-path/…`, `…/at:1-1.4`);
   * where the system gives no such names, the node.
   */
  readonly port: string;
  /** `/dev/ttyUSB0`; null for others. */
  readonly node: string | null;
  /** `1a86:7523`, a hint and no proof: many devices share one adapter's ids. Null when there are none. */
  readonly usb: string | null;
  /** What the USB adapter calls itself. */
  readonly label: string;
  /** False for a node, and for one of several PC/SC readers that differ in their numbers: after the next start the same name may be another device's. */
  readonly isLasting: boolean;
}

/**
 * Everything plugged in that a driver could use. Looks at names and /sys only, and where the PC/SC service runs asks it
 * for its readers: no port is opened and no byte sent to a device, so it disturbs nothing. `root` is where /sys and /dev are mounted. Never rejects.
 */
export async function foundPorts(clock: Clock, root = ""): Promise<readonly FoundPort[]> {
  if (root !== "") return serialPorts(root);
  return (await Promise.all([serialPorts(root), hidPorts(), pcscPorts(clock)])).flat();
}

async function serialPorts(root: string): Promise<readonly FoundPort[]> {
  const adapters = await serialAdapters(root);
  const ports = adapters.map((adapter): FoundPort => {
    const port = lastingName(adapter);
    const { node, usb, label } = adapter;
    return { kind: "serial", port, node, usb, label, isLasting: port !== node };
  });
  return ports.sort((a, b) => (a.port < b.port ? -1 : 1));
}

async function hidPorts(): Promise<readonly FoundPort[]> {
  const nodes = await hidNodes();
  return nodes.map((node) => ({
    kind: "hid",
    port: hidAddressOf(node, nodes),
    node: null,
    usb: `${node.vendorId}:${node.productId}`,
    label: "",
    isLasting: true,
  }));
}

/** The numbers at the end of a reader's name follow the order of plugging. */
async function pcscPorts(clock: Clock): Promise<readonly FoundPort[]> {
  const names = await pcscReaders(clock);
  const withoutNumbers = (name: string) => name.replace(/( [0-9A-F]{2}){2}$/, "");
  return names.map((name) => {
    const short = withoutNumbers(name);
    const isLasting = names.filter((other) => withoutNumbers(other) === short).length === 1;
    const port = `pcsc:${isLasting ? short : name}`;
    return { kind: "pcsc", port, node: null, usb: null, label: name, isLasting };
  });
}
