import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";

const here = import.meta.dirname;

/**
 * Runs the scenario `name` of `script` in a process of its own that believes in the devices of `world.py`, and fails
 * with what it printed when it fails. umockdev works by a library that is loaded before everything else, so a test
 * runner that already runs cannot enter.
 */
export async function runInHidWorld(script: string, name: string, asUser?: number): Promise<void> {
  const socket = join(mkdtempSync(join(tmpdir(), "lb-hid-")), "world");
  const node = [
    process.execPath,
    "--conditions=source",
    "--import",
    join(here, "../support/typescript-hooks.mjs"),
  ];
  const child = spawn(
    "umockdev-wrapper",
    ["/usr/bin/python3", join(here, "world.py"), socket, ...node, script, name, socket],
    { stdio: ["ignore", "pipe", "pipe"], ...(asUser !== undefined && { uid: asUser, gid: asUser }) },
  );
  let printed = "";
  child.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  const code = await new Promise((resolve, reject) => {
    child.once("exit", resolve);
    child.once("error", (cause) =>
      reject(new Error("umockdev is needed for emulated USB devices: apt-get install umockdev", { cause })),
    );
  });
  expect(code, printed).toBe(0);
}
