import { access, constants } from "node:fs/promises";
import type * as NodeHid from "node-hid";
import { DriverError, type Effect, type HidLine, type HidSettings } from "#driver-api";
import { type Clock, withDeadline } from "#src/lib/deadline";
import { type HidAddress, HID_ADDRESS_FORM, parseHidAddress } from "#src/lib/hid-address";
import { type HidNode, isPresent, nodesAt } from "./hid-nodes.js";
import { PortError } from "./port-error.js";
import { holderName, openHolder } from "./port-holder.js";

const OPEN_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;
/** Linux itself gives up a control transfer after five seconds. */
const TRANSFER_LIMIT_MS = 6_000;
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
  throw new PortError("port.refused", `${nodes.length} devices are ${address}: say which one by ${ways}`);
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
  readonly #clock: Clock;
  readonly #reportListeners = new Set<(report: Uint8Array) => void>();
  readonly #closeListeners = new Set<(reason: string) => void>();
  readonly #failTransfers = new Set<(error: DriverError) => void>();
  #lostBecause: string | null = null;
  #released: Promise<void> = Promise.resolve();

  constructor(device: NodeHid.HIDAsync, node: HidNode, settings: HidSettings, clock: Clock) {
    this.#device = device;
    this.#node = node;
    this.#settings = settings;
    this.#clock = clock;
    // Also what tells of an unplugging: node-hid looks at the device only while somebody listens for data.
    device.on("data", (report: Buffer) => {
      for (const listener of [...this.#reportListeners]) listener(report);
    });
    // An unplugging comes as an error, often without a message.
    device.on("error", () => this.#lose("the device went away"));
  }

  get isOpen(): boolean {
    return this.#lostBecause === null;
  }

  onReport(listener: (report: Uint8Array) => void): () => void {
    this.#reportListeners.add(listener);
    return () => this.#reportListeners.delete(listener);
  }

  onClose(listener: (reason: string) => void): () => void {
    if (this.#lostBecause !== null) {
      listener(this.#lostBecause);
      return () => undefined;
    }
    this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  async write(report: Uint8Array, signal: AbortSignal): Promise<void> {
    const bytes = numbered(report, this.#settings.reportBytes);
    await this.#transfer(signal, "lost", () => this.#device.write(bytes));
  }

  async setFeature(report: Uint8Array, signal: AbortSignal): Promise<void> {
    const bytes = numbered(report, this.#settings.featureBytes ?? 0);
    await this.#transfer(signal, "silent", () => this.#device.sendFeatureReport(bytes));
  }

  async getFeature(signal: AbortSignal): Promise<Uint8Array> {
    const size = (this.#settings.featureBytes ?? 0) + 1;
    const report = await this.#transfer(signal, "silent", () =>
      this.#device.getFeatureReport(UNNUMBERED, size),
    );
    return Uint8Array.from(report.subarray(1));
  }

  close(): Promise<void> {
    this.#lose("it was closed");
    return this.#released;
  }

  /** A transfer that fails means that the device is gone, or, if it `mayRefuse`, only that it did not answer. */
  #transfer<T>(signal: AbortSignal, failure: "lost" | "silent", start: () => Promise<T>): Promise<T> {
    if (signal.aborted) return Promise.reject(cancelled("none"));
    if (this.#lostBecause !== null) return Promise.reject(lost("none", this.#lostBecause));
    return new Promise((resolve, reject) => {
      const settle = () => {
        cancelTimer();
        signal.removeEventListener("abort", onAbort);
        this.#failTransfers.delete(fail);
      };
      const fail = (error: DriverError) => {
        settle();
        reject(error);
      };
      const onAbort = () => fail(cancelled("unknown"));
      const cancelTimer = this.#clock.startTimer(TRANSFER_LIMIT_MS, () =>
        this.#lose("a report was not taken in time"),
      );
      signal.addEventListener("abort", onAbort, { once: true });
      this.#failTransfers.add(fail);
      const done = (value: T) => {
        settle();
        resolve(value);
      };
      start().then(done, (cause: unknown) => void this.#judge(failure, cause, fail));
    });
  }

  async #judge(
    failure: "lost" | "silent",
    cause: unknown,
    fail: (error: DriverError) => void,
  ): Promise<void> {
    if (failure === "silent" && (await isPresent(this.#node))) {
      fail(
        new DriverError(
          "device.silent",
          "unknown",
          "the device does not take or give a feature report",
          cause,
        ),
      );
    } else this.#lose(textOf(cause));
  }

  /** The handle is let go of at once: as long as it is open, the device gets another node when it is plugged in again. */
  #lose(reason: string): void {
    if (this.#lostBecause !== null) return;
    this.#lostBecause = reason;
    const parent = NEVER_ABORTS;
    const limit = { clock: this.#clock, ms: CLOSE_LIMIT_MS, parent };
    this.#released = withDeadline(limit, () => this.#device.close()).catch(() => undefined);
    for (const fail of [...this.#failTransfers]) fail(lost("unknown", reason));
    const listeners = [...this.#closeListeners];
    this.#closeListeners.clear();
    this.#reportListeners.clear();
    for (const listener of listeners) listener(reason);
  }
}

function numbered(report: Uint8Array, size: number): Buffer {
  if (report.length > size) throw new RangeError(`a report of this device has at most ${size} bytes`);
  const bytes = Buffer.alloc(size + 1);
  bytes.writeUInt8(UNNUMBERED, 0);
  bytes.set(report, 1);
  return bytes;
}

function lost(effect: Effect, reason: string): DriverError {
  return new DriverError("device.lost", effect, `the HID device is gone: ${reason}`);
}

function cancelled(effect: Effect): DriverError {
  return new DriverError("call.cancelled", effect, "the transfer was cancelled");
}

function textOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : "no reason given";
}
