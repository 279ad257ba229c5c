import { z } from "zod";
import { type Call, type Device, DriverError, type DriverLog } from "#driver-api";
import { type Clock, withDeadline } from "#src/lib/deadline";
import type { HostedContext, HostingLine } from "#src/devices/lines";
import type { Channel } from "./channel.js";
import { HostedDevice } from "./hosted-device.js";
import { Peer, type Service } from "./peer.js";
import { deviceTold, troublesTold, unitTold } from "./told.js";

/** A process that a driver can run in. */
export interface DriverProcess {
  readonly channel: Channel;
  /** Resolves when the process is gone, with how it ended. */
  readonly ended: Promise<string>;
  kill(): void;
  /** How many bytes it has printed so far. */
  printedBytes(): number;
}

export interface HostedLineDeps {
  readonly clock: Clock;
  /** Hears of the process before a device is open. */
  readonly log: DriverLog;
  /** Is told how much memory the process has, in bytes, and null when it is gone. */
  readonly onMemory: (bytes: number | null) => void;
  /** Without a sign of life for so long the process is given up; ten seconds unless given. */
  readonly silenceMs?: number;
}

/** Loading a big library takes many seconds on a small machine. */
const START_MS_MAX = 30_000;
const SIGN_OF_LIFE_EVERY_MS = 2_000;
/** Long enough for a library that is loaded in one piece on a small machine. */
const SILENCE_MS = 10_000;
/** The process closes its device and its line, and ends by itself. */
const END_MS_MAX = 2_500;

const heard = z.tuple([z.int(), z.string(), z.array(z.unknown())]);
const crash = z.tuple([z.string(), z.array(z.string())]);
const logged = z.tuple([z.enum(["debug", "warn"]), z.looseObject({}), z.string()]);

/**
 * A driver's process with the line that it has opened: to the supervisor a line like any other. It is gone when the real
 * line is, when the process ends, and when the process does not give a sign of life for seconds; nothing of the process
 * is left then.
 */
export class HostedLine implements HostingLine {
  readonly #process: DriverProcess;
  readonly #deps: HostedLineDeps;
  readonly #peer: Peer;
  readonly #closeListeners = new Set<(reason: string) => void>();
  readonly #life = new AbortController();
  #log: DriverLog;
  #keys: HostedContext["keys"];
  #device: HostedDevice | undefined;
  #goneBecause: string | null = null;
  #cancelBeat = (): void => undefined;

  private constructor(process: DriverProcess, deps: HostedLineDeps) {
    this.#process = process;
    this.#deps = deps;
    this.#log = deps.log;
    const service: Service = {
      answer: (to, args) => this.#answer(to, args),
      hear: (about, args) => this.#hear(about, args),
    };
    this.#peer = new Peer(process.channel, service);
    process.channel.onEnd((reason) => this.#lose(reason));
    void process.ended.then((how) => {
      this.#lose(how);
      const bytes = process.printedBytes();
      if (bytes > 0)
        this.#log.warn({ event: "host.printed", bytes }, "the driver's process printed something");
    });
  }

  /** Has the process load the driver and open its line, until `stop`. Rejects as the opener of that line does. */
  static async open(
    process: DriverProcess,
    { driver, port, stop }: { readonly driver: string; readonly port: string; readonly stop?: AbortSignal },
    deps: HostedLineDeps,
  ): Promise<HostedLine> {
    const line = new HostedLine(process, deps);
    const giveUp = (): void => {
      line.#lose("the gateway is stopping");
      process.kill();
    };
    stop?.addEventListener("abort", giveUp, { once: true });
    try {
      await withDeadline({ clock: deps.clock, ms: START_MS_MAX, parent: line.#life.signal }, () =>
        line.#peer.call("line", [driver, port]),
      );
    } catch (error) {
      await line.close();
      throw error;
    } finally {
      stop?.removeEventListener("abort", giveUp);
    }
    line.#expectSignOfLife();
    return line;
  }

  get isOpen(): boolean {
    return this.#goneBecause === null;
  }

  /** As `Driver.open`, with settings that were parsed. */
  async openDevice(
    settings: unknown,
    { log, keys, ...plain }: HostedContext,
    { signal }: Call,
  ): Promise<Device> {
    this.#log = log;
    this.#keys = keys;
    const told = await this.#peer.call("open", [settings, { ...plain, hasKeys: keys !== undefined }, signal]);
    this.#device = new HostedDevice(this.#peer, deviceTold.parse(told));
    this.#peer.tell("opened", []);
    return this.#device;
  }

  onClose(listener: (reason: string) => void): () => void {
    if (this.#goneBecause !== null) listener(this.#goneBecause);
    else this.#closeListeners.add(listener);
    return () => this.#closeListeners.delete(listener);
  }

  /** Lets the process close its line and end; one that does not is killed. */
  async close(): Promise<void> {
    this.#lose("closed");
    const { clock } = this.#deps;
    const parent = new AbortController().signal;
    await withDeadline({ clock, ms: END_MS_MAX, parent }, () => this.#process.ended).catch(() =>
      this.#process.kill(),
    );
    await this.#process.ended;
  }

  #lose(reason: string): void {
    if (this.#goneBecause !== null) return;
    this.#goneBecause = reason;
    this.#cancelBeat();
    this.#peer.end(reason);
    this.#life.abort(new DriverError("device.lost", "none", reason));
    this.#deps.onMemory(null);
    for (const listener of [...this.#closeListeners]) listener(reason);
    this.#closeListeners.clear();
  }

  /** A process that stands still keeps the port and everybody who waits for it. */
  #expectSignOfLife(): void {
    const { clock, silenceMs: ms = SILENCE_MS } = this.#deps;
    const ask = async (): Promise<void> => {
      try {
        const memory = await withDeadline({ clock, ms, parent: this.#life.signal }, () =>
          this.#peer.call("sign of life", []),
        );
        if (typeof memory === "number" && this.isOpen) this.#deps.onMemory(memory);
      } catch {
        this.#lose("it gives no sign of life");
        this.#process.kill();
      }
      if (this.isOpen) this.#cancelBeat = clock.startTimer(SIGN_OF_LIFE_EVERY_MS, () => void ask());
    };
    void ask();
  }

  #answer(to: string, args: readonly unknown[]): Promise<unknown> {
    if (to !== "keys" || this.#keys === undefined)
      return Promise.reject(new TypeError(`nobody answers to ${to}`));
    return this.#keys(z.tuple([z.string()]).parse(args)[0]);
  }

  #hear(about: string, args: readonly unknown[]): void {
    switch (about) {
      case "line closed":
        this.#lose(String(args[0]));
        return;
      case "units":
        this.#device?.change(z.array(unitTold).parse(args[0]), troublesTold.parse(args[1]));
        return;
      case "heard":
        this.#device?.deliver(...heard.parse(args));
        return;
      case "log":
        this.#relay(...logged.parse(args));
        return;
      case "crashed":
        this.#noteCrash(...crash.parse(args));
    }
  }

  #relay(level: "debug" | "warn", fields: object, message: string): void {
    const driver = this.#log;
    if (level === "warn") driver.warn(fields, message);
    else driver.debug(fields, message);
  }

  #noteCrash(error: string, stack: readonly string[]): void {
    this.#log.warn({ event: "host.crashed", error, stack }, "the driver's process failed");
  }
}
