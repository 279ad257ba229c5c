import { toHex } from "#src/lib/hex";
import {
  COMMAND,
  isDeviceFault,
  isRadioFault,
  parseTargets,
  STATUS_AUTHENTICATION,
  STATUS_OK,
  statusOf,
  type Target,
  uidFilter,
} from "./protocol.js";
import type { Attempt, Session } from "./session.js";

/** Two looks of the chip for a card, with the time a card needs. */
const LIST_MS = 1_000;
/** A card may take 5 ms from the field to its first answer (ISO/IEC 14443-3). */
const CARD_START_MS = 5;

/** What became of a command to the card. */
export type CardAnswer =
  | { readonly is: "ok"; readonly data: Uint8Array }
  /** The card does not take this key. */
  | { readonly is: "wrong_key" }
  /** The card said no or nothing. It hears nothing more until it is selected again. */
  | { readonly is: "refused" }
  /** The radio failed; the same may work at a second try. */
  | { readonly is: "disturbed" };

/** The radio side of the chip: the field, and the one card it talks to. */
export class Antenna {
  readonly #session: Session;
  #isFieldOn = false;
  #target = 1;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Every type A card that answers, at most two: that there are more than one is all that matters. */
  list(attempt: Attempt): Promise<readonly Target[]> {
    return this.#list(2, new Uint8Array(), attempt);
  }

  /**
   * Makes the card with this UID the one that is talked to. Rejects `card.absent` or `card.swapped`. A card that was
   * halted answers only after the field was off, so that is tried before it counts as gone.
   */
  async select(uid: string, attempt: Attempt): Promise<void> {
    const filter = uidFilter(Buffer.from(uid, "hex"));
    let [target] = await this.#list(1, filter, attempt);
    if (target === undefined) {
      await this.fieldOff(attempt);
      [target] = await this.#list(1, filter, attempt);
    }
    if (target !== undefined && toHex(target.uid) === uid) return;
    const isOther = target !== undefined || (await this.list(attempt)).length > 0;
    if (isOther)
      throw attempt.failure("card.swapped", "another card is on the encoder than the one that was seen");
    throw attempt.failure("card.absent", "the card is no longer on the encoder");
  }

  /** A command that the chip knows: it adds checksums and does the MIFARE cryptography. */
  exchange(data: readonly number[], attempt: Attempt, changesCard = false): Promise<CardAnswer> {
    return this.#ask(COMMAND.inDataExchange, [this.#target, ...data], attempt, changesCard);
  }

  /** A command that the chip hands on as it is: those that it would take for something else. */
  through(data: readonly number[], attempt: Attempt): Promise<CardAnswer> {
    return this.#ask(COMMAND.inCommunicateThru, data, attempt, false);
  }

  async fieldOff(attempt: Attempt): Promise<void> {
    await this.#field(false, attempt);
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
    return targets;
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
    changesCard: boolean,
  ): Promise<CardAnswer> {
    const body = await this.#session.ask(
      { code, parameters: Uint8Array.from(parameters), changesCard },
      attempt,
    );
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
