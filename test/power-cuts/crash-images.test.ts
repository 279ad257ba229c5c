import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { openStore } from "#src/store/store";
import { type Dice, diceOf } from "#test/support/card-world";
import { Disk, type DiskEvent, diskEvents, type Fate, type Fates, type Image } from "./disk.js";
import { readTrace, tracing } from "./syscalls.js";
import { untilFound } from "./waiting.js";

const support = fileURLToPath(new URL("../support", import.meta.url));
const careless = fileURLToPath(new URL("careless-sqlite.mjs", import.meta.url));
const SEED = Number(process.env["POWER_CUT_SEED"] ?? randomInt(1_000_000));
/** Enough for the log to be copied back into the database and begun anew. */
const OPERATIONS = 130;
const IMAGES_MIN = 2_000;
const LIMIT_MS = 200_000;
const CALLS = ["pwrite64", "ftruncate", "fdatasync", "fsync", "write"];
const BYTES_MAX = 8_192;

const FATES = ["kept", "dropped", "zeroed", "garbled"] as const satisfies Fate[];

/** What may become of everything that was not synced. */
const FIXED_DAMAGES: Readonly<Record<string, Fates>> = {
  "all dropped": () => "dropped",
  "all kept": () => "kept",
  "all zeroed": () => "zeroed",
  "all garbled": () => "garbled",
};
/** The same by chance, so each is done several times. */
const CHANCE_DAMAGES: Readonly<Record<string, (dice: Dice) => Fates>> = {
  "an end dropped": (dice) => {
    const share = dice(1_000) / 1_000;
    return (index, count) => (index < share * count ? "kept" : "dropped");
  },
  "a beginning dropped": (dice) => {
    const share = dice(1_000) / 1_000;
    return (index, count) => (index < share * count ? "dropped" : "kept");
  },
  "one sector garbled": (dice) => {
    const share = dice(1_000) / 1_000;
    return (index, count) => (index === Math.floor(share * count) ? "garbled" : "kept");
  },
  "kept or dropped": (dice) => () => (dice(2) === 0 ? "kept" : "dropped"),
  anything: (dice) => () => FATES[dice(FATES.length)] ?? "kept",
};
const CHANCES = 3;

function damagesBy(dice: Dice): readonly (readonly [string, Fates])[] {
  const byChance = Object.entries(CHANCE_DAMAGES).flatMap(([name, fates]) =>
    Array.from({ length: CHANCES }, () => [name, fates(dice)] as const),
  );
  return [...Object.entries(FIXED_DAMAGES), ...byChance];
}

test(
  "after a cut at any sync, whatever becomes of unsynced sectors, all that was promised is there",
  { timeout: LIMIT_MS },
  async () => {
    const recording = await record();
    // The log was copied back into the database in this time, so that both files were cut amid their writes.
    expect(recording.events.some((event) => event.is === "write" && event.file === "store.db")).toBe(true);
    const { images, faults } = await replay(recording);
    process.stderr.write(`crash images: ${images}\n`);
    expect(faults).toEqual([]);
    expect(images).toBeGreaterThanOrEqual(IMAGES_MIN);
  },
);

test.each([
  ["NORMAL", "1"],
  ["OFF", "0"],
])("with synchronous = %s the same replay finds losses", { timeout: LIMIT_MS }, async (_, level) => {
  const { images, faults } = await replay(await record(level));
  process.stderr.write(`crash images, careless: ${faults.length} of ${images} are at fault\n`);
  expect(faults.length).toBeGreaterThan(0);
});

interface Recording {
  /** Files before the first event. */
  readonly base: ReadonlyMap<string, Buffer>;
  readonly events: readonly DiskEvent[];
}

const sealingKey = new Secret(new Uint8Array(32).fill(7));

function open(path: string) {
  return openStore({
    path,
    sealingKey,
    random: (size) => new Uint8Array(Buffer.alloc(size, 1)),
    onFatal(error) {
      throw error;
    },
  });
}

/** Runs the store's writer under strace until it has promised enough, and kills it. */
async function record(carelessLevel?: string): Promise<Recording> {
  const folder = temporary(tmpdir());
  const traceFile = join(temporary(tmpdir()), "trace");
  const path = join(folder, "store.db");
  open(path).close();
  const base = new Map([["store.db", readFileSync(path)]]);

  const hooks = ["--conditions=source", "--import", join(support, "typescript-hooks.mjs")];
  const patch = carelessLevel === undefined ? [] : ["--import", careless];
  const node = [process.execPath, ...hooks, ...patch, join(support, "store-writer.ts"), path];
  const [program = "", ...words] = [
    ...tracing({ file: traceFile, calls: CALLS, bytesMax: BYTES_MAX }),
    ...node,
  ];
  const writer = spawn(program, words, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, CARELESS_SYNCHRONOUS: carelessLevel },
  });
  onTestFinished(() => void writer.kill("SIGKILL"));
  for await (const line of createInterface({ input: writer.stdout })) {
    if (line === `wrote ${OPERATIONS}`) writer.kill("SIGKILL");
  }
  const calls = await untilFound(LIMIT_MS, "strace has written all", () =>
    readTrace(traceFile, writer.pid ?? 0),
  );
  return { base, events: diskEvents(calls, folder) };
}

/** Opens every image of every instant. Answers what was wrong with which. */
async function replay({ base, events }: Recording): Promise<{ images: number; faults: string[] }> {
  const dice = diceOf(SEED);
  // In memory where there is such a place: it is the reading that is tested here.
  const folder = temporary(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  const faults: string[] = [];
  let images = 0;
  for (const instant of new Disk(base).play(events)) {
    for (const [damage, fates] of damagesBy(dice)) {
      const fault = faultOf(folder, instant.image(fates, dice), instant.promised);
      if (fault !== null) faults.push(`seed ${SEED}, promised ${instant.promised}, ${damage}: ${fault}`);
      images++;
    }
    await new Promise(setImmediate);
  }
  return { images, faults };
}

/** Opening a store checks the file (quick_check); then all that was promised must be there, and nothing by halves. */
function faultOf(folder: string, image: Image, promised: number): string | null {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  for (const [name, content] of image) {
    if (content !== null) writeFileSync(join(folder, name), content, { mode: 0o600 });
  }
  try {
    const store = open(join(folder, "store.db"));
    try {
      const written = store.journal.lastSeq();
      if (written < promised) return `only ${written} are left`;
      if (store.journal.verifyChain() !== undefined) return "the journal's chain is broken";
      if (store.objects.count("acs_credential") !== written) return "objects and journal differ";
      if ((store.meta.get("written") ?? 0) !== written) return "meta and journal differ";
      if (store.wakeups.due(written, written + 1).length !== written) return "wake-ups and journal differ";
      const last = written === 0 ? undefined : store.objects.get("acs_credential", `c${written}`);
      if (written > 0 && last?.code?.reveal() !== String(100_000 + written)) return "the last PIN is another";
      return null;
    } finally {
      store.close();
    }
  } catch (error) {
    return `it does not open: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function temporary(parent: string): string {
  const folder = mkdtempSync(join(parent, "lockbridge-image-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
