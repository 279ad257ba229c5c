import type { Attempt, ClassicKey, NtagPassword } from "#driver-api";
import { type CardAnswer, type ContactlessReader, DONE, type Target } from "#src/contactless/reader";
import type { Secret } from "#src/lib/secret";
import { apdus, directAnswer, FAILED, OK, type Reply, replyOf, sakOf } from "./protocol.js";
import type { Session } from "./session.js";

const GET_VERSION = 0x60;
const READ = 0x30;
const WRITE = 0xa2;
const PWD_AUTH = 0x1b;
const REFUSED: CardAnswer = { is: "refused" };

/** A reader of the PC/SC service. It shows one card; a second one beside it stays unseen, or hides both. */
export class PcscReader implements ContactlessReader {
  readonly #session: Session;
  /** Which way this reader takes keys; found out with the first one. */
  #keyStructure: 0x00 | 0x20 = 0x00;

  constructor(session: Session) {
    this.#session = session;
  }

  async list(attempt: Attempt): Promise<readonly Target[]> {
    const atr = await this.#session.connect(attempt);
    const uid = atr === null ? null : await this.#uid(attempt);
    return atr === null || uid === null ? [] : [{ uid, sak: sakOf(atr) }];
  }

  async select(uid: string, attempt: Attempt): Promise<void> {
    const atr = await this.#session.connect(attempt);
    const found = atr === null ? null : await this.#uid(attempt);
    if (found === uid) return;
    if (found !== null)
      throw attempt.failure("card.swapped", "another card is on the encoder than the one that was seen");
    throw attempt.failure("card.absent", "the card is no longer on the encoder");
  }

  /** `select` and `list` power the card up anew. */
  async fieldOff(attempt: Attempt): Promise<void> {
    await this.#session.disconnect(attempt);
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
    let loaded = await this.#ask(apdus.loadKey(key.reveal(), this.#keyStructure), attempt);
    if (loaded !== null && loaded.status !== OK) {
      this.#keyStructure = this.#keyStructure === 0x00 ? 0x20 : 0x00;
      loaded = await this.#ask(apdus.loadKey(key.reveal(), this.#keyStructure), attempt);
    }
    if (loaded === null) return REFUSED;
    if (loaded.status !== OK) throw attempt.failure("device.refused", "the reader takes no key");
    const opened = await this.#ask(apdus.authenticate(block, slot), attempt);
    if (opened?.status === OK) return DONE;
    return opened?.status === FAILED ? { is: "wrong_key" } : REFUSED;
  }

  async readBlock(block: number, attempt: Attempt): Promise<CardAnswer> {
    return dataOf(await this.#ask(apdus.read(block), attempt));
  }

  async writeBlock(block: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    return dataOf(await this.#ask(apdus.write(block, data.reveal()), attempt, true));
  }

  /** Only an ACR122U lets its chip be asked; others refuse, and an NTAG on them stays unknown. */
  async version(attempt: Attempt): Promise<CardAnswer> {
    return this.#direct([GET_VERSION], attempt);
  }

  async openPages({ pwd, pack }: NtagPassword, attempt: Attempt): Promise<CardAnswer> {
    const answer = await this.#direct([PWD_AUTH, ...pwd.reveal()], attempt);
    const isOpen = answer.is === "ok" && Buffer.compare(answer.data, pack.reveal()) === 0;
    return isOpen ? DONE : { is: "wrong_key" };
  }

  /** All of it goes the same way: the reader's own read would wake the tag anew, and the password would be forgotten. */
  async readPages(first: number, _count: number, attempt: Attempt): Promise<CardAnswer> {
    return this.#direct([READ, first], attempt);
  }

  async writePage(page: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    return this.#direct([WRITE, page, ...data.reveal()], attempt, true);
  }

  async apdu(command: Uint8Array, changesCard: boolean, attempt: Attempt): Promise<CardAnswer> {
    const answer = await this.#session.transmit(command, attempt, changesCard);
    return answer === null ? REFUSED : { is: "ok", data: answer };
  }

  async #direct(frame: readonly number[], attempt: Attempt, changesCard = false): Promise<CardAnswer> {
    const reply = await this.#ask(apdus.direct(Uint8Array.from(frame)), attempt, changesCard);
    const data = directAnswer(reply);
    return data === null ? REFUSED : { is: "ok", data };
  }

  async #uid(attempt: Attempt): Promise<string | null> {
    const reply = await this.#ask(apdus.uid(), attempt);
    const isUid = reply?.status === OK && [4, 7, 10].includes(reply.data.length);
    return isUid ? Buffer.from(reply.data).toString("hex") : null;
  }

  /** Null when the card is gone. */
  async #ask(apdu: Uint8Array, attempt: Attempt, changesCard = false): Promise<Reply | null> {
    const answer = await this.#session.transmit(apdu, attempt, changesCard);
    return answer === null ? null : replyOf(answer);
  }
}

function dataOf(reply: Reply | null): CardAnswer {
  return reply?.status === OK ? { is: "ok", data: reply.data } : REFUSED;
}
