import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Secret } from "#src/lib/secret";
import { SEALING_KEY_BYTES } from "./sealer.js";
import { StoreError } from "./store-error.js";

export interface SealingKeyOptions {
  /** Where systemd puts what `LoadCredential=` names; undefined when the unit loads none. */
  readonly credentialsDirectory: string | undefined;
  readonly stateDir: string;
  /** Does the store's file exist already? A key is made only for a new store. */
  readonly storeExists: boolean;
}

const CREDENTIAL_NAME = "seal-key";
const FILE_NAME = "seal.key";

/**
 * The key that seals the store's secrets: the systemd credential `seal-key` if there is one, else
 * `<stateDir>/seal.key`, which is made (mode 0600) together with a new store and never again: a new key beside an old
 * store would only hide that the old secrets are lost. Either file holds 64 hex digits or 32 raw bytes.
 *
 * Call it before `openStore`: the key is durable before the first secret is. Throws StoreError `wrong_key` or `io`.
 */
export function loadSealingKey({
  credentialsDirectory,
  stateDir,
  storeExists,
}: SealingKeyOptions): Secret<Uint8Array> {
  if (credentialsDirectory !== undefined) {
    const path = join(credentialsDirectory, CREDENTIAL_NAME);
    const bytes = readIfThere(path);
    if (bytes !== undefined) return parseKey(bytes, path);
  }
  const path = join(stateDir, FILE_NAME);
  const bytes = readIfThere(path);
  if (bytes === undefined) {
    if (storeExists) throw missing(path);
    createKey(stateDir, path);
    return parseKey(readIfThere(path) ?? new Uint8Array(), path);
  }
  refuseOpenMode(path);
  return parseKey(bytes, path);
}

/**
 * The key gets its name only when it is whole and on disk, and only if that name is free: of two daemons that start
 * at once both then read the same key.
 */
function createKey(stateDir: string, path: string): void {
  const draft = join(stateDir, `${FILE_NAME}.${randomBytes(6).toString("hex")}`);
  try {
    writeFileSync(draft, `${randomBytes(SEALING_KEY_BYTES).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
    syncToDisk(draft);
    try {
      linkSync(draft, path);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw error;
    } finally {
      unlinkSync(draft);
    }
    syncToDisk(stateDir);
  } catch (error) {
    throw new StoreError(
      "io",
      `The sealing key ${path} cannot be written (${codeOf(error)}). Check that the directory exists, belongs to the daemon's user and has room.`,
      error,
    );
  }
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new StoreError(
      "wrong_key",
      `The sealing key ${path} cannot be read (${codeOf(error)}). Make it readable for the daemon's user.`,
      error,
    );
  }
}

function parseKey(bytes: Uint8Array, path: string): Secret<Uint8Array> {
  if (bytes.length === SEALING_KEY_BYTES) return new Secret(Uint8Array.from(bytes));
  const text = Buffer.from(bytes).toString("latin1").trim();
  if (!/^[0-9a-f]{64}$/i.test(text))
    throw new StoreError(
      "wrong_key",
      `The sealing key ${path} is neither 64 hex digits nor ${SEALING_KEY_BYTES} bytes. Put the key there that was made with this store; a backup holds it.`,
    );
  return new Secret(Uint8Array.from(Buffer.from(text, "hex")));
}

function refuseOpenMode(path: string): void {
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0)
    throw new StoreError(
      "wrong_key",
      `The sealing key ${path} can be read by others (mode ${mode.toString(8)}). Run: chmod 600 ${path}`,
    );
}

function missing(path: string): StoreError {
  return new StoreError(
    "wrong_key",
    `The store exists but its sealing key ${path} does not. Put the key back (a backup holds it), or load it as the systemd credential "${CREDENTIAL_NAME}".`,
  );
}

function syncToDisk(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
