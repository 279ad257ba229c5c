import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BAUD } from "./wire-time.js";

export interface PacedLine {
  readonly path: string;
  close(): Promise<void>;
}

/** A pseudo-terminal with `paced-device.ts` at its far end: `device` as that names it, with a new card on it. */
export async function openPacedLine(device: string, baud = BAUD): Promise<PacedLine> {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));
  const path = join(folder, "tty");
  // `nofork`: socat becomes the device, so no process stands between the device and the line.
  const program = `node --conditions=source --import ./test/support/typescript-hooks.mjs bench/paced-device.ts ${device} ${baud}`;
  const root = join(import.meta.dirname, "..");
  const child = spawn("socat", [`PTY,link=${path},raw,echo=0`, `EXEC:${program},nofork`], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(child, "exit");
  let said = "";
  const ready = new Promise<void>((resolve, reject) => {
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes("ready")) resolve();
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`the paced device ended: ${said}`)));
  });
  await ready;
  return {
    path,
    async close() {
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
