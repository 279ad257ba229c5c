import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { tempDir } from "#test/support/temp-store";
import { loadSealingKey } from "./sealing-key.js";

const wrongKey = expect.objectContaining({ name: "StoreError", code: "wrong_key" }) as Error;
const hex = "0123456789abcdef".repeat(4);

test("a new store gets a new private key, and keeps it", () => {
  const stateDir = tempDir();
  const load = (storeExists: boolean) =>
    loadSealingKey({ credentialsDirectory: undefined, stateDir, storeExists }).reveal();
  const key = load(false);
  expect(key).toHaveLength(32);
  expect(readdirSync(stateDir)).toEqual(["seal.key"]);
  expect(statSync(join(stateDir, "seal.key")).mode & 0o777).toBe(0o600);
  expect(load(false)).toEqual(key);
  expect(load(true)).toEqual(key);
});

test("no key is made beside an existing store", () => {
  const options = { credentialsDirectory: undefined, stateDir: tempDir(), storeExists: true };
  expect(() => loadSealingKey(options)).toThrow(wrongKey);
  expect(() => loadSealingKey(options)).toThrow(/Put the key back/);
  expect(readdirSync(options.stateDir)).toEqual([]);
});

test("the systemd credential comes first, as hex or as bytes; without one the file serves", () => {
  const [credentialsDirectory, stateDir] = [tempDir(), tempDir()];
  const options = { credentialsDirectory, stateDir, storeExists: false };
  const own = loadSealingKey(options).reveal();
  writeFileSync(join(credentialsDirectory, "seal-key"), `${hex}\n`);
  expect(Buffer.from(loadSealingKey(options).reveal()).toString("hex")).toBe(hex);
  writeFileSync(join(credentialsDirectory, "seal-key"), Buffer.from(hex, "hex"));
  expect(Buffer.from(loadSealingKey(options).reveal()).toString("hex")).toBe(hex);
  expect(Buffer.from(own).toString("hex")).not.toBe(hex);
});

test.each(["", "short", "g".repeat(64), `${hex}00`])(
  "a key file that holds %j is refused unprinted",
  (content) => {
    const stateDir = tempDir();
    const path = join(stateDir, "seal.key");
    writeFileSync(path, content, { mode: 0o600 });
    const load = () => loadSealingKey({ credentialsDirectory: undefined, stateDir, storeExists: false });
    expect(load).toThrow(wrongKey);
    expect(load).toThrow(path);
    try {
      load();
    } catch (error) {
      if (content.length > 0) expect(inspect(error)).not.toContain(content);
    }
    expect(readFileSync(path, "utf8")).toBe(content);
  },
);

test("a key that others can read is refused, with the command that helps", () => {
  const stateDir = tempDir();
  const options = { credentialsDirectory: undefined, stateDir, storeExists: false };
  loadSealingKey(options);
  chmodSync(join(stateDir, "seal.key"), 0o640);
  expect(() => loadSealingKey(options)).toThrow(/chmod 600/);
  chmodSync(join(stateDir, "seal.key"), 0o600);
  expect(() => loadSealingKey(options)).not.toThrow();
});

test("an unreadable or unwritable place is named", () => {
  const stateDir = join(tempDir(), "missing");
  const options = { credentialsDirectory: undefined, stateDir, storeExists: false };
  expect(() => loadSealingKey(options)).toThrow(/cannot be written \(ENOENT\)/);
  mkdirSync(join(stateDir, "seal.key"), { recursive: true });
  expect(() => loadSealingKey(options)).toThrow(/cannot be read \(EISDIR\)/);
});
