import type { Attempt, DriverContext, DriverLog } from "#driver-api";
import { Conversation } from "#src/contactless/conversation";
import {
  type Command,
  commands,
  encodeLine,
  END_OF_LINE,
  lastLine,
  type Line,
  STATUS_OK,
  STATUS_UNUSED_PARAMETERS,
} from "./protocol.js";

/** The vendor names no limit; 200 ms is what a search with one tag type takes, the rest is for a busy machine. */
const ANSWER_MS = 1_000;
const TICKS_MS = 300;
const TRIES_MAX = 3;
/** What is on its way after a broken exchange arrives meanwhile. */
const SETTLE_MS = 20;
/** The reader's clock and ours need not agree to the millisecond. */
const TICKS_SLACK_MS = 2_000;

export interface AskOptions {
  readonly answerMs?: number;
  /** From the moment it leaves, nobody knows what is on the card. */
  readonly changesCard?: boolean;
  /** To do it twice is not the same as to do it once. */
  readonly isOnce?: boolean;
}

/**
 * The conversation with the reader: a line there, a line back, and no number by which an answer could be told from a late
 * one. So whenever an exchange did not end as it should, the reader's clock is asked until it gives a plausible time;
 * answers come in order, and everything that came before that one is old.
 */
export class Session {
  readonly #talk: Conversation;
  readonly #log: DriverLog;
  #hasChecksum = false;
  #isOutOfStep = false;
  #ticks: { readonly value: number; readonly at: number } | null = null;

  constructor(context: DriverContext<"serial">) {
    this.#talk = new Conversation(context);
    this.#log = context.log;
  }

