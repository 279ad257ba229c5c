import type { CardSeen, ClassicKey, ReadBack, ReadPlan, WritePlan } from "#driver-api";
import type { Antenna, CardAnswer } from "./antenna.js";
import type { Attempt } from "./session.js";

/** MIFARE Classic through the chip (NXP MF1S50YYX_V1, chapter 10). */

type ClassicRead = Extract<ReadPlan, { container: "classic" }>;
type ClassicWrite = Extract<WritePlan, { container: "classic" }>;
type ClassicStep = ClassicWrite["steps"][number];

const AUTHENTICATE = { A: 0x60, B: 0x61 } as const;
const READ = 0x30;
const WRITE = 0xa0;
const BLOCK_BYTES = 16;
/** A card at the edge of the field, or a command lost on the air, gets a second chance. */
const TRIES_MAX = 2;

/** Tries the keys in order. A key counts only when it reads every block of the plan. */
export async function readSector(
  antenna: Antenna,
  card: CardSeen,
  plan: ClassicRead,
  attempt: Attempt,
): Promise<ReadBack> {
  await antenna.select(card.uid, attempt);
  for (const key of plan.keys) {
    const blocks = await readWith(antenna, card, plan.blocks, key, attempt);
    if (blocks !== null) return { container: "classic", opened: key.name, blocks };
  }
  return { container: "classic", opened: null, blocks: new Map() };
}

/** Null when the key does not open the sector, or does not read all of it. */
async function readWith(
  antenna: Antenna,
  card: CardSeen,
  blocks: readonly number[],
  key: ClassicKey,
  attempt: Attempt,
): Promise<ReadonlyMap<number, Uint8Array> | null> {
  for (let tries = 1; ; tries++) {
    const read = await readOnce(antenna, card, blocks, key, attempt);
    if (read instanceof Map) return read;
    await antenna.select(card.uid, attempt);
    if (read.is === "wrong_key") return null;
    if (tries < TRIES_MAX) continue;
    if (read.is === "disturbed") throw badlyPlaced(attempt);
    return null;
  }
}

async function readOnce(
  antenna: Antenna,
  card: CardSeen,
  blocks: readonly number[],
  key: ClassicKey,
  attempt: Attempt,
): Promise<Map<number, Uint8Array> | Exclude<CardAnswer, { is: "ok" }>> {
  const read = new Map<number, Uint8Array>();
  const [first] = blocks;
  if (first === undefined) return read;
  const opened = await authenticate(antenna, card, first, key, attempt);
  if (opened.is !== "ok") return opened;
  for (const block of blocks) {
    const answer = await antenna.exchange([READ, block], attempt);
    if (answer.is !== "ok") return answer;
    if (answer.data.length !== BLOCK_BYTES) return { is: "disturbed" };
    read.set(block, answer.data);
  }
  return read;
}

/** Does the steps in order; the first one that cannot be done is the last one tried. */
export async function writeSector(
  antenna: Antenna,
  card: CardSeen,
  plan: ClassicWrite,
  attempt: Attempt,
): Promise<void> {
  await antenna.select(card.uid, attempt);
  let opened: ClassicKey | null = null;
  for (const step of plan.steps) {
    for (let tries = 1; ; tries++) {
      const answer = await writeOnce(antenna, card, step, opened, attempt);
      if (answer.is === "ok") break;
      opened = null;
      await antenna.select(card.uid, attempt);
      if (answer.is === "disturbed" && tries < TRIES_MAX) continue;
      throw refusal(answer, step, attempt);
    }
    opened = step.key;
  }
}

async function writeOnce(
  antenna: Antenna,
  card: CardSeen,
  { block, data, key }: ClassicStep,
  opened: ClassicKey | null,
  attempt: Attempt,
): Promise<CardAnswer> {
  if (opened === null || !isSameKey(opened, key)) {
    const answer = await authenticate(antenna, card, block, key, attempt);
    if (answer.is !== "ok") return answer;
  }
  return antenna.exchange([WRITE, block, ...data.reveal()], attempt, true);
}

/** The key, then the last four bytes of the UID. */
function authenticate(
  antenna: Antenna,
  card: CardSeen,
  block: number,
  { slot, key }: ClassicKey,
  attempt: Attempt,
): Promise<CardAnswer> {
  const uid = Buffer.from(card.uid, "hex").subarray(-4);
  return antenna.exchange([AUTHENTICATE[slot], block, ...key.reveal(), ...uid], attempt);
}

function isSameKey(a: ClassicKey, b: ClassicKey): boolean {
  return a.slot === b.slot && Buffer.compare(a.key.reveal(), b.key.reveal()) === 0;
}

function refusal(answer: Exclude<CardAnswer, { is: "ok" }>, { block, key }: ClassicStep, attempt: Attempt) {
  if (answer.is === "disturbed") return badlyPlaced(attempt);
  const what = answer.is === "wrong_key" ? `key ${key.name} does not open` : "the card refuses to write";
  return attempt.failure("card.unwritable", `${what} block ${block}`);
}

export function badlyPlaced(attempt: Attempt) {
  return attempt.failure(
    "card.absent",
    "the card cannot be reached where it lies: put it on the middle of the encoder",
  );
}
