import {
  type Attempt,
  type DriverContext,
  DriverError,
  type DriverLog,
  type SerialLine,
  Turns,
} from "#driver-api";
import { type Clock, sleep } from "#src/lib/deadline";
import {
  ACK,
  COMMAND,
  encodeCommand,
  type Firmware,
  type Frame,
  FrameDecoder,
  NACK,
  parseFirmware,
  WAKE_UP,
} from "./protocol.js";

/** The chip acknowledges within 15 ms; USB bridges add theirs, and some need 1.5 s for the first bytes after opening. */
const FIRST_ACK_MS = 1_500;
const ACK_MS = 200;
const SENDS_MAX = 4;
const NACKS_MAX = 3;
/** The chip needs a moment to stop. */
const AFTER_ABORT_MS = 10;
/** Simple commands take 100 ms at most; the rest is for a busy machine. */
const ANSWER_MS = 500;
/** No command is followed by so many frames; older ones are dropped. */
const FRAMES_KEPT_MAX = 16;

/** Enough to know most protocols by, too few for a card number or a PIN of whatever is there. */
const TELLING_BYTES = 2;

const PN532_IC = 0x32;
const RF_FIELD_OFF = Uint8Array.of(0x01, 0x00);
const NEVER_ABORTS = new AbortController().signal;

export interface Request {
  readonly code: number;
  readonly parameters: Uint8Array;
  /** From the acknowledgement to the answer. */
  readonly answerMs?: number;
  /** From the moment it leaves, nobody knows what is on the card. */
  readonly changesCard?: boolean;
  /** To do it twice is not the same as to do it once: it is not sent again when its acknowledgement is lost. */
  readonly isOnce?: boolean;
}

interface Waiter {
  readonly offer: (frame: Frame) => void;
}

/**
 * The conversation with the chip (NXP UM0701-02, 6.2): a command, its acknowledgement, its answer, one at a time. What
 * comes when nothing is awaited is dropped. Whenever an exchange did not end as it should, the next one begins by
 * asking the chip to echo a fresh number, so that a late answer is never taken for the answer to something else.
 */
export class Session {
  readonly #line: SerialLine;
  readonly #clock: Clock;
  readonly #log: DriverLog;
  readonly #decoder = new FrameDecoder();
  readonly #stopListening: readonly (() => void)[];
  readonly #turns = new Turns("the encoder");
  #frames: Frame[] = [];
  #waiter: Waiter | null = null;
  #closing: Promise<void> | null = null;
  #isOutOfStep = false;
  #echoNumber = 0;
  /** Bytes that came since the last frame was sent, and ever. */
  #heard = 0;
  #heardEver = 0;
  #firstHeard: readonly number[] = [];

  constructor({ line, clock, log }: DriverContext<"serial">) {
    this.#line = line;
    this.#clock = clock;
    this.#log = log;
    this.#stopListening = [
      line.onData((chunk) => this.#hear(chunk)),
      line.onClose((reason) => this.#turns.end(reason)),
    ];
  }

  /**
   * Wakes the chip, asks what it is and sets it up. Rejects with `device.wrong` when something else than a PN532
   * answers.
   */
  async start(attempt: Attempt): Promise<Firmware> {
    await this.#wakeUp(attempt);
    const firmware = await this.firmware(attempt);
    // Automatic ATR_RES and automatic RATS.
    await this.#set(COMMAND.setParameters, [0x14], attempt);
    // The chip looks for a card twice. Its own default is for ever, and then it never answers without a card.
    await this.#set(COMMAND.rfConfiguration, [0x05, 0xff, 0x01, 0x02], attempt);
    // A card may take 51.2 ms to answer.
    await this.#set(COMMAND.rfConfiguration, [0x02, 0x00, 0x0b, 0x0a], attempt);
    await this.ask({ code: COMMAND.rfConfiguration, parameters: RF_FIELD_OFF }, attempt);
    return firmware;
  }

  async firmware(attempt: Attempt): Promise<Firmware> {
    const body = await this.#set(COMMAND.getFirmwareVersion, [], attempt);
    const firmware = parseFirmware(body);
    if (firmware === null) throw attempt.failure("reply.malformed", "the firmware version is cut short");
    if (firmware.ic === PN532_IC) return firmware;
    throw attempt.failure("device.wrong", `this is no PN532: its chip says ${firmware.ic.toString(16)}`);
  }

  /**
   * The body of the answer. Rejects with `device.silent`, `reply.malformed`, `device.refused`, `device.lost` or
   * `call.cancelled`.
   */
  ask(request: Request, attempt: Attempt): Promise<Uint8Array> {
    return this.#turns.take(attempt, async (signal) => {
      if (this.#isOutOfStep) await this.#fallIntoStep(attempt, signal);
      return this.#exchange(request, attempt, signal);
    });
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#turns.take(attempt, (signal) => sleep(this.#clock, ms, signal));
  }

