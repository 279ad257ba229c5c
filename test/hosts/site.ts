import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Driver, Unit } from "#driver-api";
import { Devices } from "#src/devices/devices";
import { lineOpeners, openDevice, wantedLine } from "#src/gateway-lines";
import { Hosts } from "#src/hosts/hosts";
import type { Log } from "#src/lib/log";
import { realClock } from "#src/ops/clock";
import { attach, type SimulatedDevice } from "#src/sandbox/attach";
import { openPty, type PtyEnd } from "#src/sandbox/pty";
import { driverProcesses, sourceProgram, until } from "#test/hosts/programs";

/** One hosted device on a pseudo-terminal, under its supervisor, in real processes. */
export class HostedSite {
  /** Everything that was logged, as JSON. */
  readonly logged: string[] = [];
  readonly hosts: Hosts;
  readonly #devices: Devices;
  #pty: PtyEnd | undefined;
  #detach = (): void => undefined;
  readonly #path = join(mkdtempSync(join(tmpdir(), "lb-host-")), "tty");
  readonly #simulator: SimulatedDevice | undefined;

  constructor(
    driver: Driver,
    {
      settings = {},
      entry,
      silenceMs,
      simulator,
    }: {
      readonly settings?: unknown;
      readonly entry: string;
      readonly silenceMs?: number;
      readonly simulator?: SimulatedDevice;
    },
  ) {
    this.#simulator = simulator;
    const clock = realClock;
    const log = recordingLog(this.logged);
    const limit = silenceMs === undefined ? {} : { silenceMs };
    this.hosts = new Hosts({ clock, log, program: sourceProgram(entry), ...limit });
    const hosted = { ...driver, hosted: true } as const;
    const device = {
      key: "lock",
      driverId: driver.id,
      port: this.#path,
      line: wantedLine(hosted),
      open: (line: Parameters<typeof openDevice>[2]["line"], deviceLog: Log, signal: AbortSignal) =>
        openDevice(hosted, driver.config.parse(settings), { line, clock, log: deviceLog }, { signal }),
    };
    this.#devices = new Devices([device], { openers: lineOpeners(clock, this.hosts), clock, log });
    onTestFinished(() => this.stop());
  }

  async start(): Promise<this> {
    await this.plugIn();
    this.#devices.start();
    return this;
  }

  async plugIn(): Promise<void> {
    this.#pty = await openPty(this.#path);
    if (this.#simulator !== undefined) this.#detach = attach(this.#pty, this.#simulator);
  }

  async unplug(): Promise<void> {
    this.#detach();
    await this.#pty?.unplug();
  }

  async stop(): Promise<void> {
    await this.#devices.stop();
    await this.unplug();
  }

  status() {
    const [status] = this.#devices.status();
    if (status === undefined) throw new Error("there is no device");
    return status;
  }

  use<T>(work: (unit: Unit) => Promise<T>, unit = "main", signal = new AbortController().signal): Promise<T> {
    return this.#devices.use(`lock/${unit}`, signal, work);
  }

  async ready(): Promise<void> {
    await until(() => this.status().state === "ready");
  }

  /** Process ids of the drivers' processes that this process has started and that are still there. */
  get processes(): readonly number[] {
    return driverProcesses(process.pid);
  }

  get onlyProcess(): number {
    const [pid, ...others] = this.processes;
    if (pid === undefined || others.length > 0) throw new Error(`${others.length + 1} processes, or none`);
    return pid;
  }
}

export function recordingLog(lines: string[]): Log {
  const note = (level: string) => (fields: object, message: string) =>
    void lines.push(JSON.stringify({ level, message, ...fields }));
  const log: Log = {
    debug: note("debug"),
    info: note("info"),
    warn: note("warn"),
    error: note("error"),
    child: () => log,
  };
  return log;
}
