import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import type { Device, LockEvent, OnDeviceKeypad } from "#driver-api";
import driver from "#drivers/zwave/index";
import { SIMULATED_KEYS, type SimulatedLockSettings, ZWaveSimulator } from "#drivers/zwave/simulator";
import type { SimulatedLock } from "#drivers/zwave/simulator-lock";
import { startAtOnce } from "#drivers/zwave/simulator-start";
import type { Clock } from "#src/lib/deadline";
import { realClock } from "#src/ops/clock";
import { MemoryLine } from "#test/support/memory-line";

/** On a machine that does other things besides, radio and library take their time. */
export const eventually = (check: () => void): Promise<void> => vi.waitFor(check, 10_000);
export const calm = () => ({ signal: new AbortController().signal });
export const zwaveConfig = { keys: JSON.stringify(SIMULATED_KEYS) };

/** Real time, but that waits which the driver itself orders may be made shorter: the library's own stay as they are. */
export class HurriedClock implements Clock {
  /** How many times faster. */
  factor = 1;
  #skipped = 0;

  now(): number {
    return realClock.now();
  }

  monotonic(): number {
    return realClock.monotonic() + this.#skipped;
  }

  /** As if so much time had passed; timers that run are not touched. */
  skip(ms: number): void {
    this.#skipped += ms;
  }

  startTimer(ms: number, fire: () => void): () => void {
    return realClock.startTimer(ms / this.factor, fire);
  }
}

/** The real library with its own mock stick and locks, on a line in memory. One start takes seconds: share it. */
export class ZWaveSite {
  readonly simulator: ZWaveSimulator;
  readonly folder: string;
  readonly clock: HurriedClock;
  /** Everything that was logged. */
  readonly logged: unknown[] = [];
  line: MemoryLine;
  #device: Device | null = null;

  static async open(locks: readonly SimulatedLockSettings[], clock = new HurriedClock()): Promise<ZWaveSite> {
    const site = new ZWaveSite(await ZWaveSimulator.create(clock, locks), clock);
    await site.start();
    await site.units(locks.length);
    return site;
  }

  constructor(simulator: ZWaveSimulator, clock: HurriedClock) {
    this.simulator = simulator;
    this.clock = clock;
    this.folder = mkdtempSync(join(tmpdir(), "lb-zwave-"));
    this.line = new MemoryLine(simulator);
  }

  get device(): Device {
    if (this.#device === null) throw new Error("the site is not started");
    return this.#device;
  }

  async start(): Promise<void> {
    startAtOnce();
    if (!this.line.isOpen) this.line = new MemoryLine(this.simulator);
    const note = (fields: object, message: string) => void this.logged.push({ message, ...fields });
    const context = {
      line: this.line,
      clock: this.clock,
      log: { debug: note, warn: note },
      folder: this.folder,
    };
    this.#device = await driver.open(driver.config.parse(zwaveConfig), context, calm());
  }

  /** Waits until so many locks can be used. */
  async units(count: number): Promise<void> {
    const { device } = this;
    if (device.units.length === count) return;
    await new Promise<void>((resolve) => {
      const stop = device.onUnitsChange?.(() => {
        if (device.units.length !== count) return;
        stop?.();
        resolve();
      });
    });
  }

  keypad(nodeId: number): OnDeviceKeypad {
    const keypad = this.device.units.find(({ key }) => key === `node-${nodeId}`)?.keypadLock;
    if (keypad?.codes !== "on_device") throw new Error(`node ${nodeId} is no lock`);
    return keypad;
  }

  lock(nodeId: number): SimulatedLock {
    return this.simulator.lock(nodeId);
  }

  /** What a lock tells from now on. */
  events(nodeId: number): LockEvent[] {
    const events: LockEvent[] = [];
    this.keypad(nodeId).onEvent((event) => events.push(event));
    return events;
  }

  async close(): Promise<void> {
    await this.#device?.close();
    await this.line.close();
    this.simulator.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