  /** Ends what is pending, switches the field off without waiting for an answer, and listens no more. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#stopListening.forEach((stop) => stop());
    if (!(await this.#turns.close())) return;
    const goodbye = [ACK, encodeCommand(COMMAND.rfConfiguration, RF_FIELD_OFF)];
    await this.#line.write(Buffer.concat(goodbye), NEVER_ABORTS).catch(() => undefined);
  }

  /** The very first command is often lost while the chip wakes up, so waking is part of every resend. */
  async #wakeUp(attempt: Attempt): Promise<void> {
    const wake: Request = { code: COMMAND.samConfiguration, parameters: Uint8Array.of(0x01) };
    try {
      await this.#turns.take(attempt, (signal) => this.#exchange(wake, attempt, signal, WAKE_UP));
    } catch (error) {
      const isUnanswered =
        error instanceof DriverError && (error.code === "device.silent" || error.code === "reply.malformed");
      if (!isUnanswered || this.#heardEver === 0) throw error;
      const found = Buffer.from(this.#firstHeard).toString("hex");
      throw attempt.failure(
        "device.wrong",
        `something answers at this port, but not as a PN532 does: it begins with ${found} (hex)`,
        error,
      );
    }
  }

  #set(code: number, parameters: readonly number[], attempt: Attempt): Promise<Uint8Array> {
    return this.ask({ code, parameters: Uint8Array.from(parameters) }, attempt);
  }

