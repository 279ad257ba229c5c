import type { Attempt, ClassicKey } from "#driver-api";
import type { CardAnswer, ContactlessReader, Target } from "#src/contactless/reader";
import type { Secret } from "#src/lib/secret";
import { commands, parseUid } from "./protocol.js";
import type { Session } from "./session.js";

const REFUSED: CardAnswer = { is: "refused" };
/** What stands for the UID of a second card, of which only that it is there is known. */
const ANOTHER: Target = { uid: "", sak: 0 };

/** The reader's commands, as the plans want them. It says of a failure only that it is one. */
export class Antenna implements ContactlessReader {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The inventory tells one card. Whether there is another shows when that one is halted and still somebody answers. */
  async list(attempt: Attempt): Promise<readonly Target[]> {
    const found = await this.#session.ask(commands.inventory, attempt);
    const uid = found.isDone ? parseUid(found.data) : null;
    if (uid === null) return [];
    const selected = await this.#session.ask(commands.select(uid), attempt);
    const [sak] = selected.data;
    if (!selected.isDone || sak === undefined) return [];
    await this.#session.ask(commands.halt, attempt);
    const other = await this.#session.ask(commands.request, attempt);
    return other.isDone ? [{ uid, sak }, ANOTHER] : [{ uid, sak }];
  }

  async select(uid: string, attempt: Attempt): Promise<void> {
    const { isDone } = await this.#session.ask(commands.select(uid), attempt);
    if (isDone) return;
    const there = await this.list(attempt);
    // It did not answer at first and does now: a card at the edge of the field.
    if (there.some((target) => target.uid === uid)) {
      const again = await this.#session.ask(commands.select(uid), attempt);
      if (again.isDone) return;
    }
    if (there.length > 0)
      throw attempt.failure("card.swapped", "another card is on the encoder than the one that was seen");
    throw attempt.failure("card.absent", "the card is no longer on the encoder");
  }

  /** The field itself cannot be switched; a halted card forgets its session too. */
  async fieldOff(attempt: Attempt): Promise<void> {
    await this.#session.ask(commands.halt, attempt);
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#session.pause(ms, attempt);
  }

  async openBlock(block: number, key: ClassicKey, uid: string, attempt: Attempt): Promise<CardAnswer> {
    const command = commands.authenticate(uid, block, key.slot, key.key);
    const { isDone, data } = await this.#session.ask(command, attempt);
    return isDone ? { is: "ok", data } : { is: "wrong_key" };
  }

  async readBlock(block: number, attempt: Attempt): Promise<CardAnswer> {
    const { isDone, data } = await this.#session.ask(commands.read(block), attempt);
    return isDone ? { is: "ok", data } : REFUSED;
  }

  async writeBlock(block: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    const answer = await this.#session.ask(commands.write(block, data), attempt, true);
    return answer.isDone ? { is: "ok", data: answer.data } : REFUSED;
  }

  /** It has no command for these: such cards are seen as unknown. */
  version(): Promise<CardAnswer> {
    return Promise.resolve(REFUSED);
  }

  openPages(): Promise<CardAnswer> {
    return Promise.resolve(REFUSED);
  }

  readPages(): Promise<CardAnswer> {
    return Promise.resolve(REFUSED);
  }

  writePage(): Promise<CardAnswer> {
    return Promise.resolve(REFUSED);
  }

  apdu(): Promise<CardAnswer> {
    return Promise.resolve(REFUSED);
  }
}
