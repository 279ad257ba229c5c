import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DesfireKey, DesfireStep, ReadPlan } from "#driver-api";
import { toHex } from "#src/lib/hex";
import { CARDS, Desk } from "./desk.js";
import { median, print, round } from "./figures.js";
import { openPacedLine } from "./paced-line.js";

/**
 * Making a new DESFire card the site's own and reading it back, on the same simulated PN532 at 115200 baud: the very steps
 * of our plan through libfreefare from C, and ours, turn by turn, each from opening the port to closing it. The second
 * row is what a desk does: it also looks at the card before. Below 1 means that ours is faster.
 */
const ROUNDS = Number(process.argv[2] ?? 5);
const folder = mkdtempSync(join(tmpdir(), "lockbridge-bench-"));

function compile(): string {
  const program = join(folder, "desfire-card");
  const source = join(import.meta.dirname, "../test/peers/desfire-card.c");
  const { status } = spawnSync("gcc", ["-O2", source, "-o", program, "-lfreefare", "-lnfc"], {
    stdio: "inherit",
  });
  if (status !== 0)
    throw new Error("it takes gcc, libnfc-dev and libfreefare-dev: node scripts/setup.mjs test");
  return program;
}

const hex = (value: number) => value.toString(16);
const secret = ({ key }: DesfireKey) => toHex(key.reveal());
/** libfreefare takes an application's id high byte first. */
const idOf = (sent: string) => Buffer.from(sent, "hex").reverse().toString("hex");

function wordsOf(step: DesfireStep): string[] {
  switch (step.do) {
    case "select":
      return ["select", idOf(step.application)];
    case "authenticate":
      return [step.key.cipher, hex(step.key.number), secret(step.key)];
    case "changeKey": {
      const { from, to } = step;
      // The program makes both keys of one cipher; of a key that is the session's own the old one is not used.
      const old = from.cipher === to.cipher ? secret(from) : "00".repeat(16);
      return ["change", hex(to.number), to.cipher, secret(to), hex(to.version), old];
    }
    case "changeSettings":
      return ["settings", hex(step.settings)];
    case "createApplication":
      return ["create", idOf(step.application), hex(step.settings), hex(step.keys)];
    case "createBackupFile":
      return ["backup", hex(step.file), hex(step.rights), hex(step.size)];
    case "write":
      return ["write", hex(step.file), toHex(step.data.reveal())];
    case "commit":
      return ["commit"];
    case "format":
      throw new Error("a new card is not formatted");
  }
}

function readingWords(plan: Extract<ReadPlan, { container: "desfire" }>): string[] {
  const [key] = plan.readKeys;
  if (key === undefined) throw new Error("the plan has no key to read with");
  return [
    "select",
    idOf(plan.application),
    "aes",
    hex(key.number),
    secret(key),
    "read",
    hex(plan.file),
    hex(plan.size),
  ];
}

async function elapsed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

const profile = CARDS.desfire;
const program = compile();
const line = await openPacedLine("pn532/desfire");
const asDesk = async <T>(work: (desk: Desk) => Promise<T>): Promise<T> => {
  const desk = await Desk.open(line.path, { profile });
  try {
    return await work(desk);
  } finally {
    await desk.close();
  }
};
const planned = await asDesk((desk) => desk.plan());
const { plan, verifying } = planned;
if (plan.container !== "desfire" || verifying.container !== "desfire")
  throw new Error("it is no DESFire plan");
const words = [...plan.steps.flatMap(wordsOf), ...readingWords(verifying)];
const theirs: number[] = [];
const same: number[] = [];
const whole: number[] = [];
for (let turn = 0; turn < ROUNDS; turn++) {
  const env = { ...process.env, LIBNFC_DEVICE: `pn532_uart:${line.path}`, LIBNFC_LOG_LEVEL: "0" };
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(program, words, { env, encoding: "utf8" });
  theirs.push(performance.now() - begun);
  if (status !== 0) throw new Error(`libfreefare could not do it: ${stdout}${stderr}`);
  await asDesk((desk) => desk.erase());
  for (const [taken, work] of [
    [same, (desk: Desk) => desk.carryOut(planned)],
    [whole, (desk: Desk) => desk.encode()],
  ] as const) {
    taken.push(await elapsed(() => asDesk(work)));
    await asDesk((desk) => desk.erase());
  }
}
await line.close();
rmSync(folder, { recursive: true });
const row = (what: string, ours: readonly number[]) => ({
  what,
  steps: plan.steps.length,
  libfreefare_ms: round(median(theirs)),
  ours_ms: round(median(ours)),
  ours_to_libfreefare: round(median(ours) / median(theirs)),
  best_to_best: round(Math.min(...ours) / Math.min(...theirs)),
});
print("desfire", [row("the same steps, and read back", same), row("the same, and looked at before", whole)]);