  /**
   * Finds out whether the reader's lines carry a checksum, and asks what it is. A reader without takes ours for bytes too
   * many, and says so. Rejects with `device.silent`, or `device.wrong` when something else answers.
   */
  start(attempt: Attempt): Promise<string> {
    return this.#talk.inTurn(attempt, async (signal) => {
      for (let tries = 1; tries <= TRIES_MAX; tries++) {
        await this.#talk.send(END_OF_LINE, attempt, signal);
        await this.#talk.rest(SETTLE_MS, signal);
        for (const hasChecksum of [true, false]) {
          this.#hasChecksum = hasChecksum;
          const version = await this.#version(attempt, signal);
          if (version === null) break;
          if (version.is === "without checksum") continue;
          if (version.text.startsWith("TWN4/")) return version.text;
          throw attempt.failure("device.wrong", `this is no TWN4 reader: it calls itself ${version.text}`);
        }
      }
      const { firstHeard } = this.#talk;
      if (firstHeard === "") throw attempt.failure("device.silent", "the reader does not answer");
      throw attempt.failure(
        "device.wrong",
        `something answers at this port, but not in Elatec's Simple Protocol: it begins with ${firstHeard} (hex). A TWN4 needs a PRS firmware.`,
      );
    });
  }

  /**
   * The answer. Rejects with `device.silent`, `reply.malformed`, `device.refused`, `device.lost` or `call.cancelled`.
   */
  ask<A>(command: Command<A>, attempt: Attempt, options: AskOptions = {}): Promise<A> {
    const { answerMs = ANSWER_MS, changesCard = false, isOnce = false } = options;
    return this.#talk.inTurn(attempt, async (signal) => {
      for (let tries = 1; ; tries++) {
        if (this.#isOutOfStep) await this.#fallIntoStep(attempt, signal);
        signal.throwIfAborted();
        if (changesCard) attempt.effect = "unknown";
        const answer = await this.#exchange(command, answerMs, attempt, signal);
        if (answer.is === "ok") return answer.value;
        this.#log.debug({ event: "twn4.not_answered", command: command.name, tries }, "a command failed");
        if (isOnce || tries === TRIES_MAX) throw this.#failure(command, answer, attempt);
      }
    });
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#talk.pause(ms, attempt);
  }

  /** Field and lamps off. */
  close(): Promise<void> {
    const goodbye = [commands.fieldOff(), commands.lampsOff()].map((it) => encodeLine(it, this.#hasChecksum));
    return this.#talk.close(Uint8Array.from(Buffer.concat([END_OF_LINE, ...goodbye])));
  }

  async #exchange<A>(
    command: Command<A>,
    ms: number,
    attempt: Attempt,
    signal: AbortSignal,
  ): Promise<Answer<A>> {
    this.#isOutOfStep = true;
    await this.#talk.send(encodeLine(command, this.#hasChecksum), attempt, signal);
    const answer = await this.#talk.receive<Answer<A>>(ms, signal, (heard) => {
      const line = lastLine(heard, this.#hasChecksum);
      return line === null ? null : answerOf(line, command);
    });
    if (answer === null) return { is: this.#talk.hasHeard ? "malformed" : "silent" };
    this.#isOutOfStep = false;
    return answer;
  }

  /** Null when there was no answer. */
  async #version(attempt: Attempt, signal: AbortSignal): Promise<Version | null> {
    const command = commands.version();
    await this.#talk.send(encodeLine(command, this.#hasChecksum), attempt, signal);
    return this.#talk.receive<Version>(ANSWER_MS, signal, (heard) => {
      const line = lastLine(heard, this.#hasChecksum);
      const answer = line === null ? null : answerOf(line, command);
      if (answer?.is === "ok") return { is: "version", text: answer.value };
      const bare = this.#hasChecksum ? lastLine(heard, false) : null;
      const isOther = bare?.status === STATUS_UNUSED_PARAMETERS && bare.content.length === 0;
      return isOther ? { is: "without checksum" } : null;
    });
  }

  async #fallIntoStep(attempt: Attempt, signal: AbortSignal): Promise<void> {
    for (let tries = 1; tries <= TRIES_MAX; tries++) {
      await this.#talk.send(END_OF_LINE, attempt, signal);
      await this.#talk.rest(SETTLE_MS, signal);
      await this.#talk.send(encodeLine(commands.ticks(), this.#hasChecksum), attempt, signal);
      const ticks = await this.#talk.receive(TICKS_MS, signal, (heard) => {
        const line = lastLine(heard, this.#hasChecksum);
        const answer = line === null ? null : answerOf(line, commands.ticks());
        return answer?.is === "ok" && this.#isPlausible(answer.value) ? answer.value : null;
      });
      if (ticks === null) continue;
      this.#ticks = { value: ticks, at: this.#talk.now() };
      this.#isOutOfStep = false;
      return;
    }
    throw attempt.failure("device.silent", "the reader does not answer");
  }

  /** Later than the last one, by about as much as passed here. A reader that started anew begins at 0. */
  #isPlausible(value: number): boolean {
    if (this.#ticks === null) return true;
    const passed = this.#talk.now() - this.#ticks.at;
    return value > this.#ticks.value
      ? value - this.#ticks.value <= passed + TICKS_SLACK_MS
      : value <= passed + TICKS_SLACK_MS;
  }

  #failure<A>({ name }: Command<A>, answer: Exclude<Answer<A>, { is: "ok" }>, attempt: Attempt) {
    switch (answer.is) {
      case "silent":
        return attempt.failure("device.silent", "the reader does not answer");
      case "malformed":
        return attempt.failure("reply.malformed", `the answer to ${name} makes no sense`);
      case "refused":
        return attempt.failure("device.refused", `the reader refuses ${name} (error ${answer.status})`);
    }
  }
}

type Answer<A> =
  | { readonly is: "ok"; readonly value: A }
  | { readonly is: "refused"; readonly status: number }
  | { readonly is: "malformed" }
  | { readonly is: "silent" };

type Version = { readonly is: "version"; readonly text: string } | { readonly is: "without checksum" };

/** Null for a line that is no answer to this command: an old one, perhaps. */
function answerOf<A>({ status, content }: Line, command: Command<A>): Answer<A> | null {
  if (status !== STATUS_OK) return content.length === 0 ? { is: "refused", status } : null;
  const value = command.parse(content);
  return value === undefined ? null : { is: "ok", value };
}
