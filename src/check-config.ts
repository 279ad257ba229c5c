import { readFileSync } from "node:fs";
import { configCheck } from "#src/api/schemas/desk";
import type { CheckedConfig, ConfigProblem } from "#src/cli/context";
import { DaemonClient } from "#src/cli/daemon-client";
import type { Config } from "#src/config/config";
import { loadConfig } from "#src/config/load";
import type { Environment } from "#src/config/references";
import { knownDrivers } from "#src/gateway-drivers";

/** Everything that is wrong with a file by itself, and with the cards in use when a daemon runs that knows them. */
export async function checkConfig(path: string, env: Environment): Promise<CheckedConfig> {
  const loaded = await loadConfig(path, { env, drivers: knownDrivers, isCheck: true });
  if (!loaded.ok) return { problems: loaded.problems, notes: [] };
  return { problems: await renumbered(path, loaded.config), notes: loaded.notes };
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
