import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { configCheck } from "#src/api/schemas/desk";
import type { CheckedConfig, ConfigProblem } from "#src/cli/context";
import { DaemonClient } from "#src/cli/daemon-client";
import type { Config } from "#src/config/config";
import { loadConfig } from "#src/config/load";
import type { Environment } from "#src/config/references";
import { knownDrivers, loadDriver } from "#src/gateway-drivers";

/**
 * Everything that is wrong with a file by itself, on this machine, and with the cards in use when a daemon runs that
 * knows them.
 */
export async function checkConfig(
  path: string,
  env: Environment,
  isInstalled: (library: string) => boolean = isThere,
): Promise<CheckedConfig> {
  const loaded = await loadConfig(path, { env, drivers: knownDrivers, isCheck: true });
  if (!loaded.ok) return { problems: loaded.problems, notes: [] };
  const { config, notes } = loaded;
  const problems = [
    ...(await withoutLibrary(path, config, isInstalled)),
    ...(await renumbered(path, config)),
  ];
  return { problems, notes };
}

/** Devices whose driver works with a package that is not on this machine. */
async function withoutLibrary(
  path: string,
  { devices }: Config,
  isInstalled: (library: string) => boolean,
): Promise<ConfigProblem[]> {
  const problems: ConfigProblem[] = [];
  for (const { key, driver } of devices) {
    const library = (await loadDriver(driver))?.library;
    if (library === undefined || isInstalled(library)) continue;
    const message = `the driver ${driver} needs ${library}, which is not installed here: node scripts/install.mjs install --with ${library}`;
    problems.push({ line: lineOfKey(path, key), column: 1, message });
  }
  return problems;
}

function isThere(library: string): boolean {
  const folders = createRequire(import.meta.url).resolve.paths(library) ?? [];
  return folders.some((folder) => existsSync(join(folder, library)));
}

/** Without a daemon nobody can tell: then the daemon refuses at its next start, before it writes anything. */
async function renumbered(path: string, { entrances, socketPath }: Config): Promise<ConfigProblem[]> {
  const wanted = entrances.map(({ id, door, zone }) => ({ acs_entrance_id: id, door, zone }));
  try {
    const { conflicts } = await new DaemonClient(socketPath).call(configCheck, { entrances: wanted });
    return conflicts.map(({ key, message }) => ({ line: lineOfKey(path, key), column: 1, message }));
  } catch {
    return [];
  }
}

function lineOfKey(path: string, key: string): number {
  const lines = readFileSync(path, "utf8").split("\n");
  return (
    Math.max(
      0,
      lines.findIndex((line) => line.trimStart().startsWith(`${key}:`)),
    ) + 1
  );
}
