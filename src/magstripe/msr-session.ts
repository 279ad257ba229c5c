import {
  type Attempt,
  type DriverContext,
  DriverError,
  type DriverLog,
  type TransportKind,
  Turns,
} from "#driver-api";
import { type Clock, sleep } from "#src/lib/deadline";
import { type Answer, answers, commands } from "./msr-protocol.js";

/** How the family's bytes travel on one kind of line. */
export interface MsrWire {
  send(bytes: Uint8Array, signal: AbortSignal): Promise<void>;
  /** In any chunking. */
  onBytes(listener: (bytes: Uint8Array) => void): () => void;
  onClose(listener: (reason: string) => void): () => void;
}

/** Two commands in one breath are dropped by real units. */
const BETWEEN_COMMANDS_MS = 10;
/** Commands sooner after a reset are lost. */
const AFTER_RESET_MS = 250;
/** After a reset a block may still come; the line is quiet when nothing came for so long. */
const QUIET_MS = 100;
/** Something that never stops talking is no encoder; at this the next command tells. */
const QUIET_LIMIT_MS = 2_000;
/** Short answers take 150 ms; the rest is for a busy machine. */
const ANSWER_MS = 350;
const SENDS_MAX = 3;
const RESETS_MAX = 2;
/** From the first byte of an answer to its last: the longest block takes 300 ms at 9600 baud. */
const REST_MS = 1_000;
/**
 * A device that waits for a card is as silent as one without power. It is asked, and told to wait again, this often; the
 * half second that this takes is when a pull is missed.
 */
const ASK_WHILE_WAITING_MS = 5_000;
/** The longest block has 300 bytes; of more, the beginning is dropped. */
const HEARD_MAX = 1_024;

/** Enough to know most protocols by, too few for what a card may say. */
const TELLING_BYTES = 2;
const NEVER_ABORTS = new AbortController().signal;

/**
 * The conversation with an encoder of the MSR605 family. The protocol numbers nothing and cannot be interrupted but by
 * a reset, so whenever an exchange did not end as it should, the next one begins with a reset, a quiet line and a test.
 */
export class MsrSession {
  readonly #wire: MsrWire;
  readonly #clock: Clock;
  readonly #log: DriverLog;
  readonly #stopListening: readonly (() => void)[];
  readonly #turns = new Turns("the encoder");
  #closing: Promise<void> | null = null;
  #isOutOfStep = true;
  #heard: Uint8Array = new Uint8Array();
  #firstHeard: readonly number[] = [];
  #onHeard: () => void = () => undefined;

  constructor(wire: MsrWire, { clock, log }: Pick<DriverContext<TransportKind>, "clock" | "log">) {
    this.#wire = wire;
    this.#clock = clock;
    this.#log = log;
    this.#stopListening = [
      wire.onBytes((bytes) => this.#hear(bytes)),
      wire.onClose((reason) => this.#turns.end(reason)),
    ];
  }

  /** Rejects with `device.wrong` when something else than an encoder of the family answers. */
  async start(attempt: Attempt): Promise<{ readonly tracks: number; readonly firmware: string }> {
    try {
      const firmware = await this.ask(commands.firmware, answers.firmware, attempt);
      const tracks = await this.ask(commands.model, answers.model, attempt);
      return { tracks, firmware };
    } catch (error) {
      const found = Buffer.from(this.#firstHeard).toString("hex");
      const isOurs = found === "" || answers.test(Uint8Array.from(this.#firstHeard)) === true;
      if (!(error instanceof DriverError) || error.code !== "device.silent" || isOurs) throw error;
      throw attempt.failure(
        "device.wrong",
        `something answers at this port, but not as an MSR605 does: it begins with ${found} (hex)`,
        error,
      );
    }
  }

  /** A command with an answer, sent again when none comes: only for what does no harm when it is done twice. */
  ask<T>(command: Uint8Array, answer: Answer<T>, attempt: Attempt): Promise<T> {
    return this.#inTurn(attempt, async (signal) => {
      await this.#fallIntoStep(attempt, signal);
      return this.#exchange(command, answer, attempt, signal);
    });
  }

  /** A command without an answer, and the proof that the device is still there. */
  tell(command: Uint8Array, attempt: Attempt): Promise<void> {
    return this.#inTurn(attempt, async (signal) => {
      await this.#fallIntoStep(attempt, signal);
      await this.#send(command, attempt, signal);
      await this.#exchange(commands.test, answers.test, attempt, signal);
    });
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#inTurn(attempt, (signal) => sleep(this.#clock, ms, signal));
  }

