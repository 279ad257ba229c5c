import type { ZWaveNode } from "zwave-js";
import type { LockEvent, LockState } from "#driver-api";
import type { LockCall } from "./call.js";
import { CC } from "./command-classes.js";
import type { Library } from "./library.js";

/** A motor takes seconds. The lock's own report ends the wait; asking makes up for one that got lost. */
const LOOKS_MS = [0, 1_000, 2_000, 4_000, 6_000] as const;
/** `DoorLockMode`: all the way shut, and not known. */
const SECURED = 0xff;
const UNKNOWN = 0xfe;

/** The bolt: what was ordered counts as done when the lock itself says so, never because the order was taken. */
export class Bolt {
  readonly #library: Library;
  readonly #node: ZWaveNode;
  readonly #waiting = new Set<(event: LockEvent) => void>();

  constructor(library: Library, node: ZWaveNode) {
    this.#library = library;
    this.#node = node;
  }

  /** What the lock told unasked. */
  noteEvent(event: LockEvent): void {
    for (const note of [...this.#waiting]) note(event);
  }

  async turn(to: "locked" | "unlocked", call: LockCall): Promise<void> {
    let told: "right" | "jammed" | null = null;
    let wake = (): void => undefined;
    const note = ({ type }: LockEvent): void => {
      if (type === to) told = "right";
      else if (type === "jammed") told = "jammed";
      else return;
      wake();
    };
    this.#waiting.add(note);
    try {
      await this.#order(to === "locked", call);
      for (const ms of LOOKS_MS) {
        const isTold = new Promise<void>((resolve) => (wake = resolve));
        if (ms > 0) await Promise.race([call.pause(ms), isTold]);
        if (hasToldOf(told, "right")) return;
        if (hasToldOf(told, "jammed")) throw call.failure("device.refused", "the lock is jammed");
        if ((await this.#isLocked(call)) === (to === "locked")) return;
      }
      throw call.failure("device.refused", `the lock took the order and is not ${to}`);
    } finally {
      this.#waiting.delete(note);
    }
  }

  async state(call: LockCall): Promise<LockState> {
    const node = this.#node;
    const battery = node.supportsCC(CC.battery)
      ? await call.ask(() => node.commandClasses.Battery.get())
      : undefined;
    const level = battery?.level ?? null;
    if (!node.supportsCC(CC.doorLock))
      return { isLocked: await this.#isLocked(call), isDoorOpen: null, battery: share(level) };
    const { currentMode, doorStatus } = await call.answer(() => node.commandClasses["Door Lock"].get());
    return {
      isLocked: isSecured(currentMode),
      isDoorOpen: doorStatus === undefined ? null : doorStatus === "open",
      battery: share(level),
    };
  }

  async #order(isLocked: boolean, call: LockCall): Promise<void> {
    const node = this.#node;
    const { Secured, Unsecured } = this.#library.DoorLockMode;
    const result = await call.order<{ readonly status: number } | undefined>(() =>
      node.supportsCC(CC.doorLock)
        ? node.commandClasses["Door Lock"].set(isLocked ? Secured : Unsecured)
        : node.commandClasses.Lock.set(isLocked),
    );
    // Supervision: 0 no support, 2 fail. The lock itself says that it did nothing.
    if (result === undefined || (result.status !== 0 && result.status !== 2)) return;
    call.nothingHappened();
    throw call.failure("device.refused", "the lock refuses it");
  }

  /** Asked of the lock; null: it does not know. */
  async #isLocked(call: LockCall): Promise<boolean | null> {
    const node = this.#node;
    if (!node.supportsCC(CC.doorLock)) return (await call.ask(() => node.commandClasses.Lock.get())) ?? null;
    const report = await call.ask(() => node.commandClasses["Door Lock"].get());
    return report === undefined ? null : isSecured(report.currentMode);
  }
}

const hasToldOf = (told: string | null, what: string): boolean => told === what;
const share = (level: number | null): number | null =>
  level === null || level > 100 ? (level === null ? null : 0) : level / 100;

/** Modes between open and shut (only one handle works) are not shut. */
export function isSecured(mode: number | undefined): boolean | null {
  return mode === undefined || mode === UNKNOWN ? null : mode === SECURED;
}
