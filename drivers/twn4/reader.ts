import { type Attempt, type ClassicKey, DriverError, type NtagPassword } from "#driver-api";
import { type CardAnswer, type ContactlessReader, DONE, type Target } from "#src/contactless/reader";
import type { Secret } from "#src/lib/secret";
import { type Command, commands } from "./protocol.js";
import type { Session } from "./session.js";

/** A DESFire card may take seconds to be formatted. */
const APDU_MS = 5_000;
const FIRST_LARGE_BLOCK = 128;
const SECTORS_OF_FOUR = 32;

/** The reader's calls for cards. Keys go to it in clear and stay in its memory until it is switched off. */
export class Twn4Reader implements ContactlessReader {
  readonly #session: Session;
  #isFieldOff = false;

  constructor(session: Session) {
    this.#session = session;
  }

  async list(attempt: Attempt): Promise<readonly Target[]> {
    const found = await this.#card(commands.searchAll(), attempt);
    if (found.length !== 1) return found.slice(0, 2).map(({ uid }) => ({ uid, sak: 0 }));
    const tag = await this.#card(commands.search(), attempt);
    const sak = tag === null ? null : await this.#card(commands.sak(), attempt);
    return tag === null || sak === null ? [] : [{ uid: tag.uid, sak }];
  }

  /** The search selects a card; where it finds another one first, the card is picked out of all that answer. */
  async select(uid: string, attempt: Attempt): Promise<void> {
    await this.fieldOff(attempt);
    const tag = await this.#card(commands.search(), attempt);
    if (tag?.uid === uid) return;
    const all = await this.#card(commands.searchAll(), attempt);
    const isThere = all.some((other) => other.uid === uid);
    if (isThere && (await this.#card(commands.select(uid), attempt))) return;
    if (!isThere && (tag !== null || all.length > 0))
      throw attempt.failure("card.swapped", "another card is on the encoder than the one that was seen");
    throw attempt.failure("card.absent", "the card is no longer on the encoder");
  }

  async fieldOff(attempt: Attempt): Promise<void> {
    if (this.#isFieldOff) return;
    await this.#session.ask(commands.fieldOff(), attempt);
    this.#isFieldOff = true;
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#session.pause(ms, attempt);
  }

  async openBlock(
    block: number,
    { slot, key }: ClassicKey,
    _uid: string,
    attempt: Attempt,
  ): Promise<CardAnswer> {
    const sector =
      block < FIRST_LARGE_BLOCK ? block >> 2 : SECTORS_OF_FOUR + ((block - FIRST_LARGE_BLOCK) >> 4);
    const isOpen = await this.#card(commands.openSector(sector, slot, key.reveal()), attempt);
    return isOpen ? DONE : { is: "wrong_key" };
  }

  async readBlock(block: number, attempt: Attempt): Promise<CardAnswer> {
    return answerOf(await this.#card(commands.readBlock(block), attempt));
  }

  async writeBlock(block: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    return this.#write(commands.writeBlock(block, data.reveal()), attempt);
  }

  async version(attempt: Attempt): Promise<CardAnswer> {
    return answerOf(await this.#card(commands.tagVersion(), attempt));
  }

  /** The reader itself compares the acknowledge. */
  async openPages({ pwd, pack }: NtagPassword, attempt: Attempt): Promise<CardAnswer> {
    const isOpen = await this.#card(commands.openPages(pwd.reveal(), pack.reveal()), attempt);
    return isOpen ? DONE : { is: "wrong_key" };
  }

  async readPages(first: number, _count: number, attempt: Attempt): Promise<CardAnswer> {
    return answerOf(await this.#card(commands.readPages(first), attempt));
  }

  async writePage(page: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    return this.#write(commands.writePage(page, data.reveal()), attempt);
  }

  /** A card in a session counts what it hears, so what was not answered is not sent again: the session is lost. */
  async apdu(command: Uint8Array, changesCard: boolean, attempt: Attempt): Promise<CardAnswer> {
    this.#isFieldOff = false;
    try {
      const how = { answerMs: APDU_MS, changesCard, isOnce: true };
      return answerOf(await this.#session.ask(commands.apdu(command), attempt, how));
    } catch (error) {
      const isLost =
        error instanceof DriverError &&
        ["device.silent", "reply.malformed", "device.refused"].includes(error.code);
      if (isLost) return { is: "disturbed" };
      throw error;
    }
  }

  async #write(command: Command<boolean>, attempt: Attempt): Promise<CardAnswer> {
    this.#isFieldOff = false;
    const isDone = await this.#session.ask(command, attempt, { changesCard: true });
    return isDone ? DONE : { is: "refused" };
  }

  /** Whatever is done with a card switches the field on. */
  #card<A>(command: Command<A>, attempt: Attempt): Promise<A> {
    this.#isFieldOff = false;
    return this.#session.ask(command, attempt);
  }
}

function answerOf(data: Uint8Array | null): CardAnswer {
  return data === null ? { is: "refused" } : { is: "ok", data };
}
