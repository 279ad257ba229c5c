import type { Attempt, DriverContext, DriverLog, HidLine } from "#driver-api";
import { type ByteLine, Conversation } from "#src/contactless/conversation";
import {
  type Answer,
  type Command,
  commands,
  decodeAnswer,
  encodeCommand,
  type Info,
  parseInfo,
  REPORT_BYTES,
} from "./protocol.js";

/** The vendor names 500 ms; the rest is for a busy machine. */
const ANSWER_MS = 700;
/** The reader wants so long between two commands. Meanwhile an answer that comes twice, or late, comes too. */
const BETWEEN_MS = 100;
const TRIES_MAX = 3;

/**
 * The conversation with the reader: a report there, a report back. An answer names its command and nothing else, so
 * answers that are late or doubled can only come before the right one: of all that came, the last one counts.
 */
export class Session {
  readonly #talk: Conversation;
  readonly #log: DriverLog;

  constructor({ line, clock, log }: DriverContext<"hid">) {
    this.#talk = new Conversation({ line: reportsAsBytes(line), clock });
    this.#log = log;
  }

  /** Rejects with `device.silent`, or `device.wrong` when something else answers. */
  async start(attempt: Attempt): Promise<Info> {
    const { data } = await this.ask(commands.info, attempt).catch((error: unknown) => {
      const { firstHeard } = this.#talk;
      if (firstHeard === "" || attempt.signal.aborted || !isSilence(error)) throw error;
      throw attempt.failure(
        "device.wrong",
        `something answers, but not as an RRHFOEM04 does: it begins with ${firstHeard} (hex)`,
        error,
      );
    });
    const info = parseInfo(data);
    if (info !== null) return info;
    throw attempt.failure("device.wrong", "the reader does not call itself RRHFOEM04 or RRHFOEM07");
  }

  /** The answer, also when it is a no. Every command may be done twice: nothing it does depends on what was before. */
  ask(command: Command, attempt: Attempt, changesCard = false): Promise<Answer> {
    return this.#talk.inTurn(attempt, async (signal) => {
      for (let tries = 1; tries <= TRIES_MAX; tries++) {
        signal.throwIfAborted();
        if (changesCard) attempt.effect = "unknown";
        await this.#talk.send(encodeCommand(command), attempt, signal);
        const take = (heard: Uint8Array) => lastAnswer(heard, command.code);
        const first = await this.#talk.receive(ANSWER_MS, signal, take);
        await this.#talk.rest(BETWEEN_MS, signal);
        const last = first && (await this.#talk.receive(0, signal, take));
        if (last !== null) return last;
        this.#log.debug({ event: "rrhfoem04.not_answered", command: command.code, tries }, "no answer");
      }
      throw attempt.failure(
        this.#talk.hasHeard ? "reply.malformed" : "device.silent",
        "the reader does not answer as it should",
      );
    });
  }

  pause(ms: number, attempt: Attempt): Promise<void> {
    return this.#talk.pause(ms, attempt);
  }

  close(): Promise<void> {
    return this.#talk.close(encodeCommand(commands.halt));
  }
}

function isSilence(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "device.silent" || code === "reply.malformed";
}

function lastAnswer(heard: Uint8Array, code: number): Answer | null {
  let last: Answer | null = null;
  for (let at = 0; at < heard.length; at += REPORT_BYTES) {
    const answer = decodeAnswer(heard.subarray(at, at + REPORT_BYTES));
    if (answer?.code === code) last = answer;
  }
  return last;
}

/** Reports are all of one length, so one after another they are as good as apart. */
function reportsAsBytes(line: HidLine): ByteLine {
  return {
    write: (bytes, signal) => line.write(bytes, signal),
    onData: (listener) => line.onReport(listener),
    onClose: (listener) => line.onClose(listener),
  };
}
