#!/usr/bin/env node
import { readFileSync, type Stats, statSync } from "node:fs";
import { createInterface } from "node:readline/promises";
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
  ask,
  readSecretText,
  readText: (path) => readText(path),
  async checkConfig(path) {
    const { checkConfig } = await import("#src/check-config");
    return checkConfig(path, process.env);
  },
  async assertCanChange(path, device) {
    const { assertCanChange } = await import("#src/add-device");
    assertCanChange(path, device);
  },
  async moveDevices(path, ports) {
    const { moveDevicesIn } = await import("#src/add-device");
    return moveDevicesIn(path, ports, process.env);
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

/** Not by Node's own terminal handling, which would keep Ctrl-C for itself. */
async function ask(question: string, signal: AbortSignal): Promise<string | null> {
  if (!process.stdin.isTTY) return null;
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  try {
    const closed = new Promise<null>((resolve) => terminal.once("close", () => resolve(null)));
    return await Promise.race([terminal.question(question, { signal }), closed]);
  } catch {
    return null;
  } finally {
    terminal.close();
  }
}

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