  /**
   * Has the device wait for a card to be pulled through, as long as the attempt's signal lets it. Before every time
   * that the device is told to wait, `prepare` sets it up. Null: something came, but not a whole answer.
   */
  arm<T>(
    prepare: (ask: <A>(command: Uint8Array, answer: Answer<A>) => Promise<A>) => Promise<void>,
    command: Uint8Array,
    answer: Answer<T>,
    attempt: Attempt,
  ): Promise<T | null> {
    return this.#inTurn(attempt, async (signal) => {
      for (;;) {
        await this.#fallIntoStep(attempt, signal);
        await this.#exchange(commands.test, answers.test, attempt, signal);
        await prepare((asked, expected) => this.#exchange(asked, expected, attempt, signal));
        // Should anything go wrong from here on, the device may still be waiting for a card.
        this.#isOutOfStep = true;
        await this.#send(command, attempt, signal);
        const found = await this.#await(answer, ASK_WHILE_WAITING_MS, REST_MS, signal);
        if (found === null && this.#heard.length === 0) continue;
        if (found !== null) this.#isOutOfStep = false;
        return found;
      }
    });
  }

  /** Ends what is pending, has the device wait for nothing, and listens no more. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#stopListening.forEach((stop) => stop());
    if (await this.#turns.close()) await this.#wire.send(commands.reset, NEVER_ABORTS).catch(() => undefined);
  }

  #inTurn<T>(attempt: Attempt, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#turns.take(attempt, async (signal) => {
      try {
        return await work(signal);
      } catch (error) {
        await this.#disarm();
        throw error;
      }
    });
  }

  /** A device that waits for a card would write the next one that comes along. */
  async #disarm(): Promise<void> {
    if (!this.#isOutOfStep || this.#turns.endedBecause !== null) return;
    await this.#wire.send(commands.reset, this.#turns.life).catch(() => undefined);
  }

  async #fallIntoStep(attempt: Attempt, signal: AbortSignal): Promise<void> {
    for (let resets = 1; this.#isOutOfStep; resets++) {
      await this.#send(commands.reset, attempt, signal);
      await sleep(this.#clock, AFTER_RESET_MS, signal);
      await this.#quiet(signal);
      try {
        await this.#exchange(commands.test, answers.test, attempt, signal);
        this.#isOutOfStep = false;
      } catch (error) {
        // The first reset may have ended a command that the device was still waiting for the rest of.
        if (resets === RESETS_MAX || signal.aborted) throw error;
      }
    }
  }

  async #quiet(signal: AbortSignal): Promise<void> {
    const giveUpAt = this.#clock.monotonic() + QUIET_LIMIT_MS;
    do {
      this.#heard = new Uint8Array();
      await sleep(this.#clock, QUIET_MS, signal);
    } while (this.#heard.length > 0 && this.#clock.monotonic() < giveUpAt);
  }

  async #exchange<T>(
    command: Uint8Array,
    answer: Answer<T>,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<T> {
    for (let sends = 1; sends <= SENDS_MAX; sends++) {
      await this.#send(command, attempt, signal);
      const found = await this.#await(answer, ANSWER_MS, ANSWER_MS, signal);
      if (found !== null) return found;
      this.#log.debug(
        { event: "msr.not_answered", command: command[1], sends, heard: this.#heard.length },
        "the command was not answered",
      );
    }
    this.#isOutOfStep = true;
    throw attempt.failure("device.silent", "the encoder does not answer: check its own power supply");
  }

  async #send(bytes: Uint8Array, attempt: Attempt, signal: AbortSignal): Promise<void> {
    await sleep(this.#clock, BETWEEN_COMMANDS_MS, signal);
    this.#heard = new Uint8Array();
    try {
      await this.#wire.send(bytes, signal);
    } catch (cause) {
      throw attempt.failure("device.lost", "the line takes no more bytes", cause);
    }
  }

  /** Waits `firstMs` for the first byte and `restMs` from then on; null when no answer came. */
  #await<T>(answer: Answer<T>, firstMs: number, restMs: number, signal: AbortSignal): Promise<T | null> {
    return new Promise((resolve, reject) => {
      let hasBegun = false;
      const settle = () => {
        cancelTimer();
        signal.removeEventListener("abort", onAbort);
        this.#onHeard = () => undefined;
      };
      const finish = (found: T | null) => {
        settle();
        resolve(found);
      };
      const onAbort = () => {
        settle();
        reject(signal.reason as Error);
      };
      let cancelTimer = this.#clock.startTimer(firstMs, () => finish(null));
      const look = () => {
        if (this.#heard.length === 0) return;
        const found = answer(this.#heard);
        if (found !== undefined) finish(found);
        else if (!hasBegun) {
          hasBegun = true;
          cancelTimer();
          cancelTimer = this.#clock.startTimer(restMs, () => finish(null));
        }
      };
      this.#onHeard = look;
      if (signal.aborted) onAbort();
      else {
        signal.addEventListener("abort", onAbort, { once: true });
        look();
      }
    });
  }

  #hear(bytes: Uint8Array): void {
    const heard = Buffer.concat([this.#heard, bytes]);
    this.#heard = new Uint8Array(heard.subarray(-HEARD_MAX));
    if (this.#firstHeard.length < TELLING_BYTES)
      this.#firstHeard = [...this.#firstHeard, ...bytes].slice(0, TELLING_BYTES);
    this.#onHeard();
  }
}
