import type { Log } from "#src/lib/log";
import { HostedLine, type HostedLineDeps } from "./hosted-line.js";
import { type HostProgram, startProcess } from "./process.js";

export interface HostsDeps extends Pick<HostedLineDeps, "clock" | "silenceMs"> {
  readonly log: Log;
  readonly program: HostProgram;
}

/** The processes of the drivers that run in one of their own. */
export class Hosts {
  readonly #deps: HostsDeps;
  /** Bytes by process. */
  readonly #memory = new Map<object, { readonly driver: string; readonly bytes: number }>();

  constructor(deps: HostsDeps) {
    this.#deps = deps;
  }

  /** Starts a process, and has it open its line at `port`. Rejects as the opener of that line does; ends at `stop`. */
  open(driver: string, port: string, stop?: AbortSignal): Promise<HostedLine> {
    const { log, program, ...deps } = this.#deps;
    const started = startProcess(program);
    const onMemory = (bytes: number | null): void => {
      if (bytes === null) this.#memory.delete(started);
      else this.#memory.set(started, { driver, bytes });
    };
    return HostedLine.open(
      started,
      { driver, port, ...(stop === undefined ? {} : { stop }) },
      { ...deps, log: log.child({ driver, port }), onMemory },
    );
  }

  /** Bytes of memory by driver, of all its processes together. */
  memory(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { driver, bytes } of this.#memory.values()) sums.set(driver, (sums.get(driver) ?? 0) + bytes);
    return sums;
  }
}
