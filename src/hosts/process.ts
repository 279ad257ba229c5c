import { type ChildProcess, spawn } from "node:child_process";
import { Duplex, PassThrough } from "node:stream";
import { lineChannel } from "./channel.js";
import type { DriverProcess } from "./hosted-line.js";

/** What is run, and how. */
export interface HostProgram {
  /** Path of `hosted-driver`, as it was built. */
  readonly entry: string;
  /** Options of Node itself. */
  readonly execArgv: readonly string[];
}

/** The file descriptor of the process's end of the channel. */
export const CHANNEL_FD = 3;

/**
 * Starts a process for a driver. It gets no environment and no argument, so that no secret can lie there; what it prints
 * is counted and dropped, since a library may print what it pleases.
 */
export function startProcess({ entry, execArgv }: HostProgram): DriverProcess {
  const child = spawn(process.execPath, [...execArgv, entry], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: {},
  });
  let printedBytes = 0;
  for (const output of [child.stdout, child.stderr])
    output?.on("data", (chunk: Buffer) => (printedBytes += chunk.length));
  return {
    channel: lineChannel(pipeOf(child)),
    ended: new Promise((resolve) => {
      child.once("error", (error: NodeJS.ErrnoException) =>
        resolve(`it could not be started (${error.code ?? error.name})`),
      );
      child.once("exit", (code, signal) =>
        resolve(signal === null ? `it ended with code ${code ?? 0}` : `it was ended by ${signal}`),
      );
    }),
    kill: () => void child.kill("SIGKILL"),
    printedBytes: () => printedBytes,
  };
}

/** Of a process that could not be started there may be none. */
function pipeOf({ stdio }: Partial<Pick<ChildProcess, "stdio">>): Duplex {
  const pipe: unknown = stdio?.[CHANNEL_FD];
  return pipe instanceof Duplex ? pipe : new PassThrough().destroy();
}
