import type { Attempt, CardSeen, ClassicKey, ReadBack, ReadPlan, WritePlan } from "#driver-api";
import { badlyPlaced } from "./badly-placed.js";
import type { CardAnswer, ContactlessReader, Failed } from "./reader.js";

/** MIFARE Classic (NXP MF1S50YYX_V1, chapter 10): a plan carried out through a reader. */

type ClassicRead = Extract<ReadPlan, { container: "classic" }>;
type ClassicWrite = Extract<WritePlan, { container: "classic" }>;
type ClassicStep = ClassicWrite["steps"][number];

const BLOCK_BYTES = 16;
/** A card at the edge of the field, or a command lost on the air, gets a second chance. */
const TRIES_MAX = 2;

/** Tries the keys in order. A key counts only when it reads every block of the plan. */
export async function readSector(
  reader: ContactlessReader,
  card: CardSeen,
  plan: ClassicRead,
  attempt: Attempt,
): Promise<ReadBack> {
  await reader.select(card.uid, attempt);
  for (const key of plan.keys) {
    const blocks = await readWith(reader, card, plan.blocks, key, attempt);
    if (blocks !== null) return { container: "classic", opened: key.name, blocks };
  }
  return { container: "classic", opened: null, blocks: new Map() };
}

/** Null when the key does not open the sector, or does not read all of it. */
async function readWith(
  reader: ContactlessReader,
  card: CardSeen,
  blocks: readonly number[],
  key: ClassicKey,
  attempt: Attempt,
): Promise<ReadonlyMap<number, Uint8Array> | null> {
  for (let tries = 1; ; tries++) {
    const read = await readOnce(reader, card, blocks, key, attempt);
    if (read instanceof Map) return read;
    await reader.select(card.uid, attempt);
    if (read.is === "wrong_key") return null;
    if (tries < TRIES_MAX) continue;
    if (read.is === "disturbed") throw badlyPlaced(attempt);
    return null;
  }
}

async function readOnce(
  reader: ContactlessReader,
  card: CardSeen,
  blocks: readonly number[],
  key: ClassicKey,
  attempt: Attempt,
): Promise<Map<number, Uint8Array> | Failed> {
  const read = new Map<number, Uint8Array>();
  const [first] = blocks;
  if (first === undefined) return read;
  const opened = await reader.openBlock(first, key, card.uid, attempt);
  if (opened.is !== "ok") return opened;
  for (const block of blocks) {
    const answer = await reader.readBlock(block, attempt);
    if (answer.is !== "ok") return answer;
    if (answer.data.length !== BLOCK_BYTES) return { is: "disturbed" };
    read.set(block, answer.data);
  }
  return read;
}

/** Does the steps in order; the first one that cannot be done is the last one tried. */
export async function writeSector(
  reader: ContactlessReader,
  card: CardSeen,
  plan: ClassicWrite,
  attempt: Attempt,
): Promise<void> {
  await reader.select(card.uid, attempt);
  let opened: ClassicKey | null = null;
  for (const step of plan.steps) {
    for (let tries = 1; ; tries++) {
      const answer = await writeOnce(reader, card, step, opened, attempt);
      if (answer.is === "ok") break;
      opened = null;
      await reader.select(card.uid, attempt);
      if (answer.is === "disturbed" && tries < TRIES_MAX) continue;
      throw refusal(answer, step, attempt);
    }
    opened = step.key;
  }
}

async function writeOnce(
  reader: ContactlessReader,
  card: CardSeen,
  { block, data, key }: ClassicStep,
  opened: ClassicKey | null,
  attempt: Attempt,
): Promise<CardAnswer> {
  if (opened === null || !isSameKey(opened, key)) {
    const answer = await reader.openBlock(block, key, card.uid, attempt);
    if (answer.is !== "ok") return answer;
  }
  return reader.writeBlock(block, data, attempt);
}

function isSameKey(a: ClassicKey, b: ClassicKey): boolean {
  return a.slot === b.slot && Buffer.compare(a.key.reveal(), b.key.reveal()) === 0;
}

function refusal(answer: Failed, { block, key }: ClassicStep, attempt: Attempt) {
  if (answer.is === "disturbed") return badlyPlaced(attempt);
  const what = answer.is === "wrong_key" ? `key ${key.name} does not open` : "the card refuses to write";
  return attempt.failure("card.unwritable", `${what} block ${block}`);
}
