import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CardSeen, ReadPlan } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { Desk } from "./desk.js";
import { median, print, round } from "./figures.js";
import { openPacedLine } from "./paced-line.js";

/**
 * Reading the same blocks of the same card on the same simulated PN532 at 115200 baud: libnfc's and libfreefare's way
 * against ours, turn by turn. Over 1 means that ours is faster.
 */
const ROUNDS = Number(process.argv[2] ?? 5);
const SECTOR = 1;
const SECTOR_READS = 20;
const SECTORS = 16;
const BLOCKS_IN_SECTOR = 4;
const NTAG213_PAGES = 45;

const call = { signal: new AbortController().signal };
const transport = { name: "transport", slot: "A", key: new Secret(new Uint8Array(6).fill(0xff)) } as const;

const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));

/** Runs a program against the simulated chip; returns what it printed and the milliseconds it took. */
function run(port: string, program: string, ...words: readonly string[]) {
  const env = { ...process.env, LIBNFC_DEVICE: `pn532_uart:${port}`, LIBNFC_LOG_LEVEL: "0" };
  const begun = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, words, { env, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`, { cause: error });
  return { stdout, ms: performance.now() - begun };
}

function compileSectorReads(): string {
  const program = join(folder, "sector-reads");
  const source = join(import.meta.dirname, "sector-reads.c");
  const { status } = spawnSync("gcc", ["-O2", source, "-o", program, "-lfreefare", "-lnfc"], {
    stdio: "inherit",
  });
  if (status !== 0)
    throw new Error("it takes gcc, libnfc-dev and libfreefare-dev: node scripts/setup.mjs test");
  return program;
}

const sectorPlan = (sector: number): ReadPlan => ({
  container: "classic",
  sector,
  blocks: Array.from({ length: BLOCKS_IN_SECTOR }, (_, index) => sector * BLOCKS_IN_SECTOR + index),
  keys: [transport],
});

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Select, open, read four blocks, again and again: what a desk does with a card. */
async function sectorReads() {
  const program = compileSectorReads();
  const line = await openPacedLine("pn532/classic");
  const theirs: number[] = [];
  const ours: number[] = [];
  for (let turn = 0; turn < ROUNDS; turn++) {
    theirs.push(Number(run(line.path, program, String(SECTOR), String(SECTOR_READS)).stdout));
    const desk = await Desk.open(line.path);
    const card = await desk.writer.present(call);
    const readAll = async () => {
      for (let times = 0; times < SECTOR_READS; times++) await read(desk, card, sectorPlan(SECTOR));
    };
    ours.push(await elapsed(readAll));
    await desk.close();
  }
  await line.close();
  return row("one sector, libfreefare in C", SECTOR_READS * BLOCKS_IN_SECTOR, theirs, ours);
}

/** A tool from its start to its end against ours from opening the port to closing it. */
async function wholeCard(
  what: string,
  device: "classic" | "ntag",
  blocks: number,
  tool: readonly [string, ...string[]],
  plans: readonly ReadPlan[],
) {
  const line = await openPacedLine(`pn532/${device}`);
  const theirs: number[] = [];
  const ours: number[] = [];
  for (let turn = 0; turn < ROUNDS; turn++) {
    const { stdout, ms } = run(line.path, ...tool);
    if (!stdout.includes(`${blocks} of ${blocks}`))
      throw new Error(`${tool[0]} did not read everything: ${stdout}`);
    theirs.push(ms);
    const readAll = async () => {
      const desk = await Desk.open(line.path);
      const card = await desk.writer.present(call);
      for (const plan of plans) await read(desk, card, plan);
      await desk.close();
    };
    ours.push(await elapsed(readAll));
  }
  await line.close();
  return row(what, blocks, theirs, ours);
}

async function read(desk: Desk, card: CardSeen, plan: ReadPlan): Promise<void> {
  const { opened } = await desk.writer.read(card, plan, call);
  if (opened === null) throw new Error("the card did not open");
}

function row(what: string, blocks: number, theirs: readonly number[], ours: readonly number[]) {
  const perSecond = (ms: number) => round((blocks * 1_000) / ms, 1);
  return {
    what,
    blocks,
    libnfc_per_second: perSecond(median(theirs)),
    ours_per_second: perSecond(median(ours)),
    ours_to_libnfc: round(median(theirs) / median(ours)),
    best_to_best: round(Math.min(...theirs) / Math.min(...ours)),
  };
}

const dump = join(folder, "dump.mfd");
const allSectors = Array.from({ length: SECTORS }, (_, sector) => sectorPlan(sector));
const allPages: ReadPlan = {
  container: "ntag",
  ranges: [{ first: 0, last: NTAG213_PAGES - 1 }],
  passwords: [],
};
print("pn532-read", [
  await sectorReads(),
  await wholeCard(
    "a whole Classic 1K, nfc-mfclassic",
    "classic",
    64,
    ["nfc-mfclassic", "r", "a", "u", dump],
    allSectors,
  ),
  await wholeCard(
    "a whole NTAG213, nfc-mfultralight",
    "ntag",
    45,
    ["nfc-mfultralight", "r", dump],
    [allPages],
  ),
]);
rmSync(folder, { recursive: true });
