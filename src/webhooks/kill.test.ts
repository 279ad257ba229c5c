import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { ACCEPT, type Receiver, startReceiver } from "#test/support/receiver";
import { tempDir } from "#test/support/temp-store";

const support = fileURLToPath(new URL("../../test/support", import.meta.url));
const ROUNDS = 6;
const EVENTS = 12;

/** Runs the writer until `isEnough` says so, and kills it. Answers how many events it said are stored. */
async function runAndKill(
  path: string,
  receiver: Receiver,
  count: number,
  isEnough: (stored: number) => boolean,
): Promise<number> {
  const words = ["--conditions=source", "--import", join(support, "typescript-hooks.mjs")];
  const writer = spawn(
    process.execPath,
    [...words, join(support, "webhook-writer.ts"), path, receiver.url, String(count)],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  onTestFinished(() => void writer.kill("SIGKILL"));
  const gone = once(writer, "exit");
  let stored = 0;
  const look = setInterval(() => isEnough(stored) && writer.kill("SIGKILL"), 2);
  for await (const line of createInterface({ input: writer.stdout })) stored = Number(line.split(" ")[1]);
  await gone;
  clearInterval(look);
  return stored;
}

test(
  `every stored event reaches its receiver and in order, through kill -9 ${ROUNDS} times`,
  { timeout: 120_000 },
  async () => {
    const path = join(tempDir(), "store.db");
    // Refuses now and then, so that what waits for its next try is killed too.
    const receiver = await startReceiver((n, response) => {
      response.writeHead(n % 7 === 0 ? 500 : 200).end();
    });
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = receiver.received.length;
      await runAndKill(path, receiver, EVENTS, () => receiver.received.length >= before + 3 + round);
    }
    receiver.behave(ACCEPT);
    const distinct = () => new Set(receiver.ids).size;
    const stored = await runAndKill(path, receiver, 0, (known) => known > 0 && distinct() >= known);
    expect(stored).toBeGreaterThan(ROUNDS);
    const all = Array.from({ length: stored }, (_, n) => String(n + 1));
    expect([...new Set(receiver.ids)]).toEqual(all);
  },
);
