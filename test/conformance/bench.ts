import { getEventListeners } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect } from "vitest";
import {
  type Call,
  type Device,
  type Driver,
  DriverError,
  type OnDeviceKeypad,
  type OnGatewayKeypad,
  type Unit,
} from "#driver-api";
import { CANARY } from "#test/conformance/plans";
import type { OpenPort, Ports } from "#test/conformance/ports";
import type { DriverRig, RigDevice, RigHand } from "#test/conformance/rig";
import { Tap } from "#test/conformance/tap";
import { MemoryHidLine } from "#test/support/memory-hid-line";
import { MemoryPcscLine } from "#test/support/memory-pcsc-line";
import { type LineDevice, MemoryLine } from "#test/support/memory-line";
import { Traffic, TrafficClock } from "#test/support/traffic";
import { type BenchClock, PatientClock } from "#test/conformance/bench-clock";

/** No call may take longer than this without a card to wait for. */
export const CALL_MS_MAX = 10_000;

export interface Subject {
  readonly id: string;
  readonly driver: Driver;
  readonly rig: DriverRig;
  /** The driver is put on one of these, in front of the line in memory; left out: on that line itself. */
  readonly ports?: Ports;
}

/** One driver with its simulator at the other end of a line, in virtual time. */
export class Bench {
  readonly subject: Subject;
  readonly clock: BenchClock;
  readonly world: RigDevice;
  /** At the device's end of the line. */
  readonly tap: Tap;
  readonly line: MemoryLine;
  /** Everything that was logged or thrown, as it would be printed. */
  readonly #printed = new Set<string>();
  #device: Device | undefined;
  #folderPath: string | undefined;
  readonly #traffic = new Traffic();
  #port: Promise<OpenPort> | undefined;

  /** `standIn` is another device on the line than the driver's own. */
  constructor(subject: Subject, standIn?: LineDevice) {
    this.subject = subject;
    const Clock = subject.rig.time === undefined ? TrafficClock : PatientClock;
    this.clock = new Clock(this.#traffic);
    this.world = subject.rig.plugIn(this.clock);
    this.tap = new Tap(standIn ?? this.world);
    this.line = new MemoryLine(this.tap);
  }

  async open(): Promise<this> {
    this.#device = await this.run(this.begin());
    await this.#units(this.#device);
    return this;
  }

  /** Closes the device and opens it again on the same line. */
  async reopen(): Promise<void> {
    await this.run(this.device.close());
    await this.open();
  }

  /** Where units come after the opening, they are waited for. */
  async #units(device: Device): Promise<void> {
    const count = this.subject.rig.time?.units ?? 0;
    while (device.units.length < count) await this.clock.advance(10);
    // The last that was said about them may still be on its way.
    await this.run(Promise.resolve());
  }

