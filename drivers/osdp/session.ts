import { COMMAND, decodeReply, REPLY, type Reply, type Request } from "./messages.js";
import { encodeCommand, type Frame, hasMac, type SecurityBlock } from "./protocol.js";
import type { SecureChannel } from "./secure-channel.js";

/** What a frame means to the command that waits for its answer. */
export type Verdict =
  /** `security`: the block that came with it, for the handshake. */
  | { readonly is: "answer"; readonly reply: Reply; readonly security: SecurityBlock | null }
  /** Not done; the same bytes are welcome in a moment. Uses up no sequence number. */
  | { readonly is: "busy" }
  /** Nothing to do with it: an earlier answer that came late or twice. */
  | { readonly is: "stray" }
  /**
   * From this peripheral, and proof that both sides no longer agree: the conversation must start over. `notDone`: it
   * also says that it did not do the command.
   */
  | { readonly is: "out_of_step"; readonly notDone: boolean };

/** One command as it leaves, and how its answer is told. */
export interface Outgoing {
  readonly request: Request;
  readonly address: number;
  /** The same bytes for every repeat: a peripheral that did the command answers them again and does nothing. */
  readonly bytes: Uint8Array;
  /** Of a reply that bears the address. */
  judge(frame: Frame): Verdict;
}

/** The conversation with one peripheral: sequence numbers, the kind of check, the secure channel. */
export class Session {
  readonly address: number;
  /** Every peripheral takes a checksum; CRC is taken by nearly all, and finds more. */
  usesCrc = true;
  #sequence = 0;
  #channel: SecureChannel | null = null;
  /** The last answer, to tell a late copy of it from a new one. */
  #lastAnswer: Uint8Array | null = null;

  constructor(address: number) {
    this.address = address;
  }

  get isSecure(): boolean {
    return this.#channel !== null;
  }

  /** From sequence number 0, in clear: the peripheral forgets its last answer and its channel too. */
  restart(): void {
    this.#sequence = 0;
    this.#channel = null;
  }

  secure(channel: SecureChannel): void {
    this.#channel = channel;
  }

  /** Both sides have dropped their keys. */
  dropChannel(): void {
    this.#channel = null;
  }

  begin(request: Request, security: SecurityBlock | null = null): Outgoing {
    const sequence = this.#sequence;
    const channel = this.#channel;
    const command = { ...request, address: this.address, sequence, usesCrc: this.usesCrc };
    const bytes = channel === null ? encodeCommand({ ...command, security }) : channel.wrap(command);
    return {
      request,
      address: this.address,
      bytes,
      judge: (frame) => this.#judge(frame, request, sequence, channel),
    };
  }

  #judge(frame: Frame, request: Request, sequence: number, channel: SecureChannel | null): Verdict {
    const isClear = frame.security === null || !hasMac(frame.security.type);
    if (isClear && frame.code === REPLY.busy) return { is: "busy" };
    if (isClear && frame.code === REPLY.nak && frame.data[0] === SEQUENCE_NAK) return NOT_DONE;
    if (frame.sequence !== sequence)
      return frame.sequence === 0 && !this.#isCopy(frame) ? OUT_OF_STEP : STRAY;
    // It still has a channel, and this side has none.
    if (channel === null && !isClear) return OUT_OF_STEP;
    if (channel !== null && isClear) return this.#judgeClear(frame, request);
    const data = channel === null ? frame.data : channel.unwrap(frame);
    if (data === null) return OUT_OF_STEP;
    return this.#answer(frame, request, decodeReply(frame.code, data));
  }

  #isCopy({ covered }: Frame): boolean {
    return this.#lastAnswer !== null && Buffer.compare(this.#lastAnswer, covered) === 0;
  }

  /** In clear, though there is a channel: only what needs no trust is taken. Data never is. */
  #judgeClear(frame: Frame, request: Request): Verdict {
    if (frame.code === REPLY.nak) return NOT_DONE;
    if (frame.code === REPLY.ack && request.code === COMMAND.keySet)
      return this.#answer(frame, request, { is: "ack" });
    return OUT_OF_STEP;
  }

  #answer(frame: Frame, request: Request, reply: Reply): Verdict {
    const isMeant =
      request.answers === null || frame.code === REPLY.nak || request.answers.includes(frame.code);
    if (!isMeant) return STRAY;
    this.#lastAnswer = frame.covered;
    this.#sequence = (this.#sequence % 3) + 1;
    return { is: "answer", reply, security: frame.security };
  }
}

const SEQUENCE_NAK = 4;
const STRAY: Verdict = { is: "stray" };
const OUT_OF_STEP: Verdict = { is: "out_of_step", notDone: false };
const NOT_DONE: Verdict = { is: "out_of_step", notDone: true };
