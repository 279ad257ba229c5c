import { type Attempt, type ClassicKey, DriverError, type NtagPassword } from "#driver-api";
import type { CardAnswer, ContactlessReader, Target } from "#src/contactless/reader";
import { toHex } from "#src/lib/hex";
import type { Secret } from "#src/lib/secret";
import {
  COMMAND,
  isDeviceFault,
  isRadioFault,
  parseTargets,
  STATUS_AUTHENTICATION,
  STATUS_OK,
  statusOf,
  uidFilter,
} from "./protocol.js";
import type { Request, Session } from "./session.js";

/** Two looks of the chip for a card, with the time a card needs. */
const LIST_MS = 1_000;
/** A DESFire card may take seconds to be formatted, and asks for that time by itself; the chip grants it. */
const APDU_MS = 5_000;
/** A card may take 5 ms from the field to its first answer (ISO/IEC 14443-3). */
const CARD_START_MS = 5;

const AUTHENTICATE = { A: 0x60, B: 0x61 } as const;
/** MIFARE Classic and NTAG alike. */
const READ = 0x30;
const WRITE_BLOCK = 0xa0;
const WRITE_PAGE = 0xa2;
const GET_VERSION = 0x60;
const PWD_AUTH = 0x1b;

/** The radio side of the chip: the field, and the one card it talks to. */
export class Antenna implements ContactlessReader {
  readonly #session: Session;
  #isFieldOn = false;
  #target = 1;

  constructor(session: Session) {
    this.#session = session;
  }

  list(attempt: Attempt): Promise<readonly Target[]> {
    return this.#list(2, new Uint8Array(), attempt);
  }

  /** A card that was halted answers only after the field was off, so that is tried before it counts as gone. */
  async select(uid: string, attempt: Attempt): Promise<void> {
    const filter = uidFilter(Buffer.from(uid, "hex"));
    let [target] = await this.#list(1, filter, attempt);
    if (target === undefined) {
      await this.fieldOff(attempt);
      [target] = await this.#list(1, filter, attempt);
    }
    if (target?.uid === uid) return;
    const isOther = target !== undefined || (await this.list(attempt)).length > 0;
    if (isOther)
      throw attempt.failure("card.swapped", "another card is on the encoder than the one that was seen");
    throw attempt.failure("card.absent", "the card is no longer on the encoder");
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#session.pause(ms, attempt);
  }

  /** The key, then the last four bytes of the UID. */
  openBlock(block: number, { slot, key }: ClassicKey, uid: string, attempt: Attempt): Promise<CardAnswer> {
    const proof = [...key.reveal(), ...Buffer.from(uid, "hex").subarray(-4)];
    return this.#exchange([AUTHENTICATE[slot], block, ...proof], attempt);
  }

  readBlock(block: number, attempt: Attempt): Promise<CardAnswer> {
    return this.#exchange([READ, block], attempt);
  }

  writeBlock(block: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    return this.#exchange([WRITE_BLOCK, block, ...data.reveal()], attempt, { changesCard: true });
  }

  version(attempt: Attempt): Promise<CardAnswer> {
    return this.#through([GET_VERSION], attempt);
  }

  async openPages({ pwd, pack }: NtagPassword, attempt: Attempt): Promise<CardAnswer> {
    const answer = await this.#through([PWD_AUTH, ...pwd.reveal()], attempt);
    if (answer.is !== "ok") return answer.is === "disturbed" ? answer : { is: "wrong_key" };
    return Buffer.compare(answer.data, pack.reveal()) === 0 ? answer : { is: "wrong_key" };
  }

  readPages(first: number, _count: number, attempt: Attempt): Promise<CardAnswer> {
    return this.#exchange([READ, first], attempt);
  }

  writePage(page: number, data: Secret<Uint8Array>, attempt: Attempt): Promise<CardAnswer> {
    return this.#exchange([WRITE_PAGE, page, ...data.reveal()], attempt, { changesCard: true });
  }

  /**
   * The chip does the block protocol of ISO/IEC 14443-4: chaining, waiting-time extension, repeated blocks. A card in a
   * session counts what it hears, so an APDU whose acknowledgement is lost is not sent again: the session is lost.
   */
  async apdu(command: Uint8Array, changesCard: boolean, attempt: Attempt): Promise<CardAnswer> {
    try {
      const how = { changesCard, isOnce: true, answerMs: APDU_MS };
      return await this.#exchange([...command], attempt, how);
    } catch (error) {
      if (error instanceof DriverError && error.code === "device.silent") return { is: "disturbed" };
      throw error;
    }
  }

  async fieldOff(attempt: Attempt): Promise<void> {
    await this.#field(false, attempt);
  }

  /** A command that the chip knows: it adds checksums and does the MIFARE cryptography. */
  #exchange(
    data: readonly number[],
    attempt: Attempt,
    how: Pick<Request, "changesCard" | "isOnce" | "answerMs"> = {},
  ): Promise<CardAnswer> {
    return this.#ask(COMMAND.inDataExchange, [this.#target, ...data], attempt, how);
  }

  /** A command that the chip hands on as it is: those that it would take for something else. */
  #through(data: readonly number[], attempt: Attempt): Promise<CardAnswer> {
    return this.#ask(COMMAND.inCommunicateThru, data, attempt, {});
  }

  async #list(max: 1 | 2, filter: Uint8Array, attempt: Attempt): Promise<readonly Target[]> {
    if (!this.#isFieldOn) {
      await this.#field(true, attempt);
      await this.#session.pause(CARD_START_MS, attempt);
    }
    const parameters = Uint8Array.of(max, 0x00, ...filter);
    const request = { code: COMMAND.inListPassiveTarget, parameters, answerMs: LIST_MS };
    const targets = parseTargets(await this.#session.ask(request, attempt));
    if (targets === null) throw attempt.failure("reply.malformed", "the list of cards makes no sense");
    this.#target = targets[0]?.number ?? 1;
    return targets.map(({ uid, sak }) => ({ uid: toHex(uid), sak }));
  }

  async #field(isOn: boolean, attempt: Attempt): Promise<void> {
    const parameters = Uint8Array.of(0x01, isOn ? 0x01 : 0x00);
    this.#isFieldOn = false;
    await this.#session.ask({ code: COMMAND.rfConfiguration, parameters }, attempt);
    this.#isFieldOn = isOn;
  }

  async #ask(
    code: number,
    parameters: readonly number[],
    attempt: Attempt,
    how: Pick<Request, "changesCard" | "isOnce" | "answerMs">,
  ): Promise<CardAnswer> {
    const request = { code, parameters: Uint8Array.from(parameters), ...how };
    const body = await this.#session.ask(request, attempt);
    const [first] = body;
    if (first === undefined) throw attempt.failure("reply.malformed", "an answer without a status");
    const status = statusOf(first);
    if (isDeviceFault(status)) {
      throw attempt.failure(
        "device.refused",
        `the encoder reports fault ${status.toString(16).padStart(2, "0")}`,
      );
    }
    if (status === STATUS_OK) return { is: "ok", data: body.subarray(1) };
    if (status === STATUS_AUTHENTICATION) return { is: "wrong_key" };
    return { is: isRadioFault(status) ? "disturbed" : "refused" };
  }
}