  /** Starts to open the device and waits for nothing. */
  async begin(signal = new AbortController().signal): Promise<Device> {
    const { driver, rig } = this.subject;
    const note = (fields: object, message: string) => this.#print({ message, ...fields });
    const log = { debug: note, warn: note };
    const port = this.#portFor(driver);
    const context = {
      line: port === undefined ? this.#lineFor(driver) : (await port).line,
      clock: this.clock,
      log,
      ...(driver.keepsFiles === true && { folder: this.#folder() }),
    };
    return driver.open(driver.config.parse(rig.config), context, { signal });
  }

  #lineFor({ transport, hid }: Driver): MemoryLine | MemoryHidLine | MemoryPcscLine {
    if (transport === "hid") return new MemoryHidLine(this.line, hid, this.clock);
    return transport === "pcsc" ? new MemoryPcscLine(this.line, this.clock) : this.line;
  }

  /** The same for every opening on this bench. */
  #portFor(driver: Driver): Promise<OpenPort> | undefined {
    const behind = { line: this.line, traffic: this.#traffic, clock: this.clock };
    return (this.#port ??= this.subject.ports?.open(driver, behind));
  }

  /** Its own; the next opening on this bench finds it again. */
  #folder(): string {
    this.#folderPath ??= mkdtempSync(join(tmpdir(), `lb-bench-${this.subject.id}-`));
    return this.#folderPath;
  }

  get device(): Device {
    if (this.#device === undefined) throw new Error("the bench is not open");
    return this.#device;
  }

  /** What the rig's hand can do; a rig that cannot do it says why in `exempt`. */
  hand<Name extends keyof RigHand>(name: Name): NonNullable<RigHand[Name]> {
    const act = this.world[name];
    if (act === undefined) throw new Error(`the rig has no ${name}: offer it, or exempt the case`);
    return act;
  }

  /** The first unit that has the capability. */
  unit<C extends Exclude<keyof Unit, "key">>(capability: C): NonNullable<Unit[C]> {
    const found = this.device.units.map((unit) => unit[capability]).find((it) => it !== undefined);
    if (found === undefined) throw new Error(`no unit has ${capability}`);
    return found;
  }

  /** The first keypad that leaves the decision to the gateway. */
  door(): OnGatewayKeypad {
    const doors = this.device.units.flatMap(({ keypadLock }) =>
      keypadLock?.codes === "on_gateway" ? [keypadLock] : [],
    );
    const [first] = doors;
    if (first === undefined) throw new Error("no unit leaves the decision to the gateway");
    return first;
  }

  locks(): readonly OnDeviceKeypad[] {
    return this.device.units.flatMap(({ keypadLock }) =>
      keypadLock?.codes === "on_device" ? [keypadLock] : [],
    );
  }

  /** The first lock that holds its codes itself. */
  lock(): OnDeviceKeypad {
    const [first] = this.locks();
    if (first === undefined) throw new Error("no unit decides alone");
    return first;
  }

  /** Moves time as far as the work needs. */
  async run<T>(work: Promise<T>, msMax = CALL_MS_MAX): Promise<T> {
    return this.clock.until(work, { msMax });
  }

  /** The DriverError that the work must fail with. */
  async failure(work: Promise<unknown>, msMax = CALL_MS_MAX): Promise<DriverError> {
    const outcome = await this.outcome(work, msMax);
    expect(outcome, "must fail with a DriverError").toBeInstanceOf(DriverError);
    return outcome as DriverError;
  }

  /** The value, or the error, which must be a DriverError. */
  async outcome<T>(work: Promise<T>, msMax = CALL_MS_MAX): Promise<T | DriverError> {
    const settled = work.catch((error: unknown) => {
      this.#print(error);
      if (error instanceof DriverError) return error;
      throw new Error("a driver throws nothing but DriverError", { cause: error });
    });
    return this.run(settled, msMax);
  }

  /** Listeners that the driver has on its line. */
  async listenerCount(): Promise<number> {
    return ((await this.#port) ?? this.line).listenerCount;
  }

  /** Closes the device; whatever the case did, nothing of it may be left. */
  async finish(): Promise<void> {
    if (this.#device !== undefined) await this.run(this.#device.close());
    const listenerCount = await this.listenerCount();
    await (await this.#port)?.release();
    if (this.#folderPath !== undefined) rmSync(this.#folderPath, { recursive: true, force: true });
    expect(this.clock.pending, "timers left after close").toBe(0);
    expect(listenerCount, "listeners left on the line after close").toBe(0);
    this.expectNothingSecret();
  }

  /** No key, PIN or card content was logged or thrown so far, in whatever shape. */
  expectNothingSecret(): void {
    const leak = [...this.#printed].find((line) => CANARY_SHAPES.some((shape) => line.includes(shape)));
    expect(leak, "a secret in what was logged or thrown").toBeUndefined();
  }

  /** As a log, an error page or a debugger would show it; without spaces, which long arrays are laid out with. */
  #print(thing: unknown): void {
    const shown = inspect(thing, { depth: 12, maxArrayLength: null, showHidden: true });
    this.#printed.add(shown.replaceAll(/\s+/g, "")).add(JSON.stringify(thing, bytesAsHex));
  }
}

function bytesAsHex(this: unknown, key: string, value: unknown): unknown {
  // A Buffer has already turned itself into something else by the time it is `value`.
  const original: unknown = (this as Record<string, unknown>)[key];
  if (original instanceof Uint8Array) return Buffer.from(original).toString("hex");
  return typeof value === "bigint" ? value.toString() : value;
}

/** What a careless log line could make of a secret. */
const CANARY_SHAPES = shapesOf(CANARY);

function shapesOf({ pin, stripe, ...bytes }: typeof CANARY): readonly string[] {
  const shapes = [...Object.values(bytes), Buffer.from(pin), Buffer.from(stripe)].flatMap((value) => {
    const hex = Buffer.from(value).toString("hex");
    const base64 = Buffer.from(value).toString("base64");
    return [hex, hex.toUpperCase(), base64.replace(/=+$/, "").slice(0, -1), [...value].join(",")];
  });
  return [pin, stripe, ...shapes];
}

export function expectNobodyListensTo({ signal }: Call): void {
  expect(getEventListeners(signal, "abort"), "listeners left on the signal of a call that ended").toEqual([]);
}

/** A call that nobody cancels. */
export const calm = () => ({ signal: new AbortController().signal });

/** A call that was cancelled before it began. */
export const cancelled = () => ({ signal: AbortSignal.abort(new Error("cancelled at the desk")) });
