import { access, constants } from "node:fs/promises";
import type * as NodeHid from "node-hid";
import { DriverError, type HidLine, type HidSettings } from "#driver-api";
import { type Clock, withDeadline } from "#src/lib/deadline";
import { type HidAddress, HID_ADDRESS_FORM, parseHidAddress } from "#src/lib/hid-address";
import { type HidNode, isPresent, nodesAt } from "./hid-nodes.js";
import { LineLife, textOf } from "./line-life.js";
import { PortError } from "./port-error.js";
import { holderName, openHolder } from "./port-holder.js";

const OPEN_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;
/** Linux itself gives up a control transfer after five seconds. */
const LIMIT = { ms: 6_000, late: "a report was not taken in time" };
/** Reports without a number go out behind this one. */
const UNNUMBERED = 0;

const NEVER_ABORTS = new AbortController().signal;

/**
 * Opens the device that `address` (see `HidAddress`) means, by what it is and never by its node. Rejects with
 * `PortError` only, within six seconds.
 */
export async function openHidLine(
  address: string,
  settings: HidSettings,
  { clock }: { readonly clock: Clock },
): Promise<HidLine> {
  const wanted = parseHidAddress(address);
  if (wanted === null) throw new PortError("port.missing", `${address} is no address: ${HID_ADDRESS_FORM}`);
  const node = onlyOne(address, wanted, await nodesAt(wanted));
  await assertUsable(address, node);
  const { HIDAsync } = await nodeHid();
  let device: NodeHid.HIDAsync;
  try {
    device = await withDeadline({ clock, ms: OPEN_LIMIT_MS, parent: NEVER_ABORTS }, async (signal) => {
      const opened = await HIDAsync.open(node.path);
      // Too late: nobody will close it, and an open handle keeps the node's number taken.
      if (signal.aborted) await opened.close();
      return opened;
    });
  } catch (cause) {
    throw new PortError(
      "port.refused",
      `${address} (${node.path}) cannot be opened: ${textOf(cause)}`,
      cause,
    );
  }
  const line = new OpenHid(device, node, settings, clock);
  // node-hid begins to read in the next tick, and would throw there, with nobody to catch it, were it closed by then.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  return line;
}

function onlyOne(address: string, { at }: HidAddress, nodes: readonly HidNode[]): HidNode {
  const [node, ...others] = nodes;
  if (node === undefined) throw new PortError("port.missing", `there is no device ${address}`);
  if (others.length === 0) return node;
  const choice = nodes.map((it) => (at === undefined ? `/at:${it.at}` : `/interface:${it.interface}`));
  const ways = [...new Set(choice)].join(" or ");
  throw new PortError("port.ambiguous", `${nodes.length} devices are ${address}: say which one by ${ways}`);
}

/** A node may be opened by any number of programs at once, and then each gets what the device says to the others. */
async function assertUsable(address: string, { path }: HidNode): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (cause) {
    const message =
      `this program has no permission to open ${address} (${path}): install systemd/60-lockbridge.rules as ` +
      "/etc/udev/rules.d/60-lockbridge.rules and plug the device in again";
    throw new PortError("port.refused", message, cause);
  }
  const holder = await openHolder(path);
  if (holder !== null)
    throw new PortError("port.held", `${address} (${path}) is in use by ${holderName(holder)}`);
}

/** Loaded with the first HID device: what it is built on is not on every machine. */
async function nodeHid(): Promise<typeof NodeHid> {
  try {
    const library = await import("node-hid");
    library.setDriverType("hidraw");
    library.getHidapiVersion();
    return library;
  } catch (cause) {
    const missing = /(lib\S+\.so\S*): cannot open/.exec(textOf(cause))?.[1];
    const message =
      missing === undefined
        ? `the library for HID devices cannot be loaded: ${textOf(cause)}`
        : `HID devices need ${missing}: apt-get install libusb-1.0-0 libudev1`;
    throw new PortError("port.refused", message, cause);
  }
}

class OpenHid implements HidLine {
  readonly #device: NodeHid.HIDAsync;
  readonly #node: HidNode;
  readonly #settings: HidSettings;
  readonly #life: LineLife;
  readonly #reportListeners = new Set<(report: Uint8Array) => void>();

  constructor(device: NodeHid.HIDAsync, node: HidNode, settings: HidSettings, clock: Clock) {
    this.#device = device;
    this.#node = node;
    this.#settings = settings;
    this.#life = new LineLife("the HID device", clock, () => this.#release(clock));
    // Also what tells of an unplugging: node-hid looks at the device only while somebody listens for data.
    device.on("data", (report: Buffer) => {
      for (const listener of [...this.#reportListeners]) listener(report);
    });
    // An unplugging comes as an error, often without a message.
    device.on("error", () => this.#life.lose("the device went away"));
  }

  get isOpen(): boolean {
    return this.#life.isOpen;
  }

  onReport(listener: (report: Uint8Array) => void): () => void {
    this.#reportListeners.add(listener);
    return () => this.#reportListeners.delete(listener);
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#life.onClose(listener);
  }

  async write(report: Uint8Array, signal: AbortSignal): Promise<void> {
    const bytes = numbered(report, this.#settings.reportBytes);
    await this.#life.carry(signal, LIMIT, () => this.#device.write(bytes));
  }

  async setFeature(report: Uint8Array, signal: AbortSignal): Promise<void> {
    const bytes = numbered(report, this.#settings.featureBytes ?? 0);
    await this.#feature(signal, () => this.#device.sendFeatureReport(bytes));
  }

  async getFeature(signal: AbortSignal): Promise<Uint8Array> {
    const size = (this.#settings.featureBytes ?? 0) + 1;
    const report = await this.#feature(signal, () => this.#device.getFeatureReport(UNNUMBERED, size));
    return Uint8Array.from(report.subarray(1));
  }

  close(): Promise<void> {
    return this.#life.close();
  }

  /** A device that is still there only did not answer. */
  #feature<T>(signal: AbortSignal, start: () => Promise<T>): Promise<T> {
    return this.#life.carry(signal, LIMIT, () =>
      start().catch(async (cause: unknown) => {
        if (!(await isPresent(this.#node))) throw cause;
        const message = "the device does not take or give a feature report";
        throw new DriverError("device.silent", "unknown", message, cause);
      }),
    );
  }

  /** The handle is let go of at once: as long as it is open, the device gets another node when it is plugged in again. */
  async #release(clock: Clock): Promise<void> {
    this.#reportListeners.clear();
    const limit = { clock, ms: CLOSE_LIMIT_MS, parent: NEVER_ABORTS };
    await withDeadline(limit, () => this.#device.close()).catch(() => undefined);
  }
}

function numbered(report: Uint8Array, size: number): Buffer {
  if (report.length > size) throw new RangeError(`a report of this device has at most ${size} bytes`);
  const bytes = Buffer.alloc(size + 1);
  bytes.writeUInt8(UNNUMBERED, 0);
  bytes.set(report, 1);
  return bytes;
}
