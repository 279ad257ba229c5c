import {
  type Device,
  DRIVER_ERRORS,
  DriverError,
  type DriverErrorCode,
  type SerialLine,
  type SerialSettings,
  type Unit,
} from "#driver-api";
import type { DeviceState, DeviceStatus } from "#src/engine/ports";
import { type Clock, DeadlineExceeded, sleep, withDeadline } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";

/** Opens lines; `transports/` implements it. Rejects with a `LineProblem`. */
export interface LineOpeners {
  serial(path: string, settings: SerialSettings): Promise<SerialLine>;
}

/** Why a line could not be opened, in words for the person who must act. */
export interface LineProblem {
  readonly code: "port.missing" | "port.held" | "port.refused";
  readonly message: string;
}

export interface SupervisedDevice {
  /** Key in the configuration. */
  readonly key: string;
  readonly driverId: string;
  readonly port: string | null;
  /** Opens the device over an open line (null: the driver needs none). */
  open(line: SerialLine | null, log: Log, signal: AbortSignal): Promise<Device>;
  readonly serial: SerialSettings | null;
  /** Called at every turn of the supervisor's loop: every few seconds, at most a minute apart. */
  onTurn?(): void;
}

const OPEN_LIMIT_MS = 15_000;
const PING_EVERY_MS = 15_000;
const PING_LIMIT_MS = 3_000;
/** A driver that ignores its aborted signal for this long is cut off: its line is closed under it. */
const ABORT_GRACE_MS = 3_000;
const MISSING_RETRY_MS = 1_000;
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30_000;

/**
 * Keeps one device open: finds it, opens it, gives its wire to one caller at a time, and starts over when it is lost.
 * It never gives up and never throws.
 */
export class Supervisor {
  readonly #device: SupervisedDevice;
  readonly #openers: LineOpeners;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: (status: DeviceStatus) => void;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #state: DeviceState = "absent";
  #problem: DeviceStatus["problem"] = null;
  #retryAt: number | null = null;
  #opened: Device | null = null;
  /** Ends the present opening of the device; replaced at each opening. */
  #lost = new AbortController();
  /** The tail of the queue for the wire. */
  #wire: Promise<unknown> = Promise.resolve();

  constructor(
    device: SupervisedDevice,
    deps: { openers: LineOpeners; clock: Clock; log: Log; changed: (status: DeviceStatus) => void },
  ) {
    this.#device = device;
    this.#openers = deps.openers;
    this.#clock = deps.clock;
    this.#log = deps.log.child({ device: device.key, driver: device.driverId });
    this.#changed = deps.changed;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new DriverError("device.lost", "none", "the gateway is stopping"));
    await this.#running;
  }

