import { randomBytes } from "node:crypto";
import type { Attempt, CardSeen, DesfireStep, ReadBack, WritePlan } from "#driver-api";
import { badlyPlaced } from "./badly-placed.js";
import { DesfireRefusal, type Dialogue } from "./desfire/apdu.js";
import {
  type DesfireRead,
  isDesfireWithAes,
  nothingOpened,
  readDialogue,
  stepDialogue,
} from "./desfire/dialogues.js";
import { DesfireSession } from "./desfire/session.js";
import type { ContactlessReader } from "./reader.js";

/** MIFARE DESFire EV1 and later: a plan carried out through a reader that passes APDUs on. */

type DesfireWrite = Extract<WritePlan, { container: "desfire" }>;

const TRIES_MAX = 2;

type Carried<T> =
  | { readonly is: "ok"; readonly value: T }
  /** The card's own words for no. */
  | { readonly is: "refused"; readonly status: number }
  /** Nobody knows what the card said, if it said anything. */
  | { readonly is: "disturbed" };

/** Is the selected card one that takes AES keys and shows its own UID? */
export async function isDesfire(reader: ContactlessReader, uid: string, attempt: Attempt): Promise<boolean> {
  const outcome = await carry(reader, isDesfireWithAes(uid), attempt);
  return outcome.is === "ok" && outcome.value;
}

export async function readFile(
  reader: ContactlessReader,
  card: CardSeen,
  plan: DesfireRead,
  attempt: Attempt,
): Promise<ReadBack> {
  for (let tries = 1; ; tries++) {
    await selectFresh(reader, card, attempt);
    const outcome = await carry(reader, readDialogue(new DesfireSession(randomBytes), plan), attempt);
    if (outcome.is === "ok") return outcome.value;
    if (outcome.is === "refused") return nothingOpened();
    if (tries < TRIES_MAX) continue;
    await selectFresh(reader, card, attempt);
    throw badlyPlaced(attempt);
  }
}

/** Does the steps in order; the first one that cannot be done is the last one tried. */
export async function writeFile(
  reader: ContactlessReader,
  card: CardSeen,
  { steps }: DesfireWrite,
  attempt: Attempt,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    await selectFresh(reader, card, attempt);
    const failed = await carryOut(reader, steps, attempt);
    if (failed === null) return;
    // What only asked the card may be said again. A session cannot be taken up where it was broken off.
    if (failed.outcome.is === "disturbed" && attempt.effect === "none" && tries < TRIES_MAX) continue;
    await selectFresh(reader, card, attempt);
    throw refusal(failed, attempt);
  }
}

interface FailedStep {
  readonly step: DesfireStep;
  readonly outcome: Exclude<Carried<void>, { is: "ok" }>;
}

async function carryOut(
  reader: ContactlessReader,
  steps: readonly DesfireStep[],
  attempt: Attempt,
): Promise<FailedStep | null> {
  const session = new DesfireSession(randomBytes);
  for (const step of steps) {
    const outcome = await carry(reader, stepDialogue(session, step), attempt);
    if (outcome.is !== "ok") return { step, outcome };
  }
  return null;
}

async function carry<T>(
  reader: ContactlessReader,
  dialogue: Dialogue<T>,
  attempt: Attempt,
): Promise<Carried<T>> {
  try {
    let turn = dialogue.next();
    while (turn.done !== true) {
      const { apdu, changesCard } = turn.value;
      const answer = await reader.apdu(apdu, changesCard, attempt);
      if (answer.is !== "ok") return { is: "disturbed" };
      turn = dialogue.next(answer.data);
    }
    return { is: "ok", value: turn.value };
  } catch (error) {
    if (!(error instanceof DesfireRefusal)) throw error;
    return error.status === "damaged" ? { is: "disturbed" } : { is: "refused", status: error.status };
  }
}

/** A card that speaks ISO/IEC 14443-4 does not hear that it is looked for until the field was off. */
async function selectFresh(reader: ContactlessReader, { uid }: CardSeen, attempt: Attempt): Promise<void> {
  await reader.fieldOff(attempt);
  await reader.select(uid, attempt);
}

function refusal({ step, outcome }: FailedStep, attempt: Attempt) {
  if (outcome.is === "disturbed") return badlyPlaced(attempt);
  const status = outcome.status.toString(16).padStart(2, "0");
  const what =
    step.do === "authenticate"
      ? `key ${step.key.name} does not open the card`
      : `the card refuses ${inWords(step)}`;
  return attempt.failure("card.unwritable", `${what} (status ${status})`);
}

function inWords(step: DesfireStep): string {
  switch (step.do) {
    case "select":
      return `to select application ${step.application}`;
    case "authenticate":
      return `key ${step.key.name}`;
    case "format":
      return "to be formatted";
    case "changeKey":
      return `a new key ${step.to.number}`;
    case "changeSettings":
      return "new settings";
    case "createApplication":
      return `to make application ${step.application}`;
    case "createBackupFile":
      return `to make file ${step.file}`;
    case "write":
      return `to write file ${step.file}`;
    case "commit":
      return "to keep what was written";
  }
}
