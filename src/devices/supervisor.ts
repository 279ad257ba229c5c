import { type Device, DRIVER_ERRORS, DriverError, type Unit } from "#driver-api";
import type { DeviceProblemCode, DeviceState, DeviceStatus } from "#src/engine/devices-port";
import { type Clock, DeadlineExceeded, sleep, withDeadline } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import type { Line, LineOpeners, WantedLine } from "./lines.js";
import { problemOf } from "./problem.js";

export interface SupervisedDevice {
  /** Key in the configuration. */
  readonly key: string;
  readonly driverId: string;
  readonly port: string | null;
  /** Opens the device over an open line (null: the driver needs none). */
  open(line: Line | null, log: Log, signal: AbortSignal): Promise<Device>;
  readonly line: WantedLine | null;
  /** Milliseconds; 15 s unless it is given. */
  readonly opensWithinMs?: number;
  /** Called at every turn of the supervisor's loop: every few seconds, at most a minute apart. */
  onTurn?(): void;
}

const OPEN_LIMIT_MS = 15_000;
const CLOSE_LIMIT_MS = 3_000;
const PING_EVERY_MS = 15_000;
const PING_LIMIT_MS = 3_000;
/** Work that goes on this long after its caller gave up or its device was lost is cut off. */
const ABORT_GRACE_MS = 3_000;
/** `use` waits so long, from the loss on, for a device that was ready until then. */
const RETURN_GRACE_MS = 2_000;
/** The wait before the next try doubles from the first to the last, and starts over when a device stayed for a while. */
const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 10_000;
const STAYED_MS = 5_000;
/** While a person may be changing something at the port, it is looked at this often: whoever plugs in does not wait. */
const LOOK_EVERY_MS = 250;
/** A port that is missing shows when it comes; it is tried all the same, should the look not tell. */
const MISSING_RETRY_MAX_MS = 1_000;
/** Nothing at the port shows that another program has let go of it. */
const HELD_RETRY_MAX_MS = 2_000;

/** One opening of the device, from ready to lost. */
interface Opening {
  readonly device: Device;
  /** Aborts, with the reason, the moment the device is lost: nothing is asked of it from then on. */
  readonly lost: AbortController;
}

