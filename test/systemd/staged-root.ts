import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

export const checkout = join(import.meta.dirname, "../..");

/**
 * What is installed is the build; a fresh one is left alone. Only the compiler runs: a test must never install
 * packages into the checkout that it runs from.
 */
export function requireBuild(): void {
  execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], {
    cwd: checkout,
    stdio: "inherit",
  });
}

/** An empty root with the folders that every Debian has; readable by all, as a root is. Gone when the test ends. */
export function debianRoot(): string {
  const root = makeRoot();
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

/** As `debianRoot`, for the caller to remove. */
export function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), "lockbridge-root-"));
  chmodSync(root, 0o755);
  for (const folder of [
    "etc/systemd/system/multi-user.target.wants",
    "usr/bin",
    "usr/lib/systemd/system",
    "usr/share/doc",
    "var/lib",
  ]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  return root;
}

export function installBelow(root: string): void {
  execFileSync(process.execPath, ["scripts/install.mjs", "install", "--root", root], {
    cwd: checkout,
    stdio: ["ignore", "ignore", "inherit"],
  });
}
