import "#src/ops/quiet-libraries";
import { loadConfig } from "#src/config/load";
import type { Environment } from "#src/config/references";
import { startGateway } from "#src/gateway";
import { knownDrivers } from "#src/gateway-drivers";
import { realClock } from "#src/ops/clock";
import { createLog } from "#src/ops/log";
import { Heartbeat, notifyThroughSystemd, serviceManager } from "#src/ops/systemd";
import { StoreError } from "#src/store/store-error";

export interface RunOptions {
  readonly env: Environment;
  readonly configPath: string;
}

/** Runs the daemon until a signal ends it. Answers the exit code; never throws for a fault of configuration or disk. */
export async function runGateway({ configPath, env }: RunOptions): Promise<number> {
  const loaded = await loadConfig(configPath, { env, drivers: knownDrivers });
  if (!loaded.ok) {
    for (const { line, column, message, suggestion } of loaded.problems) {
      const hint = suggestion === undefined ? "" : ` (${suggestion})`;
      process.stderr.write(`${configPath}:${line}:${column} ${message}${hint}\n`);
    }
    return 4;
  }
  const log = createLog(loaded.config.logLevel);
  const manager = serviceManager(env, { pid: process.pid, send: notifyThroughSystemd(log) });
  const heartbeat = new Heartbeat({
    clock: realClock,
    log,
    watchdogMs: manager.watchdogMs,
    feed: () => manager.feedWatchdog(),
  });
  try {
    const gateway = await startGateway({
      config: loaded.config,
      log,
      credentialsDirectory: env["CREDENTIALS_DIRECTORY"],
      watch: (name, silenceMaxMs) => heartbeat.watch(name, silenceMaxMs),
      onFatal(error) {
        log.error({ event: "store.fatal", reason: error.message }, "the store failed: the process ends");
        process.exit(1);
      },
    });
    manager.notifyReady(`serving ${gateway.endpoint} and ${loaded.config.socketPath}`);
    heartbeat.start();
    await untilSignal();
    manager.notifyStopping();
    heartbeat.stop();
    await gateway.stop();
    return 0;
  } catch (error) {
    if (!(error instanceof StoreError) && !(error instanceof Error && "code" in error)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

/** The first SIGTERM or SIGINT. */
export function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}
