import type { Driver as ZWaveDriver, PartialZWaveOptions, ZWaveNode } from "zwave-js";
import {
  type Call,
  DriverError,
  type DriverLog,
  type Identity,
  type SerialLine,
  type Unit,
  type UnitTrouble,
} from "#driver-api";
import type { Clock } from "#src/lib/deadline";
import { AbsentLocks } from "./absent.js";
import type { NetworkKeys } from "./config.js";
import type { Library } from "./library.js";
import { bindingOf } from "./line-binding.js";
import { isLock, type LockNode, openLock, slotsOf, unitKey } from "./lock.js";

export interface NetworkParts {
  readonly line: SerialLine;
  readonly clock: Clock;
  readonly log: DriverLog;
  readonly folder: string;
  readonly securityKeys: NetworkKeys;
}

/** From the first command on. A stick answers within milliseconds, and the library asks again soon. */
const SILENCE_MS = 4_000;
/** A stick that was heard so lately is there, also when it is busy with the radio and answers nothing just now. */
const HEARD_LATELY_MS = 30_000;
/** Less than what the supervisor gives a sign of life. */
const PING_MS = 2_500;
/** With a stick that hangs the library would take minutes; it is cut off the line at once anyway. */
const DESTROY_MS = 2_000;

/** The stick and its locks, from the first byte until the line is gone: then another network is opened. */
export class Network {
  readonly clock: Clock;
  readonly log: DriverLog;
  readonly #library: Library;
  readonly #line: SerialLine;
  readonly #driver: ZWaveDriver;
  readonly #life = new AbortController();
  readonly #stops: (() => void)[] = [];
  /** Of nodes whose lock can be used now. */
  readonly #locks = new Map<number, LockNode>();
  /** Kept while a lock is away, so that one that comes back is the same. */
  readonly #known = new Map<number, LockNode>();
  readonly #opening = new Set<number>();
  readonly #absent: AbsentLocks;
  readonly #listeners = new Set<() => void>();
  #heardAt: number | null = null;
  /** The library sends a command. */
  #onAsked = (): void => undefined;
  #endedBecause: string | null = null;
  #isDestroyed: Promise<void> | null = null;

  static async open(library: Library, parts: NetworkParts, call: Call): Promise<Network> {
    if (call.signal.aborted) throw new DriverError("call.cancelled", "none", "opening was cancelled");
    const network = new Network(library, parts);
    try {
      await network.#start(call);
      return network;
    } catch (error) {
      await network.close("it could not be opened");
      throw error;
    }
  }

