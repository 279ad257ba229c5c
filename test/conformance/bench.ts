import { inspect } from "node:util";
import { expect } from "vitest";
import {
  type Device,
  type Driver,
  DriverError,
  type OnDeviceKeypad,
  type OnGatewayKeypad,
  type Unit,
} from "#driver-api";
import { CANARY } from "#test/conformance/plans";
import type { DriverRig, RigDevice } from "#test/conformance/rig";
import { type LineDevice, MemoryLine } from "#test/support/memory-line";
import { VirtualClock } from "#test/support/virtual-clock";

/** No call may take longer than this without a card to wait for. */
export const CALL_MS_MAX = 10_000;

export interface Subject {
  readonly id: string;
  readonly driver: Driver;
  readonly rig: DriverRig;
}

/** One driver with its simulator on a line in memory, in virtual time. */
export class Bench {
  readonly subject: Subject;
  readonly clock = new VirtualClock();
  readonly world: RigDevice;
  readonly line: MemoryLine;
  /** Everything that was logged or thrown, as it would be printed. */
  readonly #printed: string[] = [];
  #device: Device | undefined;

  /** `standIn` is another device on the line than the driver's own. */
  constructor(subject: Subject, standIn?: LineDevice) {
    this.subject = subject;
    this.world = subject.rig.plugIn(this.clock);
    this.line = new MemoryLine(standIn ?? this.world);
  }

  async open(): Promise<this> {
    this.#device = await this.run(this.begin());
    return this;
  }

  /** Starts to open the device and waits for nothing. */
  async begin(signal = new AbortController().signal): Promise<Device> {
    const { driver, rig } = this.subject;
    const note = (fields: object, message: string) => this.#print({ message, ...fields });
    const log = { debug: note, warn: note };
    const context = { line: this.line, clock: this.clock, log };
    return driver.open(driver.config.parse(rig.config), context, { signal });
  }

  get device(): Device {
    if (this.#device === undefined) throw new Error("the bench is not open");
    return this.#device;
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

  /** Closes the device; whatever the case did, nothing of it may be left. */
  async finish(): Promise<void> {
    if (this.#device !== undefined) await this.run(this.#device.close());
    expect(this.clock.pending, "timers left after close").toBe(0);
    expect(this.line.listenerCount, "listeners left on the line after close").toBe(0);
    const printed = this.#printed.join("\n");
    for (const shape of canaryShapes()) expect(printed).not.toContain(shape);
  }

  /** As a log, an error page or a debugger would show it; without spaces, which long arrays are laid out with. */
  #print(thing: unknown): void {
    const shown = inspect(thing, { depth: 12, maxArrayLength: null, showHidden: true });
    this.#printed.push(shown.replaceAll(/\s+/g, ""), JSON.stringify(thing, bytesAsHex));
  }
}

function bytesAsHex(this: unknown, key: string, value: unknown): unknown {
  // A Buffer has already turned itself into something else by the time it is `value`.
  const original: unknown = (this as Record<string, unknown>)[key];
  if (original instanceof Uint8Array) return Buffer.from(original).toString("hex");
  return typeof value === "bigint" ? value.toString() : value;
}

/** What a careless log line could make of a secret. */
function canaryShapes(): readonly string[] {
  const { pin, ...bytes } = CANARY;
  const shapes = [...Object.values(bytes), Buffer.from(pin)].flatMap((value) => {
    const hex = Buffer.from(value).toString("hex");
    const base64 = Buffer.from(value).toString("base64");
    return [hex, hex.toUpperCase(), base64.replace(/=+$/, "").slice(0, -1), [...value].join(",")];
  });
  return [pin, ...shapes];
}

/** A call that nobody cancels. */
export const calm = () => ({ signal: new AbortController().signal });

/** A call that was cancelled before it began. */
export const cancelled = () => ({ signal: AbortSignal.abort(new Error("cancelled at the desk")) });
