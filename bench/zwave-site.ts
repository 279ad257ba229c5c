import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { SimulatedLockSettings } from "#drivers/zwave/simulator";
import { sourceProgram } from "#test/hosts/programs";

export interface StickOrder {
  readonly settings: SimulatedLockSettings;
  /** What the mock lets each frame take on the air. */
  readonly airMs: number;
  /** Where its pseudo-terminal is to be. */
  readonly port: string;
}

/** What a lock was asked or told to do; `orders` are those that may change a slot or the bolt. */
export interface Counted {
  readonly commands: number;
  readonly orders: number;
}

export type ToStick = "count" | "end";
export type FromStick = "plugged in" | Counted;

/** So long without a word to the lock, and whoever drives it knows it. */
const SETTLED_MS = 500;

/** The process of `zwave-stick.ts`. */
export class ZWaveStick {
  readonly port: string;
  readonly #child: ChildProcess;

  static async open(order: StickOrder): Promise<ZWaveStick> {
    const { entry, execArgv } = sourceProgram("bench/zwave-stick.ts");
    const child = fork(entry, [JSON.stringify(order)], { execArgv, stdio: "inherit" });
    const stick = new ZWaveStick(child, order.port);
    await once(child, "message");
    return stick;
  }

  private constructor(child: ChildProcess, port: string) {
    this.#child = child;
    this.port = port;
  }

  async counted(): Promise<Counted> {
    this.#tell("count");
    const [counted] = (await once(this.#child, "message")) as [Counted];
    return counted;
  }

  /** Resolves when the lock has been left alone for a while, with all that it was told until then. */
  async settled(): Promise<Counted> {
    let counted = await this.counted();
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
      const now = await this.counted();
      if (now.commands === counted.commands) return now;
      counted = now;
    }
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#tell("end");
    await ended;
  }

  #tell(message: ToStick): void {
    this.#child.send(message);
  }
}
