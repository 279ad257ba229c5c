import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { print } from "./figures.js";

/**
 * A report of 64 bytes to a USB HID device and one back: our HID line against a bare node-hid on the same device, turn by
 * turn. The device is emulated by umockdev, which works by a library that is loaded before everything else: hence a
 * process of its own.
 */
const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));
const root = join(import.meta.dirname, "..");
const socket = join(folder, "world");
const words = [
  ["/usr/bin/python3", join(root, "test/hid/world.py"), socket],
  [process.execPath, "--conditions=source", "--import", join(root, "test/support/typescript-hooks.mjs")],
  [join(import.meta.dirname, "hid-round-trips.ts"), socket, process.argv[2] ?? "10"],
].flat();
const { status, stdout, error } = spawnSync("umockdev-wrapper", words, {
  cwd: root,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
});
rmSync(folder, { recursive: true, force: true });
if (status !== 0) throw new Error("it takes umockdev: node scripts/setup.mjs test", { cause: error });
const last = stdout.trim().split("\n").at(-1) ?? "";
print("hid", JSON.parse(last) as Record<string, number>[]); // printed by hid-round-trips.ts
