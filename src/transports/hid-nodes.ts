import { opendir, readFile, realpath, stat } from "node:fs/promises";
import { type HidAddress, parseHidAddress } from "#src/lib/hid-address";

/** A USB HID interface that is plugged in. */
export interface HidNode {
  /** `/dev/hidraw0`. */
  readonly path: string;
  readonly vendorId: string;
  readonly productId: string;
  /** Empty when the device tells none. */
  readonly serial: string;
  readonly interface: number;
  /** The USB socket. */
  readonly at: string;
}

const CLASS = "/sys/class/hidraw";
const NODES_MAX = 256;

/** Every USB HID interface there is, by its socket. Looks at /sys only and disturbs no device. Never rejects. */
export async function hidNodes(): Promise<readonly HidNode[]> {
  const found: HidNode[] = [];
  for (const name of await nodeNames()) {
    const node = await describe(name);
    if (node !== null) found.push(node);
  }
  return found.sort((a, b) => (a.at + a.path < b.at + b.path ? -1 : 1));
}

/** Those that `address` means: one, none, or several that it does not tell apart. */
export async function nodesAt(address: HidAddress): Promise<readonly HidNode[]> {
  return (await hidNodes()).filter((node) => isAt(address, node));
}

function isAt(address: HidAddress, node: HidNode): boolean {
  return (
    node.vendorId === address.vendorId &&
    node.productId === address.productId &&
    (address.serial === undefined || node.serial === address.serial) &&
    (address.interface === undefined || node.interface === address.interface) &&
    (address.at === undefined || node.at === address.at)
  );
}

/**
 * The widest address that means `node` alone among `all`: by its serial number, which follows it into any socket, by
 * what it is, or by its socket. A number that others have too, or that cannot stand in an address, is not used.
 */
export function hidAddressOf(node: HidNode, all: readonly HidNode[]): string {
  const kind = `hid:${node.vendorId}:${node.productId}`;
  const { serial, at, interface: number } = node;
  for (const place of [...(/^[\x21-\x7e]+$/.test(serial) ? [`/serial:${serial}`] : []), "", `/at:${at}`]) {
    for (const part of ["", `/interface:${number}`]) {
      const address = parseHidAddress(`${kind}${place}${part}`);
      const isAlone = address !== null && all.every((other) => isAt(address, other) === (other === node));
      if (isAlone) return `${kind}${place}${part}`;
    }
  }
  return `${kind}/at:${at}/interface:${number}`;
}

/** Changes whenever another device comes to the address, or its permissions change; null while nothing is there. */
export async function hidMark(address: HidAddress): Promise<string | null> {
  const nodes = await nodesAt(address);
  if (nodes.length === 0) return null;
  const marks = nodes.map(async ({ path, at }) => {
    const facts = await stat(path, { bigint: true }).catch(() => null);
    return [path, at, facts?.ino, facts?.ctimeNs].join(":");
  });
  return (await Promise.all(marks)).join(" ");
}

export async function isPresent({ path }: HidNode): Promise<boolean> {
  return (await nodeNames()).includes(path.slice("/dev/".length));
}

async function nodeNames(): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name } of await opendir(CLASS)) {
      if (/^hidraw\d+$/.test(name) && names.length < NODES_MAX) names.push(name);
    }
  } catch {
    // A machine that never had a HID device has no such folder.
  }
  return names;
}

/** Null for what is no USB device, such as a keyboard by Bluetooth, or was unplugged meanwhile. */
async function describe(name: string): Promise<HidNode | null> {
  try {
    const device = await realpath(`${CLASS}/${name}/device`);
    const facts = await readFile(`${device}/uevent`, "latin1");
    const [, vendorId, productId] = /^HID_ID=0003:0000([0-9A-F]{4}):0000([0-9A-F]{4})$/m.exec(facts) ?? [];
    const [, at, number] = /\/(\d+-[\d.]+):\d+\.(\d+)\/[^/]+$/.exec(device) ?? [];
    if (vendorId === undefined || productId === undefined || at === undefined) return null;
    return {
      path: `/dev/${name}`,
      vendorId: vendorId.toLowerCase(),
      productId: productId.toLowerCase(),
      serial: /^HID_UNIQ=(.*)$/m.exec(facts)?.[1] ?? "",
      interface: Number(number),
      at,
    };
  } catch {
    return null;
  }
}
