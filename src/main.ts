#!/usr/bin/env node
import { readFileSync, type Stats, statSync } from "node:fs";
import type { CliEdge } from "#src/cli/context";
import { refused } from "#src/cli/exit-codes";
import { runCli } from "#src/cli/program";
import { VERSION } from "#src/ops/version";

/**
 * The process: arguments, environment, signals, exit code. The daemon, the demo and the drivers are loaded only by the
 * commands that need them; the others start fast and talk to the daemon.
 */
const edge: CliEdge = {
  version: VERSION,
  streams: {
    out: (text) => void process.stdout.write(text),
    error: (text) => void process.stderr.write(text),
  },
  socketPath: process.env["LOCKBRIDGE_SOCKET"] ?? "/run/lockbridge/lockbridge.sock",
  configPath: "/etc/lockbridge/lockbridge.yaml",
  onInterrupt(listener) {
    process.on("SIGINT", listener);
    return () => process.off("SIGINT", listener);
  },
  readSecretText,
  readText: (path) => readText(path),
  async checkConfig(path) {
    const { checkConfig } = await import("#src/check-config");
    return checkConfig(path, process.env);
  },
  async addDevice(path, device) {
    const { addDeviceTo } = await import("#src/add-device");
    return addDeviceTo(path, device, process.env);
  },
  async runGateway(options) {
    const { runGateway } = await import("#src/run-gateway");
    return runGateway({ ...options, env: process.env });
  },
  async runDemo(options) {
    const { runDemo } = await import("#src/sandbox/demo");
    return runDemo(options);
  },
};

function readSecretText(path: string): string {
  return readText(path, ({ mode }) => {
    if ((mode & 0o077) !== 0) {
      throw refused(`${path} is open to its group or to others: chmod 600 ${path}`);
    }
  });
}

function readText(path: string, assertFit: (facts: Stats) => void = () => undefined): string {
  if (path === "-") return readFileSync(process.stdin.fd, "utf8");
  try {
    assertFit(statSync(path));
    return readFileSync(path, "utf8");
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    throw refused(`Cannot read ${path} (${String(error.code)}).`);
  }
}

// Whoever reads our output may stop early (`lockbridge credentials | head`): that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

// A command that could not start everything has left something open: that must not keep the process.
process.exit(await runCli(process.argv.slice(2), edge));
