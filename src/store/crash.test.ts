import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { tempDir, tempStore } from "#test/support/temp-store";

const support = fileURLToPath(new URL("../../test/support", import.meta.url));
const ROUNDS = 20;
const ACKNOWLEDGED_MAX = 20;
const LIMIT_MS = 120_000;

/** Starts the writer; `limit` is shell that comes before it. */
function startWriter(path: string, limit = ":"): ChildProcess & { readonly stdout: NodeJS.ReadableStream } {
  const node = [process.execPath, "--conditions=source", "--import", join(support, "typescript-hooks.mjs")];
  const command = [...node, join(support, "store-writer.ts"), path];
  const writer = spawn("sh", ["-c", `${limit}; exec "$@"`, "sh", ...command], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void writer.kill("SIGKILL"));
  return writer;
}

/** What a store says after its writer ended at any point: all that was acknowledged, and nothing by halves. */
function expectWhole(path: string, acknowledged: number): number {
  const store = tempStore({ path, sealingKey: new Secret(new Uint8Array(32).fill(7)) });
  const written = store.journal.lastSeq();
  expect(written).toBeGreaterThanOrEqual(acknowledged);
  expect(store.journal.verifyChain()).toBeUndefined();
  expect(store.objects.count("acs_credential")).toBe(written);
  expect(store.meta.get("written")).toBe(written === 0 ? undefined : written);
  expect(store.wakeups.due(written, written + 1)).toHaveLength(written);
  if (written > 0) {
    const last = store.objects.get("acs_credential", `c${written}`);
    expect(last?.code?.reveal()).toBe(String(100_000 + written));
  }
  store.close();
  return written;
}

test(`every acknowledged change outlives kill -9, ${ROUNDS} times`, { timeout: LIMIT_MS }, async () => {
  const path = join(tempDir(), "store.db");
  let written = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const writer = startWriter(path);
    const gone = once(writer, "exit");
    const killAt = (round * 7) % ACKNOWLEDGED_MAX;
    let acknowledged = written;
    let lines = 0;
    for await (const line of createInterface({ input: writer.stdout })) {
      if (line.startsWith("wrote ")) acknowledged = Number(line.slice("wrote ".length));
      if (lines === killAt) writer.kill("SIGKILL");
      lines += 1;
    }
    expect(await gone).toEqual([null, "SIGKILL"]);
    expect(acknowledged - written).toBeGreaterThanOrEqual(Math.max(0, killAt - 1));
    written = expectWhole(path, acknowledged);
  }
});

test(
  "a disk that fails a write ends the writer at once and loses nothing that was acknowledged",
  { timeout: LIMIT_MS },
  async () => {
    const path = join(tempDir(), "store.db");
    // No file may grow past 1 MB, and the signal that says so is off: write(2) then fails with EFBIG.
    const writer = startWriter(path, `trap "" XFSZ; ulimit -f 2048`);
    const gone = once(writer, "exit");
    const lines: string[] = [];
    for await (const line of createInterface({ input: writer.stdout })) lines.push(line);
    expect(await gone).toEqual([0, null]);
    expect(lines.at(-1)).toBe("failed io later io fatal 1");
    const acknowledged = Number(lines.at(-2)?.slice("wrote ".length));
    expect(acknowledged).toBeGreaterThan(0);
    expect(expectWhole(path, acknowledged)).toBe(acknowledged);
  },
);
