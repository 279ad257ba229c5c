import { type Attempt, type DriverContext, DriverError, type DriverLog } from "#driver-api";
import { Conversation } from "#src/contactless/conversation";
import { type Command, COMMAND, encodeCommand, encodeData, ERROR, type Frame, framesIn } from "./protocol.js";

/** Opening the port may pull the reset line of USB models; half a second later they listen. */
const BOOT_MS = 600;
const ANSWER_MS = 1_000;
const STEP_MS = 300;
const TRIES_MAX = 3;
/** A reader that waits for data which does not come gives up meanwhile. */
const SETTLE_MS = 100;
/** Questions that any reader answers at any time; each attempt to fall into step asks another one. */
const STEP_QUESTIONS = [COMMAND.firmware, COMMAND.hardware, COMMAND.readerType, COMMAND.serialNumber];

/** Yes with data, or no with the reader's number for why. */
export type Answer = Exclude<Frame, { is: "ack" }>;

export interface AskOptions {
  readonly answerMs?: number;
  readonly changesCard?: boolean;
  /** To do it twice is not the same as to do it once. */
  readonly isOnce?: boolean;
}

/**
 * The conversation with the reader. An answer repeats the command's code, an error does not, so whenever an exchange did
 * not end as it should, another question is asked until its own answer comes: everything before that is old.
 */
export class Session {
  readonly #talk: Conversation;
  readonly #log: DriverLog;
  #isOutOfStep = false;
  #questions = 0;

  constructor(context: DriverContext<"serial">) {
    this.#talk = new Conversation(context);
    this.#log = context.log;
  }

  /** The reader's type. Rejects with `device.silent`, or `device.wrong` when something else answers. */
  async start(attempt: Attempt): Promise<number> {
    await this.#talk.pause(BOOT_MS, attempt);
    try {
      const answer = await this.ask({ code: COMMAND.readerType }, attempt);
      if (answer.is === "answer" && answer.data.length === 4) return Buffer.from(answer.data).readUInt32LE();
      throw attempt.failure("device.wrong", "the device does not say what reader it is");
    } catch (error) {
      const isUnanswered =
        error instanceof DriverError && ["device.silent", "reply.malformed"].includes(error.code);
      const { firstHeard } = this.#talk;
      if (!isUnanswered || firstHeard === "") throw error;
      throw attempt.failure(
        "device.wrong",
        `something answers at this port, but not as a uFR reader does: it begins with ${firstHeard} (hex)`,
        error,
      );
    }
  }

  /** Rejects with `device.silent`, `reply.malformed`, `device.lost` or `call.cancelled`. */
  ask(command: Command, attempt: Attempt, options: AskOptions = {}): Promise<Answer> {
    const { answerMs = ANSWER_MS, changesCard = false, isOnce = false } = options;
    return this.#talk.inTurn(attempt, async (signal) => {
      for (let tries = 1; ; tries++) {
        if (this.#isOutOfStep) await this.#fallIntoStep(attempt, signal);
        this.#isOutOfStep = true;
        const answer = await this.#exchange(command, { answerMs, changesCard }, attempt, signal);
        if (answer !== null) this.#isOutOfStep = false;
        if (answer !== null && !wasGarbled(answer)) return answer;
        this.#log.debug({ event: "ufr.not_answered", command: command.code, tries }, "a command failed");
        if (!isOnce && tries < TRIES_MAX) continue;
        if (answer !== null)
          throw attempt.failure("reply.malformed", "the reader does not get what it is sent");
        if (this.#talk.hasHeard)
          throw attempt.failure("reply.malformed", "the answers of the reader are damaged");
        throw attempt.failure("device.silent", "the reader does not answer");
      }
    });
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#talk.pause(ms, attempt);
  }

  /** Back to one card and to polling, as the reader comes up. */
  close(): Promise<void> {
    return this.#talk.close(encodeCommand({ code: COMMAND.antiCollisionOff }));
  }

  async #exchange(
    command: Command,
    { answerMs, changesCard }: Required<Omit<AskOptions, "isOnce">>,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<Answer | null> {
    signal.throwIfAborted();
    const { code, data } = command;
    if (data !== undefined) {
      // Without its data the reader does nothing.
      await this.#talk.send(encodeCommand(command), attempt, signal);
      const waits = await this.#last(ANSWER_MS, signal, (it) => it.is !== "answer" && isAbout(it, code));
      if (waits?.is !== "ack") return waits?.is === "error" ? waits : null;
    }
    if (changesCard) attempt.effect = "unknown";
    await this.#talk.send(data === undefined ? encodeCommand(command) : encodeData(data), attempt, signal);
    const answer = await this.#last(answerMs, signal, (it) => it.is !== "ack" && isAbout(it, code));
    return answer?.is === "ack" ? null : answer;
  }

  async #fallIntoStep(attempt: Attempt, signal: AbortSignal): Promise<void> {
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      await this.#talk.rest(SETTLE_MS, signal);
      const code = STEP_QUESTIONS[this.#questions++ % STEP_QUESTIONS.length] ?? COMMAND.firmware;
      await this.#talk.send(encodeCommand({ code }), attempt, signal);
      if (await this.#last(STEP_MS, signal, (it) => it.is === "answer" && it.code === code)) {
        this.#isOutOfStep = false;
        return;
      }
    }
    throw attempt.failure("device.silent", "the reader does not answer");
  }

  /** The newest frame, once it is one that is wanted. */
  #last(ms: number, signal: AbortSignal, isWanted: (frame: Frame) => boolean): Promise<Frame | null> {
    return this.#talk.receive(ms, signal, (heard) => {
      const frame = framesIn(heard).at(-1);
      return frame !== undefined && isWanted(frame) ? frame : null;
    });
  }
}

/** What we sent arrived damaged, and the reader did nothing. */
function wasGarbled(answer: Answer): boolean {
  return answer.is === "error" && (answer.error === ERROR.communication || answer.error === ERROR.checksum);
}

function isAbout(frame: Frame, code: number): boolean {
  return frame.is === "error" || frame.code === code;
}
