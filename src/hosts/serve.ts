import { z } from "zod";
import { type Call, type Device, type Driver, DriverError, type DriverLog } from "#driver-api";
import type { Line } from "#src/devices/lines";
import { type Clock, withDeadline } from "#src/lib/deadline";
import type { Secret } from "#src/lib/secret";
import type { Channel } from "./channel.js";
import { INCLUSION_PARTS } from "./parts.js";
import { Peer, type Service } from "./peer.js";
import { Units } from "./units.js";

export interface ServeDeps {
  readonly loadDriver: (id: string) => Promise<Driver | undefined>;
  /** Opens the line that this driver wants; null for a driver that wants none. */
  readonly openLine: (driver: Driver, port: string) => Promise<Line | null>;
  /** Loads a package, so that it is there when the driver asks for it. */
  readonly loadLibrary: (name: string) => Promise<unknown>;
  readonly clock: Clock;
  /** Of this process, in bytes. */
  readonly memory: () => number;
}

/** A library writes its files before it ends. */
const CLOSE_LIMIT_MS = 2_000;
/** Calls that go on so long after the line was lost are ended by the gateway. */
const LAST_WORDS_MS = 1_000;

const lineArgs = z.tuple([z.string(), z.string()]);
const openArgs = z.tuple([
  z.unknown(),
  z.object({ hasKeys: z.boolean(), folder: z.string().exactOptional() }),
  z.instanceof(AbortSignal),
]);
type Opening = z.output<typeof openArgs>[1];

/**
 * The driver's process: opens the line and the device as it is told, and does what is asked of them. Resolves once the
 * gateway is gone or says no more, and everything is closed.
 */
export async function serve(channel: Channel, deps: ServeDeps): Promise<void> {
  const ended = new Promise<void>((resolve) => channel.onEnd(() => resolve()));
  const served = new ServedDriver(channel, deps);
  await ended;
  await served.close();
}

class ServedDriver implements Service {
  readonly #deps: ServeDeps;
  readonly #peer: Peer;
  readonly #units: Units;
  #driver: Driver | undefined;
  #line: Line | null = null;
  #device: Device | undefined;
  #stopListening: (() => void) | undefined;

  constructor(channel: Channel, deps: ServeDeps) {
    this.#deps = deps;
    this.#peer = new Peer(channel, this);
    this.#units = new Units(this.#peer);
  }

  answer(to: string, args: readonly unknown[]): Promise<unknown> {
    const [kind = "", name = "", ...rest] = to.split("/");
    switch (kind) {
      case "sign of life":
        return Promise.resolve(this.#deps.memory());
      case "line":
        return this.#openLine(...lineArgs.parse(args));
      case "open":
        return this.#open(...openArgs.parse(args));
      case "device":
        return this.#onDevice(name, rest[0] ?? "", args);
      case "unit":
        return this.#units.call(Number(name), rest, args);
      default:
        return Promise.reject(new TypeError(`nobody answers to ${kind}`));
    }
  }

  hear(about: string, args: readonly unknown[]): void {
    if (about === "listen") this.#units.listen(args);
    if (about === "opened") this.#tellChanges();
    if (about === "listen no more") this.#units.listenNoMore(args);
  }

  async close(): Promise<void> {
    this.#stopListening?.();
    const parent = new AbortController().signal;
    for (const part of [this.#device, this.#line]) {
      if (part === undefined || part === null) continue;
      await withDeadline({ clock: this.#deps.clock, ms: CLOSE_LIMIT_MS, parent }, () => part.close()).catch(
        () => undefined,
      );
    }
  }

  async #openLine(id: string, port: string): Promise<void> {
    this.#driver = await this.#deps.loadDriver(id);
    if (this.#driver === undefined) throw new TypeError(`there is no driver ${id}`);
    const { library } = this.#driver;
    // It may take longer than a device may take to open. What is wrong with it the driver says, in its own words.
    if (library !== undefined) await this.#deps.loadLibrary(library).catch(() => undefined);
    this.#line = await this.#deps.openLine(this.#driver, port);
    this.#stopListening = this.#line?.onClose((reason) => void this.#tellLost(reason));
  }

  /** The driver ends its calls by itself, and knows better what they may have done. */
  async #tellLost(reason: string): Promise<void> {
    const parent = new AbortController().signal;
    await withDeadline({ clock: this.#deps.clock, ms: LAST_WORDS_MS, parent }, () =>
      this.#peer.answered(),
    ).catch(() => undefined);
    this.#peer.tell("line closed", [reason]);
  }

  async #open(settings: unknown, { hasKeys, ...plain }: Opening, signal: AbortSignal): Promise<unknown> {
    if (this.#driver === undefined) throw new TypeError("the line comes first");
    const context = {
      ...plain,
      // The line is of the kind that the driver names.
      line: (this.#line ?? undefined) as never,
      clock: this.#deps.clock,
      log: relayedLog(this.#peer),
      ...(hasKeys && { keys: (id: string) => this.#keys(id) }),
    };
    const driver: Driver = this.#driver;
    const device = await driver.open(settings, context, { signal });
    this.#device = device;
    return {
      identity: { ...device.identity },
      units: this.#units.tell(device.units),
      troubles: [...(device.troubles ?? [])],
      hasChanges: device.onUnitsChange !== undefined,
      hasInclusion: device.inclusion !== undefined,
    };
  }

  /** The gateway has the device, and from here on hears when units come and go; what changed meanwhile at once. */
  #tellChanges(): void {
    const device = this.#device;
    if (device === undefined) return;
    const tell = () =>
      this.#peer.tell("units", [this.#units.tell(device.units), [...(device.troubles ?? [])]]);
    device.onUnitsChange?.(tell);
    if (!this.#units.areTold(device.units)) tell();
  }

  #onDevice(member: string, act: string, args: readonly unknown[]): Promise<unknown> {
    const device = this.#device;
    if (device === undefined) return Promise.reject(new DriverError("device.lost", "none", "it is not open"));
    if (member === "ping") return device.ping(args[0] as Call);
    if (member === "close") return device.close();
    const { inclusion } = device;
    if (member !== "inclusion" || inclusion === undefined || !Object.hasOwn(INCLUSION_PARTS, act))
      return Promise.reject(new TypeError(`a device has no ${member}`));
    // What it is called with was made by the same contract, at the other side.
    const calls = inclusion as unknown as Readonly<Record<string, (...all: unknown[]) => Promise<unknown>>>;
    return (
      calls[act]?.apply(inclusion, [...args]) ?? Promise.reject(new TypeError(`inclusion has no ${act}`))
    );
  }

  async #keys(id: string): Promise<readonly Secret<Uint8Array>[]> {
    // The gateway gives what its type says.
    return (await this.#peer.call("keys", [id])) as readonly Secret<Uint8Array>[];
  }
}

/** What is logged crosses as it would be printed: secrets are masked here already. */
function relayedLog(peer: Peer): DriverLog {
  const say = (level: "debug" | "warn") => (fields: object, message: string) =>
    peer.tell("log", [level, JSON.parse(JSON.stringify(fields, printable)), message]);
  return { debug: say("debug"), warn: say("warn") };
}

/** An error would become an empty object. */
function printable(_: string, value: unknown): unknown {
  if (value instanceof Error) return { type: value.name, message: value.message, ...codeOf(value) };
  return typeof value === "bigint" ? value.toString() : value;
}

function codeOf(error: Error): object {
  return "code" in error ? { code: error.code } : {};
}
