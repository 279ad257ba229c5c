import { access, constants, stat } from "node:fs/promises";
import { SerialPort } from "serialport";
import { DriverError, type SerialLine, type SerialSettings } from "#driver-api";
import { type Clock, withDeadline } from "#src/lib/deadline";
import { LineLife } from "./line-life.js";
import { PortError } from "./port-error.js";
import { holderName, lockHolder, portHolder, type PortHolder } from "./port-holder.js";
import { adaptersNamed, lastingName, type SerialAdapter } from "./serial-adapters.js";

const OPEN_LIMIT_MS = 5_000;
const CLOSE_LIMIT_MS = 1_000;
const BAUD_CHANGE_LIMIT_MS = 2_000;
/** What a write may take beyond its time on the wire: the latency of USB bridges and of a busy machine. */
const WRITE_SLACK_MS = 3_000;
const WATCH_EVERY_MS = 750;

const NEVER_ABORTS = new AbortController().signal;

/**
 * Changes whenever another device comes to `path`, or its permissions change; null while nothing is there. Costs one
 * look at the file system and does not touch the device.
 */
export async function portMark(path: string): Promise<string | null> {
  try {
    const { dev, ino, rdev, ctimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${rdev}:${ctimeNs}`;
  } catch {
    return null;
  }
}

/**
 * Opens the port at `path`, locked against other programs, raw. Rejects with `PortError` only, within six
 * seconds; a name under by-id that several adapters share opens none of them. RTS and DTR are left de-asserted where
 * the port has them: some boards tie them to reset.
 */
export async function openSerialLine(
  path: string,
  settings: SerialSettings,
  { clock, named = adaptersNamed }: { readonly clock: Clock; readonly named?: typeof adaptersNamed },
): Promise<SerialLine> {
  if ((await portMark(path)) === null) throw await openError(path, new Error("it cannot be found"));
  const adapters = await named(path);
  if (adapters.length > 0) throw ambiguousError(path, adapters);
  // serialport sets the port up before it tries to lock it, which would disturb whoever uses it.
  const holder = await lockHolder(path);
  if (holder !== null) throw heldError(path, holder);
  const port = new SerialPort({ path, ...settings, autoOpen: false, lock: true, hupcl: false });
  // An error that nobody listens for would end the process, and one may come at any time.
  port.on("error", () => undefined);
  try {
    await bounded(clock, OPEN_LIMIT_MS, (done) => port.open(done));
  } catch (cause) {
    // It may still open after the limit; a port nobody holds must not stay locked.
    port.once("open", () => port.close(() => undefined));
    throw await openError(path, cause);
  }
  // Ptys and some gadgets have no modem lines and say so; that is no reason not to use them.
  await bounded(clock, OPEN_LIMIT_MS, (done) => port.set({ rts: false, dtr: false }, done)).catch(
    () => undefined,
  );
  return new OpenLine(port, clock);
}

class OpenLine implements SerialLine {
  readonly #port: SerialPort;
  readonly #clock: Clock;
  readonly #life: LineLife;
  readonly #dataListeners = new Set<(chunk: Uint8Array) => void>();
  #cancelWatch: () => void = () => undefined;

  constructor(port: SerialPort, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
    this.#life = new LineLife("the serial line", clock, () => this.#release());
    port.on("data", (chunk: Buffer) => {
      for (const listener of [...this.#dataListeners]) listener(chunk);
    });
    port.on("error", (error: Error) => this.#life.lose(error.message));
    port.on("close", () => this.#life.lose("the device went away"));
    this.#watch();
  }

  get isOpen(): boolean {
    return this.#life.isOpen;
  }

  onData(listener: (chunk: Uint8Array) => void): () => void {
    this.#dataListeners.add(listener);
    return () => this.#dataListeners.delete(listener);
  }

  onClose(listener: (reason: string) => void): () => void {
    return this.#life.onClose(listener);
  }

  write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const limit = { ms: this.#writeLimitMs(bytes.length), late: "a write was not finished in time" };
    return this.#life.carry(
      signal,
      limit,
      () =>
        new Promise((resolve, reject) => {
          const drained = (error: Error | null | undefined) => (error ? reject(error) : resolve());
          this.#port.write(Buffer.from(bytes), (error) =>
            error ? reject(error) : this.#port.drain(drained),
          );
        }),
    );
  }

  async setBaudRate(baud: number): Promise<void> {
    this.#life.assertOpen();
    try {
      await bounded(this.#clock, BAUD_CHANGE_LIMIT_MS, (done) => this.#port.update({ baudRate: baud }, done));
    } catch (cause) {
      this.#life.assertOpen();
      throw new DriverError("device.refused", "none", `the port does not take ${baud} baud`, cause);
    }
  }

  close(): Promise<void> {
    return this.#life.close();
  }

  /** Closing a port with unsent bytes can take the kernel half a minute; nobody waits for that. */
  async #release(): Promise<void> {
    this.#cancelWatch();
    this.#dataListeners.clear();
    if (!this.#port.isOpen) return;
    await bounded(this.#clock, CLOSE_LIMIT_MS, (done) => this.#port.close(done)).catch(() => undefined);
  }

  /**
   * Asks the kernel about the open file now and then. When a port hangs up just before it is read, the read answers
   * "0 bytes" for ever: serialport then reads again and again and never reports a disconnect. The line settings of a
   * port that hung up cannot be read (EIO), whatever happened to its name since.
   */
  #watch(): void {
    this.#cancelWatch = this.#clock.startTimer(WATCH_EVERY_MS, () => {
      this.#port.port?.getBaudRate().then(
        () => this.isOpen && this.#watch(),
        () => this.#life.lose("the device went away"),
      );
    });
  }

  #writeLimitMs(bytes: number): number {
    // Eleven bits a byte: start, eight data, parity, stop.
    return WRITE_SLACK_MS + (bytes * 11_000) / this.#port.baudRate;
  }
}

/** Waits at most `ms` for a callback of serialport. */
function bounded(
  clock: Clock,
  ms: number,
  start: (done: (error?: Error | null) => void) => void,
): Promise<void> {
  return withDeadline(
    { clock, ms, parent: NEVER_ABORTS },
    () => new Promise((resolve, reject) => start((error) => (error ? reject(error) : resolve()))),
  );
}

/** Which of them the name leads to is chance, and may be another one after the next start. */
function ambiguousError(path: string, adapters: readonly SerialAdapter[]): PortError {
  const names = adapters.map(lastingName).join(" or ");
  return new PortError(
    "port.ambiguous",
    `${adapters.length} adapters call themselves ${path}, so it may be either: ${names}`,
  );
}

function heldError(path: string, holder: PortHolder | null, cause?: unknown): PortError {
  return new PortError("port.held", `${path} is in use by ${holderName(holder)}`, cause);
}

/** serialport tells why only as English text; the file system tells the two commonest reasons by code. */
async function openError(path: string, cause: unknown): Promise<PortError> {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/cannot lock port|resource busy/i.test(text)) return heldError(path, await portHolder(path), cause);
  const code = await access(path, constants.R_OK | constants.W_OK).then(
    () => null,
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  );
  if (code === "ENOENT" || /no such device/i.test(text)) {
    return new PortError("port.missing", `there is no device at ${path}`, cause);
  }
  if (code === "EACCES" || code === "EPERM" || /permission|not permitted/i.test(text)) {
    return new PortError(
      "port.refused",
      `this program has no permission to open ${path}: let its user into the group that owns it, mostly dialout`,
      cause,
    );
  }
  return new PortError(
    "port.refused",
    `${path} cannot be used as a serial port: ${text.replace(/^Error:? /, "")}`,
    cause,
  );
}
