import type { Call, CodeSchedule } from "#driver-api";
import type { EngineDeps } from "../engine-deps.js";

/** The clock of a lock that keeps windows itself: set before its first window is spoken of, and every day again. */
export class LockClock {
  readonly #deps: Pick<EngineDeps, "time" | "inventory">;
  /** `told`: its zone only, as nobody knew the time. */
  #is: "unset" | "told" | "set" = "unset";

  constructor(deps: Pick<EngineDeps, "time" | "inventory">) {
    this.#deps = deps;
  }

  /** Rejects with what the lock says. */
  async tell(schedule: CodeSchedule, call: Call): Promise<void> {
    const { now, quality } = this.#deps.time.read();
    const isTrusted = quality === "trusted";
    if (this.#is === "set" || (this.#is === "told" && !isTrusted)) return;
    await schedule.setClock({ now: isTrusted ? now : null, timeZone: this.#deps.inventory.timeZone }, call);
    this.#is = isTrusted ? "set" : "told";
  }

  /** The lock was away, or a day has passed. */
  forget(): void {
    this.#is = "unset";
  }
}