  async #exchange(
    request: Request,
    attempt: Attempt,
    signal: AbortSignal,
    wakeUp: Uint8Array = new Uint8Array(),
  ): Promise<Uint8Array> {
    const frame = encodeCommand(request.code, request.parameters);
    try {
      await this.#sendUntilAcknowledged(request, Buffer.concat([wakeUp, frame]), attempt, signal);
      return await this.#awaitAnswer(request, attempt, signal);
    } catch (error) {
      await this.#stopChip();
      throw error;
    }
  }

  async #sendUntilAcknowledged(
    { code, changesCard = false, isOnce = false }: Request,
    bytes: Uint8Array,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    if (changesCard) attempt.effect = "unknown";
    for (let sends = 1; sends <= (isOnce ? 1 : SENDS_MAX); sends++) {
      const limitMs = this.#heardEver === 0 && sends === 1 ? FIRST_ACK_MS : ACK_MS;
      await this.#send(bytes, attempt, signal);
      if (await this.#receive(limitMs, signal, ({ is }) => is === "ack")) return;
      // The command may have arrived and been answered all the same: those answers would be in the way later.
      this.#isOutOfStep = true;
      this.#log.debug(
        { event: "pn532.not_acknowledged", command: code, sends },
        "the command was not acknowledged",
      );
    }
    throw attempt.failure("device.silent", "the encoder does not answer");
  }

  async #awaitAnswer(
    { code, answerMs }: Request,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    for (let nacks = 0; nacks <= NACKS_MAX; nacks++) {
      const frame = await this.#receive(
        // The chip only repeats what it has said: that takes no longer than a simple command.
        nacks === 0 ? (answerMs ?? ANSWER_MS) : ANSWER_MS,
        signal,
        (it) => it.is === "error" || it.is === "damaged" || (it.is === "answer" && it.code === code + 1),
      );
      if (frame?.is === "answer") return frame.body;
      if (frame?.is === "error") {
        throw attempt.failure("device.refused", `the chip does not understand command ${code.toString(16)}`);
      }
      if (this.#heard <= ACK.length)
        throw attempt.failure("device.silent", "the encoder acknowledges but does not answer");
      // Something came, so the chip has answered, and repeating an answer changes nothing.
      this.#isOutOfStep = true;
      this.#log.debug({ event: "pn532.answer_damaged", command: code, nacks }, "the answer was damaged");
      await this.#send(NACK, attempt, signal);
    }
    throw attempt.failure("reply.malformed", "the answers of the encoder are damaged");
  }

  /** Whatever the chip is at: an ACK from the host stops it, without an answer. */
  async #stopChip(): Promise<void> {
    this.#isOutOfStep = true;
    if (this.#turns.endedBecause !== null) return;
    await this.#line.write(ACK, this.#turns.life).catch(() => undefined);
  }

  /** Only the echo of a number that was never sent before proves that nothing old is still on its way. */
  async #fallIntoStep(attempt: Attempt, signal: AbortSignal): Promise<void> {
    await sleep(this.#clock, AFTER_ABORT_MS, signal);
    for (let sends = 1; sends <= SENDS_MAX; sends++) {
      this.#echoNumber = (this.#echoNumber + 1) >>> 0;
      const echo = new Uint8Array(5);
      new DataView(echo.buffer).setUint32(1, this.#echoNumber);
      await this.#send(encodeCommand(COMMAND.diagnose, echo), attempt, signal);
      const isEcho = (frame: Frame) =>
        frame.is === "answer" &&
        frame.code === COMMAND.diagnose + 1 &&
        Buffer.compare(frame.body, echo) === 0;
      if (await this.#receive(ACK_MS, signal, isEcho)) {
        this.#isOutOfStep = false;
        return;
      }
    }
    throw attempt.failure("device.silent", "the encoder does not answer");
  }

  async #send(bytes: Uint8Array, attempt: Attempt, signal: AbortSignal): Promise<void> {
    this.#frames = [];
    this.#decoder.reset();
    this.#heard = 0;
    try {
      await this.#line.write(bytes, signal);
    } catch (cause) {
      throw attempt.failure("device.lost", "the line takes no more bytes", cause);
    }
  }

  /** The next frame that `isWanted` takes; the others are dropped. Null when none comes in time. */
  #receive(ms: number, signal: AbortSignal, isWanted: (frame: Frame) => boolean): Promise<Frame | null> {
    const kept = this.#frames;
    const index = kept.findIndex(isWanted);
    const found = kept[index];
    this.#frames = index < 0 ? [] : kept.slice(index + 1);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve, reject) => {
      const settle = () => {
        cancelTimer();
        signal.removeEventListener("abort", onAbort);
        this.#waiter = null;
      };
      const onAbort = () => {
        settle();
        reject(signal.reason as Error);
      };
      const finish = (frame: Frame | null) => {
        settle();
        resolve(frame);
      };
      const cancelTimer = this.#clock.startTimer(ms, () => finish(null));
      this.#waiter = { offer: (frame) => (isWanted(frame) ? finish(frame) : undefined) };
      if (signal.aborted) onAbort();
      else signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  #hear(chunk: Uint8Array): void {
    this.#heard += chunk.length;
    this.#heardEver += chunk.length;
    this.#firstHeard = [...this.#firstHeard, ...chunk.subarray(0, TELLING_BYTES)].slice(0, TELLING_BYTES);
    for (const frame of this.#decoder.push(chunk)) {
      if (this.#waiter !== null) this.#waiter.offer(frame);
      else this.#frames = [...this.#frames.slice(1 - FRAMES_KEPT_MAX), frame];
    }
  }
}
