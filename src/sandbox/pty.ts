import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** The far end of a pseudo-terminal: what a simulated device sees of its serial line. */
export interface PtyEnd {
  /** Where the near end is found; open it with `serialport`. */
  readonly path: string;
  write(bytes: Uint8Array): void;
  onData(listener: (chunk: Uint8Array) => void): () => void;
  /** Hangs up: the near end sees an unplugged device, and the path is gone. */
  unplug(): Promise<void>;
}

/**
 * Makes a pseudo-terminal at `path` with socat (Node cannot make one by itself). Raw, no echo, bytes unchanged.
 * Plug the device in again with another call on the same path.
 */
export async function openPty(path: string): Promise<PtyEnd> {
  const socat: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    "socat",
    ["-d", "-d", "-b", "4096", `PTY,link=${path},raw,echo=0`, "STDIO"],
    { stdio: ["pipe", "pipe", "pipe"] },
  );
  const listeners = new Set<(chunk: Uint8Array) => void>();
  socat.stdout.on("data", (chunk: Buffer) => {
    for (const listener of [...listeners]) listener(chunk);
  });
  socat.stdin.on("error", () => undefined);
  await ready(socat);
  return {
    path,
    write: (bytes) => void socat.stdin.write(bytes),
    onData(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async unplug() {
      if (socat.exitCode !== null || socat.signalCode !== null) return;
      const exited = once(socat, "exit");
      socat.kill("SIGTERM");
      await exited;
    },
  };
}

/** socat says on stderr when the pty exists. */
function ready(socat: ChildProcessByStdio<Writable, Readable, Readable>): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    socat.once("error", (cause) =>
      reject(new Error("socat is needed for simulated serial lines: apt-get install socat", { cause })),
    );
    socat.once("exit", (code) => reject(new Error(`socat ended (${code ?? "signal"}): ${said}`)));
    socat.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2_000);
      if (said.includes("starting data transfer loop")) resolve();
    });
  });
}
