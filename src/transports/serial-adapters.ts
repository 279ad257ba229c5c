import { readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";

/** A serial port on USB, and every name that the system gives it. */
export interface SerialAdapter {
  /** `/dev/ttyUSB0`. */
  readonly node: string;
  /** `/dev/serial/by-id/…`: made of what the adapter says of itself. Of several that say the same, one has it, by chance. */
  readonly byId: string | null;
  /** `/dev/serial/by-path/…`: the USB socket. */
  readonly byPath: string | null;
  readonly usb: string | null;
  readonly label: string;
  /** Nodes of the other adapters that say the same of themselves: the name under by-id may mean any of them. */
  readonly twins: readonly string[];
}

const BY_ID = "/dev/serial/by-id/";
const TTY = /^tty(USB|ACM)\d{1,4}$/;
const PORTS_MAX = 256;
/** From a terminal's device up to the USB device it belongs to. */
const LEVELS_UP_MAX = 4;

/** All that are plugged in. Looks at names and /sys only; `root` is where /sys and /dev are mounted. Never rejects. */
export async function serialAdapters(root = ""): Promise<readonly SerialAdapter[]> {
  const names = (await namesIn(`${root}/sys/class/tty`)).filter((name) => TTY.test(name)).slice(0, PORTS_MAX);
  const [byId, byPath] = await Promise.all([linksIn(root, "by-id"), linksIn(root, "by-path")]);
  const adapters = await Promise.all(
    names.map(async (name) => {
      const node = `/dev/${name}`;
      const real = await realpath(`${root}${node}`).catch(() => `${root}${node}`);
      const facts = await usbFacts(root, name);
      return { node, byId: byId.get(real) ?? null, byPath: byPath.get(real) ?? null, ...facts };
    }),
  );
  return adapters.map(({ says, device, ...adapter }) => {
    const isTwin = (other: (typeof adapters)[number]) =>
      says !== null && other.says === says && other.device !== device;
    return { ...adapter, twins: adapters.filter(isTwin).map(({ node }) => node) };
  });
}

/** All adapters that `path`, a name under by-id, may mean; none where it means one and no other. */
export async function adaptersNamed(path: string, root = ""): Promise<readonly SerialAdapter[]> {
  if (!path.startsWith(BY_ID)) return [];
  const adapters = await serialAdapters(root);
  const named = adapters.find(({ byId }) => byId === path);
  if (named === undefined || named.twins.length === 0) return [];
  return adapters.filter(({ node }) => node === named.node || named.twins.includes(node));
}

/** The widest of its names that means it alone. */
export function lastingName({ node, byId, byPath, twins }: SerialAdapter): string {
  return (twins.length === 0 ? byId : null) ?? byPath ?? node;
}

/** Real node → name. Of several names of one node, such as those of different USB generations, the first counts. */
async function linksIn(root: string, folder: "by-id" | "by-path"): Promise<ReadonlyMap<string, string>> {
  const links = new Map<string, string>();
  for (const name of [...(await namesIn(`${root}/dev/serial/${folder}`))].sort()) {
    const node = await realpath(`${root}/dev/serial/${folder}/${name}`).catch(() => null);
    if (node !== null && !links.has(node)) links.set(node, `/dev/serial/${folder}/${name}`);
  }
  return links;
}

interface UsbFacts {
  readonly usb: string | null;
  readonly label: string;
  /** What a name under by-id is made of; null where it is no USB device. */
  readonly says: string | null;
  /** Folder of the USB device: ports of one adapter are no twins. */
  readonly device: string;
}

async function usbFacts(root: string, tty: string): Promise<UsbFacts> {
  let folder = await realpath(`${root}/sys/class/tty/${tty}/device`).catch(() => null);
  let number: string | null = null;
  for (let level = 0; folder !== null && level <= LEVELS_UP_MAX; level++, folder = dirname(folder)) {
    number ??= await fact(folder, "bInterfaceNumber");
    const vendor = await fact(folder, "idVendor");
    if (vendor === null) continue;
    const product = await fact(folder, "idProduct");
    const words = [await fact(folder, "manufacturer"), await fact(folder, "product")];
    const says = [words[0] ?? vendor, words[1] ?? product, await fact(folder, "serial"), number];
    return {
      usb: `${vendor}:${product ?? "?"}`,
      label: words.filter((word) => word !== null).join(" "),
      says: JSON.stringify(says),
      device: folder,
    };
  }
  return { usb: null, label: "", says: null, device: tty };
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
