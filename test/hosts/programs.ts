import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const checkout = join(import.meta.dirname, "../..");

/** Runs a process of a driver from the sources. */
export function sourceProgram(entry: string) {
  const hooks = join(checkout, "test/support/typescript-hooks.mjs");
  return { entry: join(checkout, entry), execArgv: ["--conditions=source", "--import", hooks] };
}

/** Process ids of drivers' processes that `parent` has started and that are still there. */
export function driverProcesses(parent: number): readonly number[] {
  const listed = execFileSync("ps", ["-o", "pid=", "--ppid", String(parent)], { encoding: "utf8" });
  const children = listed.trim().split(/\s+/).filter(Boolean).map(Number);
  return children.filter((pid) => /hosted-driver|(bad|slow)-process/.test(commandOf(pid)));
}

export function isThere(pid: number): boolean {
  return commandOf(pid) !== "";
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Waits in real time for what a real process does. */
export async function until(isSo: () => boolean, msMax = 15_000): Promise<void> {
  const start = performance.now();
  while (!isSo()) {
    if (performance.now() - start > msMax) throw new Error(`not so within ${msMax} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
