import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { CardSeen, ReadBack, ReadPlan } from "#driver-api";
import type { Dialogue } from "#src/contactless/desfire/apdu";
import { readDialogue, stepDialogue } from "#src/contactless/desfire/dialogues";
import { DesfireSession } from "#src/contactless/desfire/session";
import { toHex } from "#src/lib/hex";
import { DesfireCard } from "#src/sandbox/cards/desfire";
import { type DesfireApplication, type DesfireFile, zeroKey } from "#src/sandbox/cards/desfire-memory";
import type { ModelCard, Step } from "./model-cards.js";

const APPLICATION = "0020f5";
const FILE = 1;

/** The simulated DESFire card without a reader: plans reach it APDU by APDU. */
export class ModelDesfire implements ModelCard {
  readonly card: CardSeen;
  readonly chip: DesfireCard;
  #session = new DesfireSession(randomBytes);

  constructor(chip = new DesfireCard({ uid: Uint8Array.of(0x04, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66) })) {
    this.chip = chip;
    this.card = { uid: toHex(chip.uid), technology: "mifare_desfire" };
    this.powerCycle();
  }

  read(plan: ReadPlan): ReadBack {
    assert(plan.container === "desfire");
    this.powerCycle();
    return this.play(readDialogue(this.#session, plan));
  }

  apply(step: Step): void {
    this.play(this.dialogueOf(step));
  }

  dialogueOf(step: Step): Dialogue<void> {
    assert("do" in step && step.do !== "reselect" && !("page" in step) && !("password" in step));
    return stepDialogue(this.#session, step);
  }

  /** At most so many APDUs, then the card is gone. */
  play<T>(dialogue: Dialogue<T>): T {
    let turn = dialogue.next();
    while (turn.done !== true) turn = dialogue.next(this.answer(turn.value.apdu));
    return turn.value;
  }

  answer(apdu: Uint8Array): Uint8Array {
    const answer = this.chip.transceive(apdu);
    assert(typeof answer !== "string", "the card is silent");
    return answer;
  }

  powerCycle(): void {
    this.chip.reset();
    this.chip.select(false);
    this.#session = new DesfireSession(randomBytes);
  }

  copy(): ModelDesfire {
    return new ModelDesfire(this.chip.copy());
  }

  dataFrom(): Uint8Array {
    return Uint8Array.from(this.file?.data ?? new Uint8Array(48));
  }

  setData(_first: number, bytes: Uint8Array): void {
    const data = Buffer.from(bytes);
    if (this.file !== undefined) this.file.data = data;
    else this.chip.memory.set(APPLICATION, unprotectedApplication(data));
  }

  get file(): DesfireFile | undefined {
    return this.chip.memory.get(APPLICATION)?.files.get(FILE);
  }
}

/** What the plans make, but with the keys that a new application has. */
function unprotectedApplication(data: Buffer): DesfireApplication {
  const keys = [zeroKey("aes"), zeroKey("aes"), zeroKey("aes")];
  const file: DesfireFile = { type: 1, communication: 3, rights: 0x1220, data, pending: null };
  return { settings: 0x0b, cipher: "aes", keys, files: new Map([[FILE, file]]) };
}
