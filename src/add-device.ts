import {
  closeSync,
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
import { checkConfig } from "#src/check-config";
import type { AddedToConfig, DeviceToAdd } from "#src/cli/context";
import { refused } from "#src/cli/exit-codes";
import { addDevice } from "#src/config/add-device";
import type { Environment } from "#src/config/references";

/**
 * Writes one device more into the configuration at `path`. The file changes as a whole or not at all, keeps its owner
 * and mode, and is not touched when what would come out is wrong. Throws `CliError`.
 */
export async function addDeviceTo(
  path: string,
  device: DeviceToAdd,
  env: Environment,
): Promise<AddedToConfig> {
  const added = addDevice(read(path), device);
  if (!added.ok) throw refused(`${path}: ${added.message}`);
  const draft = `${path}.new`;
  try {
    writeLike(path, draft, added.text);
    const { problems } = await checkConfig(draft, env);
    if (problems.length > 0) {
      const list = problems.map(({ line, message }) => `  line ${line}: ${message}`).join("\n");
      throw refused(`${path} is not changed, because it would be wrong then:\n${list}`);
    }
    renameSync(draft, path);
    return { path, encoderOf: added.encoderOf };
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
  return code === null ? error : refused(`Cannot ${act} ${path} (${code}).`);
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error && "syscall" in error ? String(error.code) : null;
}
