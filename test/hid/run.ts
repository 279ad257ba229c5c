import { spawn, type SpawnOptions } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";

const here = import.meta.dirname;

/**
 * Runs the scenario `name` of `script` in a process of its own that believes in the devices of `world.py`, and fails
 * with what it printed when it fails.
 */
export async function runInHidWorld(script: string, name: string, asUser?: number): Promise<void> {
  const socket = freshSocket();
  const hooks = join(here, "../support/typescript-hooks.mjs");
  const command = ["--conditions=source", "--import", hooks, script, name, socket];
  const { code, printed } = await nodeInHidWorld(socket, command, {
    ...(asUser !== undefined && { uid: asUser, gid: asUser }),
  });
  expect(code, printed).toBe(0);
}

/** Where a world can listen. */
export function freshSocket(): string {
  return join(mkdtempSync(join(tmpdir(), "lb-hid-")), "world");
}

/**
 * Runs node inside of the world, which listens on `socket`. umockdev works by a library that is loaded before everything
 * else, so a test runner that already runs cannot enter.
 */
export async function nodeInHidWorld(
  socket: string,
  command: readonly string[],
  options: SpawnOptions = {},
): Promise<{ readonly code: number | null; readonly printed: string }> {
  const world = ["/usr/bin/python3", join(here, "world.py"), socket, process.execPath, ...command];
  const child = spawn("umockdev-wrapper", world, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("exit", resolve);
    child.once("error", (cause) =>
      reject(new Error("umockdev is needed for emulated USB devices: apt-get install umockdev", { cause })),
    );
  });
  return { code, printed };
}
