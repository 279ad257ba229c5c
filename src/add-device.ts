import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { checkConfig } from "#src/check-config";
import type { AddedToConfig, DeviceToAdd, Ports } from "#src/cli/context";
import { refused } from "#src/cli/exit-codes";
import { addDevice, addProblem, moveDevices, moveProblem } from "#src/config/add-device";
import type { Environment } from "#src/config/references";

/**
 * Throws `CliError` when the configuration at `path` cannot be changed, has a device `key` that shall be a new one, or has
 * none that shall be changed.
 */
export function assertCanChange(
  path: string,
  { key, isNew }: { readonly key: string; readonly isNew: boolean },
): void {
  const problem = isNew ? addProblem(read(path), key) : moveProblem(read(path), key);
  if (problem !== null) throw refused(`${path}: ${problem}`);
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch (error) {
    throw cannot("change", path, error);
  }
}

/** Writes one device more into the configuration at `path`; throws `CliError`. */
export async function addDeviceTo(
  path: string,
  device: DeviceToAdd,
  env: Environment,
): Promise<AddedToConfig> {
  const added = addDevice(read(path), device);
  if (!added.ok) throw refused(`${path}: ${added.message}`);
  const moved = moveDevices(added.text, device.ports);
  if (!moved.ok) throw refused(`${path}: ${moved.message}`);
  await replace(path, moved.text, env);
  return { path, encoderOf: added.encoderOf };
}

/** Gives devices of the configuration at `path` other ports; throws `CliError`. */
export async function moveDevicesIn(path: string, ports: Ports, env: Environment): Promise<void> {
  const moved = moveDevices(read(path), ports);
  if (!moved.ok) throw refused(`${path}: ${moved.message}`);
  await replace(path, moved.text, env);
}

/**
 * The file changes as a whole or not at all, keeps its owner and mode, and is not touched when what would come out is
 * wrong.
 */
async function replace(path: string, text: string, env: Environment): Promise<void> {
  const draft = `${path}.new`;
  try {
    writeLike(path, draft, text);
    const { problems } = await checkConfig(draft, env);
    if (problems.length > 0) {
      const list = problems.map(({ line, message }) => `  line ${line}: ${message}`).join("\n");
      throw refused(`${path} is not changed, because it would be wrong then:\n${list}`);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw codeOf(error) === null ? error : cannot("write", path, error);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw cannot("read", path, error);
  }
}

function writeLike(original: string, path: string, text: string): void {
  const { mode, uid, gid } = statSync(original);
  const file = openSync(path, "w", 0o600);
  try {
    fchownSync(file, uid, gid);
    fchmodSync(file, mode & 0o777);
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function cannot(act: string, path: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === null) return error;
  const isForbidden = code === "EACCES" || code === "EPERM";
  return refused(`Cannot ${act} ${path} (${code})${isForbidden ? ": use sudo" : ""}.`);
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && "syscall" in error ? String(error.code) : null;
}