  private constructor(library: Library, { line, clock, log, folder, securityKeys }: NetworkParts) {
    this.clock = clock;
    this.log = log;
    this.#library = library;
    this.#line = line;
    const { factory, cut } = bindingOf(line, {
      asked: () => this.#onAsked(),
      heard: () => void (this.#heardAt = clock.monotonic()),
    });
    this.#stops.push(cut);
    this.#absent = new AbsentLocks({
      library,
      clock,
      log,
      nodeOf: (id) => this.controller.nodes.get(id),
      changed: () => this.#tell(),
    });
    this.#driver = new library.Driver(factory, optionsFor(folder, securityKeys));
  }

  get controller(): ZWaveDriver["controller"] {
    return this.#driver.controller;
  }

  /** Aborts when the network ends. */
  get life(): AbortSignal {
    return this.#life.signal;
  }

  /** Why nothing more is done; null while the stick is there. */
  get endedBecause(): string | null {
    return this.#endedBecause;
  }

  get identity(): Identity {
    const { controller } = this.#driver;
    const own = controller.nodes.get(controller.ownNodeId ?? 0);
    const label = own?.deviceConfig?.label;
    return {
      model: `Z-Wave stick ${label ?? hex(controller.manufacturerId)}`,
      firmware: controller.firmwareVersion ?? "-",
      serial: hex(controller.homeId),
    };
  }

  get units(): readonly Unit[] {
    return [...this.#locks].sort(([a], [b]) => a - b).map(([, { unit }]) => unit);
  }

  get troubles(): readonly UnitTrouble[] {
    const nodes = [...this.controller.nodes.values()];
    return nodes.flatMap((node) => {
      const trouble = this.#locks.has(node.id) ? null : this.#absent.troubleOf(node);
      return trouble === null ? [] : [{ unit: unitKey(node.id), ...trouble }];
    });
  }

  /** Was the interview of this node given up? It is asked again, but not soon. */
  isUnread(nodeId: number): boolean {
    return this.#absent.isUnread(nodeId);
  }

  onUnitsChange(listener: () => void): () => void {
    const own = (): void => listener();
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Asks the stick, not a lock. Queued behind the radio, its answer may be late: what was heard lately counts too. */
  async ping({ signal }: Call): Promise<void> {
    this.#assertWanted(signal);
    let stop = (): void => undefined;
    const stopped = new Promise<void>((resolve) => (stop = resolve));
    const cancelTimer = this.clock.startTimer(PING_MS, stop);
    const ends = [signal, this.life];
    for (const end of ends) end.addEventListener("abort", stop, { once: true });
    try {
      const isAnswered = await Promise.race([
        this.controller.getControllerCapabilities().then(
          () => true,
          () => false,
        ),
        stopped,
      ]);
      if (isAnswered === true) return;
      this.#assertWanted(signal);
      if (this.#heardAt !== null && this.clock.monotonic() - this.#heardAt < HEARD_LATELY_MS) return;
      throw new DriverError("device.silent", "none", "the Z-Wave stick does not answer");
    } finally {
      cancelTimer();
      for (const end of ends) end.removeEventListener("abort", stop);
    }
  }

  #assertWanted(signal: AbortSignal): void {
    if (signal.aborted) throw new DriverError("call.cancelled", "none", "the call was cancelled");
    this.assertGoing();
  }

  assertGoing(): void {
    if (this.#endedBecause === null) return;
    throw new DriverError("device.lost", "none", `the Z-Wave stick is gone: ${this.#endedBecause}`);
  }

  /** Never rejects. */
  async close(reason: string): Promise<void> {
    this.#end(reason);
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => (cancel = this.clock.startTimer(DESTROY_MS, resolve)));
    await Promise.race([this.#isDestroyed, late]);
    cancel();
  }

  /** The lock of a node, as soon as it can be used. */
  lockOf(nodeId: number): LockNode | undefined {
    return this.#locks.get(nodeId);
  }

  // ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────

  async #start({ signal }: Call): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const settle = (): void => {
        this.#onAsked = () => undefined;
        cancelTimer?.();
        signal.removeEventListener("abort", onAbort);
      };
      const fail = (error: DriverError): void => {
        settle();
        reject(error);
      };
      const onAbort = (): void => fail(new DriverError("call.cancelled", "none", "opening was cancelled"));
      let cancelTimer: (() => void) | null = null;
      // Before it asks, the library may spend any time on its database.
      this.#onAsked = () => {
        cancelTimer ??= this.clock.startTimer(SILENCE_MS, () => {
          if (this.#heardAt === null) fail(this.#openError());
        });
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#stops.push(
        this.#line.onClose((reason) => {
          this.#end(reason);
          fail(new DriverError("device.lost", "none", `the serial line is gone: ${reason}`));
        }),
      );
      this.#driver.on("error", () => {
        fail(this.#openError());
        this.#end("the library gave it up");
      });
      for (const event of ["bootloader ready", "cli ready"] as const) {
        this.#driver.on(event, () =>
          fail(new DriverError("device.wrong", "none", "the stick is in its bootloader and has no firmware")),
        );
      }
      this.#driver.once("driver ready", () => {
        settle();
        resolve();
      });
      this.#driver.start().catch(() => fail(this.#openError()));
    });
    for (const node of this.controller.nodes.values()) this.#watch(node);
    this.controller.on("node added", (node) => this.#watch(node));
    this.controller.on("node removed", (node) => this.#forget(node.id));
  }

  #openError(): DriverError {
    if (!this.#line.isOpen) return new DriverError("device.lost", "none", "the serial line is gone");
    if (this.#heardAt === null)
      return new DriverError("device.silent", "none", "nothing answers as a Z-Wave stick does");
    return new DriverError(
      "device.wrong",
      "none",
      "what answers is no Z-Wave stick that the library can use",
    );
  }

  #end(reason: string): void {
    if (this.#endedBecause !== null) return;
    this.#endedBecause = reason;
    this.#life.abort(new DriverError("device.lost", "unknown", reason));
    this.#absent.stop();
    for (const stop of this.#stops.splice(0)) stop();
    for (const lock of this.#known.values()) lock.close();
    this.#isDestroyed = this.#driver.destroy().catch(() => undefined);
  }

  // ── Locks ────────────────────────────────────────────────────────────────────────────────────────────────────

  #watch(node: ZWaveNode): void {
    if (node.isControllerNode) return;
    const look = (): void => void this.#look(node);
    for (const event of ["ready", "interview completed", "interview started", "alive", "dead"] as const)
      node.on(event, look);
    node.on("interview failed", (_node, { isFinal }) => {
      if (isFinal && node.status !== this.#library.NodeStatus.Dead) this.#absent.noteInterview(node, false);
    });
    look();
  }

  /** Does this node's lock come or go? */
  async #look(node: ZWaveNode): Promise<void> {
    if (this.#endedBecause !== null) return;
    const { InterviewStage, NodeStatus } = this.#library;
    this.#absent.noteDead(node, node.status === NodeStatus.Dead);
    const isThere = node.status !== NodeStatus.Dead && node.status !== NodeStatus.Unknown;
    const isRead = node.interviewStage === InterviewStage.Complete;
    // The library ends an interview also where a lock did not say how many codes it holds.
    const hasSlots = isRead && isLock(node) && slotsOf(this.#library, node) > 0;
    if (isRead) this.#absent.noteInterview(node, hasSlots || !isLock(node));
    const isUsable = hasSlots && isThere;
    if (isUsable === this.#locks.has(node.id) || this.#opening.has(node.id)) return;
    if (!isUsable) {
      this.#locks.delete(node.id);
      this.#tell();
      return;
    }
    this.#opening.add(node.id);
    try {
      const known = this.#known.get(node.id);
      const lock = known?.fits(node) === true ? known : await openLock(this.#library, this, node);
      if (known !== lock) known?.close();
      // close() may have come meanwhile; the type narrowing from above does not see that.
      if ((this.#endedBecause as string | null) !== null) {
        lock.close();
        return;
      }
      this.#known.set(node.id, lock);
      this.#locks.set(node.id, lock);
    } finally {
      this.#opening.delete(node.id);
    }
    this.#tell();
    // What happened while it was opened.
    void this.#look(node);
  }

  #forget(nodeId: number): void {
    this.#known.get(nodeId)?.close();
    this.#known.delete(nodeId);
    this.#absent.forget(nodeId);
    if (this.#locks.delete(nodeId)) this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

const hex = (value: number | undefined): string => (value === undefined ? "-" : value.toString(16));

/**
 * `queryAllUserCodes`: without it the library's first interview of a lock deletes every code on it, and every interview
 * after a lost cache is a first one.
 */
function optionsFor(folder: string, keys: NetworkKeys): PartialZWaveOptions {
  return {
    interview: { queryAllUserCodes: true },
    // One node at a time is interviewed: the others wait while it is tried.
    attempts: { nodeInterview: 2 },
    storage: { cacheDir: folder, throttle: "normal" },
    securityKeys: Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, key.reveal()])),
    // Its log holds codes.
    logConfig: { enabled: false },
    preferences: { lookupUserIdInNotificationEvents: false, scales: {} },
    // A stick that is itself a USB device goes away at a reset, and with it the line.
    features: { softReset: false },
    rf: { preferLRRegion: false },
  };
}
