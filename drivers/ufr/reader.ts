import { type Attempt, type ClassicKey, DriverError, type NtagPassword } from "#driver-api";
import { type CardAnswer, type ContactlessReader, DONE, type Target } from "#src/contactless/reader";
import type { Secret } from "#src/lib/secret";
import { COMMAND, ERROR, OPEN_WITH, sakOf, trailerParts, uidsOf } from "./protocol.js";
import type { Answer, Session } from "./session.js";

const APDU_MS = 5_000;
/** In the reader's own unit, as the vendor's example has it. */
const APDU_TIMEOUT = 0xcc;
const PAGE_BYTES = 4;
const REFUSED: CardAnswer = { is: "refused" };

/**
 * The reader's commands for cards, in its anti-collision mode: it does not poll by itself, and one of several cards can be
 * chosen. Every block command carries its key: the reader keeps no session, so the key that opened is kept here.
 */
export class UfrReader implements ContactlessReader {
  readonly #session: Session;
  #isReset = false;
  #isIsoDep = false;
  #key: ClassicKey | null = null;
  #password: NtagPassword | null = null;
  /** Opening a block has read it. */
  #justRead: { readonly block: number; readonly data: Uint8Array } | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  async list(attempt: Attempt): Promise<readonly Target[]> {
    const uids = await this.#uids(attempt);
    const [uid, ...others] = uids;
    if (uid === undefined) return [];
    if (others.length > 0) return uids.slice(0, 2).map((it) => ({ uid: it, sak: 0 }));
    const type = await this.#choose(uid, attempt);
    return type === null ? [] : [{ uid, sak: sakOf(type) }];
  }

  async select(uid: string, attempt: Attempt): Promise<void> {
    await this.fieldOff(attempt);
    const uids = await this.#uids(attempt);
    if (uids.includes(uid) && (await this.#choose(uid, attempt)) !== null) return;
    if (uids.length > 0 && !uids.includes(uid))
      throw attempt.failure("card.swapped", "another card is on the encoder than the one that was seen");
    throw attempt.failure("card.absent", "the card is no longer on the encoder");
  }

  /** The reader switches the field off and on again. */
  async fieldOff(attempt: Attempt): Promise<void> {
    if (this.#isReset) return;
    this.#forget();
    await this.#session.ask({ code: COMMAND.resetField }, attempt);
    this.#isReset = true;
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#session.pause(ms, attempt);
  }

  /** By reading the block: another key than the card's is told apart from a card that is gone. */
  async openBlock(block: number, key: ClassicKey, _uid: string, attempt: Attempt): Promise<CardAnswer> {
    const answer = await this.#readWith(block, OPEN_WITH[key.slot], key.key.reveal(), attempt);
    if (answer.is === "error" && answer.error !== ERROR.read)
      return answer.error === ERROR.authentication ? { is: "wrong_key" } : REFUSED;
    this.#key = key;
    if (answer.is === "answer") this.#justRead = { block, data: answer.data };
    return DONE;
  }

  async readBlock(block: number, attempt: Attempt): Promise<CardAnswer> {
    const read = this.#justRead;
    this.#justRead = null;
    if (read?.block === block) return { is: "ok", data: read.data };
    if (this.#key === null) return REFUSED;
    return dataOf(await this.#readWith(block, OPEN_WITH[this.#key.slot], this.#key.key.reveal(), attempt));
  }

  /** Trailers have a command of their own, to which the access conditions are given and not their bits. */
  async writeBlock(block: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    if (this.#key === null) return REFUSED;
    const { slot, key } = this.#key;
    this.#justRead = null;
    const isTrailer = block < 128 ? (block & 3) === 3 : (block & 15) === 15;
    if (!isTrailer)
      return this.#write(
        COMMAND.writeBlock,
        OPEN_WITH[slot],
        [block, 0, 0, 0, ...key.reveal(), ...data.reveal()],
        attempt,
      );
    const parts = trailerParts(data.reveal());
    if (parts === null) return REFUSED;
    const [general = 0, ...rest] = parts;
    const sector = block < 128 ? block >> 2 : 32 + ((block - 128) >> 4);
    const parameters = [sector, 0, 1, general, ...key.reveal(), ...rest];
    return this.#write(COMMAND.writeTrailer, OPEN_WITH[slot], parameters, attempt);
  }

  async version(attempt: Attempt): Promise<CardAnswer> {
    return dataOf(await this.#card({ code: COMMAND.tagVersion }, attempt));
  }

  /** By reading the first page, which every tag shows, with the password; the reader compares the acknowledge. */
  async openPages(password: NtagPassword, attempt: Attempt): Promise<CardAnswer> {
    const answer = await this.#readWith(0, OPEN_WITH.password, passwordBytes(password), attempt);
    if (answer.is === "error") return answer.error === ERROR.authentication ? { is: "wrong_key" } : REFUSED;
    this.#password = password;
    return DONE;
  }

  /** The reader's block of a tag is one page. */
  async readPages(first: number, count: number, attempt: Attempt): Promise<CardAnswer> {
    const pages = new Uint8Array(count * PAGE_BYTES);
    for (let n = 0; n < count; n++) {
      const answer = await this.#readPage(first + n, attempt);
      if (answer.is === "error" || answer.data.length < PAGE_BYTES) return REFUSED;
      pages.set(answer.data.subarray(0, PAGE_BYTES), n * PAGE_BYTES);
    }
    return { is: "ok", data: pages };
  }

  async writePage(page: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    const open = this.#password === null ? OPEN_WITH.nothing : OPEN_WITH.password;
    const key = this.#password === null ? [] : passwordBytes(this.#password);
    return this.#write(COMMAND.writeBlock, open, [page, 0, 0, 0, ...key, ...data.reveal()], attempt);
  }

  /** A card in a session counts what it hears, so what was not answered is not sent again: the session is lost. */
  async apdu(command: Uint8Array, changesCard: boolean, attempt: Attempt): Promise<CardAnswer> {
    try {
      if (!this.#isIsoDep) {
        if ((await this.#card({ code: COMMAND.isoDepOn }, attempt)).is === "error") return REFUSED;
        this.#isIsoDep = true;
      }
      this.#isReset = false;
      const ask = { code: COMMAND.apdu, p1: APDU_TIMEOUT, data: command };
      const how = { answerMs: APDU_MS, changesCard, isOnce: true };
      return dataOf(await this.#session.ask(ask, attempt, how));
    } catch (error) {
      const isLost =
        error instanceof DriverError && ["device.silent", "reply.malformed"].includes(error.code);
      if (isLost) return { is: "disturbed" };
      throw error;
    }
  }

  #readPage(page: number, attempt: Attempt): Promise<Answer> {
    return this.#password === null
      ? this.#readWith(page, OPEN_WITH.nothing, new Uint8Array(), attempt)
      : this.#readWith(page, OPEN_WITH.password, passwordBytes(this.#password), attempt);
  }

  #readWith(block: number, open: number, key: Uint8Array, attempt: Attempt): Promise<Answer> {
    const data = Uint8Array.of(block, 0, 0, 0, ...key);
    return this.#card({ code: COMMAND.readBlock, p0: open, data }, attempt);
  }

  async #write(code: number, open: number, data: readonly number[], attempt: Attempt): Promise<CardAnswer> {
    this.#isReset = false;
    const command = { code, p0: open, data: Uint8Array.from(data) };
    const answer = await this.#session.ask(command, attempt, { changesCard: true });
    return answer.is === "answer" ? DONE : REFUSED;
  }

  async #uids(attempt: Attempt): Promise<readonly string[]> {
    this.#forget();
    const found = await this.#card({ code: COMMAND.enumerate }, attempt);
    if (found.is === "error") return this.#none(found, attempt);
    const listed = await this.#card({ code: COMMAND.listCards }, attempt);
    if (listed.is === "error") return this.#none(listed, attempt);
    const uids = uidsOf(listed.data);
    if (uids === null) throw attempt.failure("reply.malformed", "the list of cards makes no sense");
    return uids;
  }

  #none({ error }: { readonly error: number }, attempt: Attempt): readonly string[] {
    if (error === ERROR.noneEnumerated || error === ERROR.noCard) return [];
    throw attempt.failure("device.refused", `the reader reports error ${error.toString(16)}`);
  }

  /** The vendor's type of the card; null when it is gone. */
  async #choose(uid: string, attempt: Attempt): Promise<number | null> {
    const data = new Uint8Array(Buffer.from(uid, "hex"));
    const answer = await this.#card({ code: COMMAND.selectCard, p0: data.length, data }, attempt);
    return answer.is === "answer" ? answer.v0 : null;
  }

  #card(command: Parameters<Session["ask"]>[0], attempt: Attempt): Promise<Answer> {
    this.#isReset = false;
    return this.#session.ask(command, attempt);
  }

  #forget(): void {
    this.#isIsoDep = false;
    this.#key = null;
    this.#password = null;
    this.#justRead = null;
  }
}

function passwordBytes({ pwd, pack }: NtagPassword): Uint8Array {
  return Uint8Array.of(...pwd.reveal(), ...pack.reveal());
}

function dataOf(answer: Answer): CardAnswer {
  return answer.is === "answer" ? { is: "ok", data: answer.data } : REFUSED;
}