/**
 * Keeps one device open: finds it, opens it, gives its wire to one caller at a time, and starts over when it is lost.
 * It never gives up and never throws, and nothing a device or its driver does keeps it from trying again.
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
  #since: number;
  #problem: DeviceStatus["problem"] = null;
  #retryAt: number | null = null;
  /** What the last opening began with; another mark now means that somebody did something at the port. */
  #mark: string | null = null;
  #opening: Opening | null = null;
  /** Units of the last opening, and until when (monotonic) they are waited for. */
  #returning: { readonly units: readonly string[]; readonly until: number } = { units: [], until: 0 };
  readonly #whenReady = new Set<() => void>();
  /** The tail of the queue for the wire. */
  #wire: Promise<unknown> = Promise.resolve();

  constructor(
    device: SupervisedDevice,
    deps: { openers: LineOpeners; clock: Clock; log: Log; changed: (status: DeviceStatus) => void },
  ) {
    this.#device = device;
    this.#openers = deps.openers;
    this.#clock = deps.clock;
    this.#since = deps.clock.now();
    this.#log = deps.log.child({ device: device.key, driver: device.driverId });
    this.#changed = deps.changed;
  }

  start(): void {
    this.#since = this.#clock.now();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new DriverError("device.lost", "none", "the gateway is stopping"));
    await this.#running;
  }

  status(): DeviceStatus {
    const device = this.#present()?.device;
    return {
      key: this.#device.key,
      driver: this.#device.driverId,
      port: this.#device.port,
      state: this.#state,
      since: this.#since,
      identity: device?.identity ?? null,
      units: (device?.units ?? []).map((unit) => ({ key: unit.key, capabilities: capabilitiesOf(unit) })),
      troubles: device?.troubles ?? [],
      problem: this.#problem,
      nextTryMs: this.#retryAt === null ? null : Math.max(0, this.#retryAt - this.#clock.monotonic()),
    };
  }

  unit(key: string): Unit | undefined {
    return this.#present()?.device.units.find((unit) => unit.key === key);
  }

  takesWork(key: string): boolean {
    const { units, until } = this.#returning;
    return this.unit(key) !== undefined || (units.includes(key) && this.#clock.monotonic() < until);
  }

  /** It is there, and locks are brought in and out by it. */
  get includes(): boolean {
    return this.#present()?.device.inclusion !== undefined;
  }

  /** Queues for the wire, then runs `work` alone on it. */
  use<T>(unitKey: string, signal: AbortSignal, work: (unit: Unit) => Promise<T>): Promise<T> {
    const find = ({ units }: Device) => units.find(({ key }) => key === unitKey);
    return this.#onWire(signal, find, work, () => this.takesWork(unitKey));
  }

  /** As `use`, for what is done with the device as a whole. */
  useDevice<T>(signal: AbortSignal, work: (device: Device) => Promise<T>): Promise<T> {
    return this.#onWire(signal, (device) => device, work);
  }

  async #onWire<Part, T>(
    signal: AbortSignal,
    find: (device: Device) => Part | undefined,
    work: (part: Part) => Promise<T>,
    isComingBack: () => boolean = () => false,
  ): Promise<T> {
    const before = this.#wire;
    let release = (): void => undefined;
    this.#wire = new Promise<void>((resolve) => (release = resolve));
    try {
      await before;
      signal.throwIfAborted();
      if (this.#present() === null && isComingBack()) await this.#return(signal);
      const opening = this.#present();
      const part = opening === null ? undefined : find(opening.device);
      if (opening === null || part === undefined) {
        throw new DriverError("device.lost", "none", `device ${this.#device.key} is not connected`);
      }
      this.#setState("busy");
      return await this.#guard(opening, signal, () => work(part));
    } finally {
      if (this.#present() !== null) this.#setState("ready");
      release();
    }
  }

  #present(): Opening | null {
    return this.#opening?.lost.signal.aborted === false ? this.#opening : null;
  }

  /** Waits until the device is ready again or has been away for too long. Rejects when the caller gives up. */
  async #return(signal: AbortSignal): Promise<void> {
    const ms = this.#returning.until - this.#clock.monotonic();
    let isReady = (): void => undefined;
    try {
      await withDeadline({ clock: this.#clock, ms, parent: signal }, () => {
        return new Promise<void>((resolve) => this.#whenReady.add((isReady = resolve)));
      });
    } catch (error) {
      if (!(error instanceof DeadlineExceeded)) throw error;
    } finally {
      this.#whenReady.delete(isReady);
    }
  }

  #tellReady(): void {
    for (const tell of [...this.#whenReady]) tell();
  }

  /**
   * Waits for `work`, but not for ever once its caller gave up or its device was lost: whatever holds it, the next
   * caller gets the wire. A failure that means "reopen" reopens.
   */
  async #guard<T>({ lost }: Opening, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let cancelGrace = (): void => undefined;
    let beginGrace = (): void => undefined;
    const cutOff = new Promise<never>((_, reject) => {
      beginGrace = () => {
        cancelGrace();
        cancelGrace = this.#clock.startTimer(ABORT_GRACE_MS, () =>
          reject(
            lost.signal.aborted
              ? new DriverError(
                  "device.lost",
                  "unknown",
                  "the device was lost, and its driver did not notice",
                )
              : new DriverError("device.silent", "unknown", "the driver did not stop when told to"),
          ),
        );
      };
    });
    const ends = [signal, lost.signal];
    for (const end of ends) {
      if (end.aborted) beginGrace();
      else end.addEventListener("abort", beginGrace, { once: true });
    }
    try {
      return await Promise.race([work(), cutOff]);
    } catch (error) {
      if (error instanceof DriverError && DRIVER_ERRORS[error.code] === "reopen") this.#lose(lost, error);
      throw error;
    } finally {
      for (const end of ends) end.removeEventListener("abort", beginGrace);
      cancelGrace();
    }
  }

  #lose(lost: AbortController, reason: unknown): void {
    if (lost.signal.aborted) return;
    lost.abort(reason);
    if (this.#opening?.lost !== lost) return;
    const units = this.#opening.device.units.map(({ key }) => key);
    this.#returning = { units, until: this.#clock.monotonic() + RETURN_GRACE_MS };
    this.#since = this.#clock.now();
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  async #run(): Promise<void> {
    let delayMs = 0;
    for (;;) {
      this.#device.onTurn?.();
      const openForMs = await this.#openOnce();
      this.#device.onTurn?.();
      if (this.#isStopping()) break;
      delayMs = openForMs >= STAYED_MS ? RETRY_MIN_MS : clamp(delayMs * 2, RETRY_MIN_MS, RETRY_MAX_MS);
      await this.#waitToTryAgain(delayMs);
    }
    this.#setState("closed");
    this.#tellReady();
  }

  /** Ends early when the gateway stops, or when somebody does something at the port. */
  async #waitToTryAgain(delayMs: number): Promise<void> {
    const { code } = this.#problem ?? {};
    const waitMs = Math.min(delayMs, WAIT_MAX_MS[code ?? "device.lost"] ?? RETRY_MAX_MS);
    this.#retryAt = this.#clock.monotonic() + waitMs;
    try {
      for (let leftMs = waitMs; leftMs > 0; leftMs = this.#retryAt - this.#clock.monotonic()) {
        await sleep(this.#clock, Math.min(leftMs, LOOK_EVERY_MS), this.#stop.signal);
        if ((await this.#markNow()) !== this.#mark) return;
      }
    } catch {
      // The gateway is stopping.
    } finally {
      this.#retryAt = null;
    }
  }

  async #markNow(): Promise<string | null> {
    return this.#device.port === null ? null : this.#openers.mark(this.#device.port);
  }

  /** Opens the device and stays until it is lost. Returns how long it was ready, in milliseconds. */
  async #openOnce(): Promise<number> {
    // The stop may have ended the wait before this opening.
    if (this.#isStopping()) return 0;
    let line: Line | null = null;
    let device: Device | null = null;
    let readyAt: number | null = null;
    const lost = new AbortController();
    const onStop = () => this.#lose(lost, this.#stop.signal.reason);
    this.#stop.signal.addEventListener("abort", onStop, { once: true });
    try {
      this.#mark = await this.#markNow();
      line = await this.#openLine();
      this.#device.onTurn?.();
      this.#setState("opening");
      line?.onClose((reason) => this.#lose(lost, new DriverError("device.lost", "unknown", reason)));
      device = await this.#openDevice(line, lost.signal);
      readyAt = this.#clock.monotonic();
      this.#opening = { device, lost };
      device.onUnitsChange?.(() => this.#changed(this.status()));
      this.#problem = null;
      this.#since = this.#clock.now();
      this.#log.info({ event: "device.ready", ...device.identity }, "device ready");
      this.#setState("ready");
      this.#tellReady();
      await this.#stayOpen(device, lost.signal);
    } catch (error) {
      this.#lose(lost, error);
      if (!this.#isStopping()) this.#noteProblem(error);
    } finally {
      this.#stop.signal.removeEventListener("abort", onStop);
      await this.#close(device, line);
      this.#opening = null;
    }
    return readyAt === null ? 0 : this.#clock.monotonic() - readyAt;
  }

  async #openLine(): Promise<Line | null> {
    const { line, port } = this.#device;
    return line === null || port === null ? null : this.#openers.open(port, line, this.#stop.signal);
  }

  async #openDevice(line: Line | null, lost: AbortSignal): Promise<Device> {
    let isAwaited = true;
    const ms = this.#device.opensWithinMs ?? OPEN_LIMIT_MS;
    const opening = withDeadline({ clock: this.#clock, ms, parent: lost }, async (signal) => {
      const device = await this.#device.open(line, this.#log, signal);
      // A driver may finish after it was told to stop: nobody will use that device, so it is closed.
      if (!isAwaited) await this.#close(device, null);
      return device;
    });
    try {
      return await opening;
    } finally {
      isAwaited = false;
    }
  }

  /** A driver that does not close in time loses its line all the same. */
  async #close(device: Device | null, line: Line | null): Promise<void> {
    const parent = new AbortController().signal;
    for (const part of [device, line]) {
      if (part === null) continue;
      await withDeadline({ clock: this.#clock, ms: CLOSE_LIMIT_MS, parent }, () => part.close()).catch(
        (error: unknown) =>
          this.#log.warn({ event: "device.close_failed", reason: problemOf(error).message }, "did not close"),
      );
    }
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
    this.#problem = problem;
    if (isNew) {
      this.#log.warn(
        { event: "device.problem", problem: problem.code, reason: problem.message },
        "device problem",
      );
    }
    this.#setState(problem.code === "port.missing" ? "absent" : "backing_off");
  }

  #setState(state: DeviceState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#changed(this.status());
  }
}

const WAIT_MAX_MS: Partial<Record<DeviceProblemCode, number>> = {
  "port.missing": MISSING_RETRY_MAX_MS,
  "port.held": HELD_RETRY_MAX_MS,
};

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}

function capabilitiesOf(unit: Unit): string[] {
  return (["cardWriter", "stripeWriter", "keyIssuer", "cardReader", "keypadLock", "signals"] as const).filter(
    (name) => unit[name] !== undefined,
  );
}