  status(): DeviceStatus {
    return {
      key: this.#device.key,
      driver: this.#device.driverId,
      port: this.#device.port,
      state: this.#state,
      identity: this.#opened?.identity ?? null,
      units: (this.#opened?.units ?? []).map((unit) => ({
        key: unit.key,
        capabilities: capabilitiesOf(unit),
      })),
      problem: this.#problem,
      nextTryMs: this.#retryAt === null ? null : Math.max(0, this.#retryAt - this.#clock.monotonic()),
    };
  }

  unit(key: string): Unit | undefined {
    return this.#opened?.units.find((unit) => unit.key === key);
  }

  /** Queues for the wire, then runs `work` alone on it. */
  async use<T>(unitKey: string, signal: AbortSignal, work: (unit: Unit) => Promise<T>): Promise<T> {
    const before = this.#wire;
    let release = (): void => undefined;
    this.#wire = new Promise<void>((resolve) => (release = resolve));
    try {
      await before;
      signal.throwIfAborted();
      const unit = this.unit(unitKey);
      if (unit === undefined) {
        throw new DriverError("device.lost", "none", `device ${this.#device.key} is not connected`);
      }
      this.#setState("busy");
      return await this.#guard(signal, () => work(unit));
    } finally {
      if (this.#opened !== null) this.#setState("ready");
      release();
    }
  }

  /** Waits for `work`, but not for ever once the caller gave up; a failure that means "reopen" reopens. */
  async #guard<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const lost = this.#lost;
    const running = work();
    let cancelGrace = (): void => undefined;
    let onAbort = (): void => undefined;
    const ignored = new Promise<never>((_, reject) => {
      onAbort = () => {
        cancelGrace = this.#clock.startTimer(ABORT_GRACE_MS, () =>
          reject(new DriverError("device.silent", "unknown", "the driver did not stop when told to")),
        );
      };
    });
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    ignored.catch(() => undefined);
    try {
      return await Promise.race([running, ignored]);
    } catch (error) {
      running.catch(() => undefined);
      if (error instanceof DriverError && DRIVER_ERRORS[error.code] === "reopen") lost.abort(error);
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
      cancelGrace();
    }
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    let delayMs = RETRY_MIN_MS;
    for (;;) {
      this.#device.onTurn?.();
      const openedFor = await this.#openOnce();
      this.#device.onTurn?.();
      if (this.#isStopping()) break;
      delayMs = openedFor > RETRY_MAX_MS ? RETRY_MIN_MS : Math.min(delayMs * 2, RETRY_MAX_MS);
      const waitMs = this.#problem?.code === "port.missing" ? MISSING_RETRY_MS : delayMs;
      this.#retryAt = this.#clock.monotonic() + waitMs;
      this.#setState(this.#problem?.code === "port.missing" ? "absent" : "backing_off");
      await sleep(this.#clock, waitMs, this.#stop.signal).catch(() => undefined);
      this.#retryAt = null;
    }
    this.#setState("closed");
  }

  /** Opens the device and stays until it is lost. Returns how long it was open, in milliseconds. */
  async #openOnce(): Promise<number> {
    // The stop may have ended the wait before this opening.
    if (this.#isStopping()) return 0;
    this.#setState("opening");
    let line: SerialLine | null = null;
    let device: Device | null = null;
    let openedAt: number | null = null;
    const lost = new AbortController();
    const onStop = () => lost.abort(this.#stop.signal.reason);
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    try {
      if (this.#device.serial !== null && this.#device.port !== null) {
        line = await this.#openers.serial(this.#device.port, this.#device.serial);
        line.onClose((reason) => lost.abort(new DriverError("device.lost", "unknown", reason)));
      }
      const opened = line;
      device = await withDeadline({ clock: this.#clock, ms: OPEN_LIMIT_MS, parent: lost.signal }, (signal) =>
        this.#device.open(opened, this.#log, signal),
      );
      openedAt = this.#clock.monotonic();
      this.#opened = device;
      this.#lost = lost;
      this.#problem = null;
      this.#log.info({ event: "device.ready", ...device.identity }, "device ready");
      this.#setState("ready");
      await this.#stayOpen(device, lost.signal);
    } catch (error) {
      if (!this.#isStopping()) this.#noteProblem(error);
    } finally {
      this.#stop.signal.removeEventListener("abort", onStop);
      lost.abort(new DriverError("device.lost", "none", "closed"));
      this.#opened = null;
      await device?.close();
      await line?.close();
    }
    return openedAt === null ? 0 : this.#clock.monotonic() - openedAt;
  }

  /** Pings while idle; rejects when the device is lost. */
  async #stayOpen(device: Device, lost: AbortSignal): Promise<void> {
    for (;;) {
      this.#device.onTurn?.();
      await sleep(this.#clock, PING_EVERY_MS, lost);
      if (this.#state !== "ready") continue;
      const before = this.#wire;
      const ping = before.then(() =>
        withDeadline({ clock: this.#clock, ms: PING_LIMIT_MS, parent: lost }, (signal) =>
          device.ping({ signal }),
        ),
      );
      this.#wire = ping.catch(() => undefined);
      await ping;
    }
  }

  #noteProblem(error: unknown): void {
    const problem = problemOf(error);
    const isNew = this.#problem?.code !== problem.code;
    this.#problem = {
      ...problem,
      since: isNew ? this.#clock.now() : (this.#problem?.since ?? this.#clock.now()),
    };
    if (isNew)
      this.#log.warn(
        { event: "device.problem", code: problem.code, reason: problem.message },
        "device problem",
      );
  }

  #setState(state: DeviceState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#changed(this.status());
  }
}

function problemOf(error: unknown): { code: DriverErrorCode | LineProblem["code"]; message: string } {
  if (error instanceof DriverError) return { code: error.code, message: error.message };
  if (error instanceof DeadlineExceeded)
    return { code: "device.silent", message: "the device did not answer" };
  if (isLineProblem(error)) return { code: error.code, message: error.message };
  return { code: "device.lost", message: error instanceof Error ? error.message : "unknown failure" };
}

function isLineProblem(error: unknown): error is LineProblem {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code.startsWith("port.")
  );
}

function capabilitiesOf(unit: Unit): string[] {
  return (["cardWriter", "keyIssuer", "cardReader", "keypadLock", "signals"] as const).filter(
    (name) => unit[name] !== undefined,
  );
}
