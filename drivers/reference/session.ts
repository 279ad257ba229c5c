import { type Call, type DriverContext, DriverError, type DriverErrorCode, type Effect } from "#driver-api";
import { decodeEvent, type DeviceEvent } from "./events.js";
import { beginExchange, type Exchange, type ExchangeInput, next } from "./exchange.js";
import {
  decodeReply,
  encodeFrame,
  type Frame,
  type Reply,
  type Request,
  type Status,
  takeFrames,
} from "./protocol.js";

export type SessionContext = DriverContext<"serial"> & { readonly replyTimeoutMs: number };

/** The call that is on the wire. */
interface Pending {
  exchange: Exchange;
  readonly send: () => void;
  readonly settle: () => void;
  readonly fail: (code: DriverErrorCode, message: string, cause?: unknown) => void;
  cancelTimer: () => void;
}

/**
 * The conversation with the device: one request at a time, events in between. It holds no timer and no listener when
 * nothing is asked and after `close`.
 */
export class Session {
  readonly #context: SessionContext;
  readonly #listeners = new Set<(event: DeviceEvent) => void>();
  readonly #stopListening: () => void;
  #received: Uint8Array = new Uint8Array();
  #sequence = 0;
  #pending: Pending | undefined;
  /** Why no more calls are possible. */
  #ended: string | undefined;
  #hasHeardNoise = false;

  constructor(context: SessionContext) {
    this.#context = context;
    const stopData = context.line.onData((chunk) => this.#receive(chunk));
    const stopClose = context.line.onClose((reason) => this.#end(`the line is gone: ${reason}`));
    this.#stopListening = () => {
      stopData();
      stopClose();
    };
  }

  /** Bytes came that belong to no frame: something is there that speaks another language. */
  get hasHeardNoise(): boolean {
    return this.#hasHeardNoise;
  }

  /** The returned function removes the listener. */
  onEvent(listener: (event: DeviceEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the pending call with `device.lost`. Idempotent. */
  close(): void {
    this.#end("the driver was closed");
    this.#stopListening();
    this.#listeners.clear();
  }

  /** Asks and takes only a yes: every other status is the DriverError that it means. */
  async order<Answer>(request: Request<Answer>, call: Call): Promise<Answer> {
    const reply = await this.ask(request, call);
    if (reply.status === "ok") return reply.answer;
    throw refusal(request.name, reply.status);
  }

  /** `order` for what is answered with a bare yes. */
  async perform(request: Request<true>, call: Call): Promise<void> {
    await this.order(request, call);
  }

  /**
   * Sends the request until it is answered. Rejects with `device.silent`, `device.lost`, `reply.malformed`,
   * `call.cancelled` or `device.busy`; with effect `none` when the request changes nothing or was never sent.
   */
  ask<Answer>(request: Request<Answer>, call: Call): Promise<Reply<Answer>> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusalBefore(request, call);
      if (refusal === undefined) this.#begin(request, call, resolve, reject);
      else reject(refusal);
    });
  }

  /** Why the request cannot even be sent. */
  #refusalBefore({ name }: Request<unknown>, { signal }: Call): DriverError | undefined {
    if (this.#ended !== undefined) return new DriverError("device.lost", "none", this.#ended);
    if (signal.aborted)
      return new DriverError("call.cancelled", "none", `${name} was cancelled before it began`);
    if (this.#pending === undefined) return undefined;
    return new DriverError("device.busy", "none", "another call is still on the wire");
  }

  #begin<Answer>(
    request: Request<Answer>,
    { signal }: Call,
    resolve: (reply: Reply<Answer>) => void,
    reject: (error: DriverError) => void,
  ): void {
    this.#sequence = (this.#sequence % 255) + 1;
    const exchange = beginExchange(this.#sequence, request.command);
    const bytes = encodeFrame({ ...exchange, payload: request.payload });
    const onAbort = () =>
      pending.fail("call.cancelled", "cancelled while the device was asked", signal.reason);
    const finish = () => {
      pending.cancelTimer();
      signal.removeEventListener("abort", onAbort);
      if (this.#pending === pending) this.#pending = undefined;
    };
    const pending: Pending = {
      exchange,
      cancelTimer: () => undefined,
      send: () => {
        pending.cancelTimer();
        pending.cancelTimer = this.#context.clock.startTimer(this.#context.replyTimeoutMs, () =>
          this.#overdue(),
        );
        this.#context.line.write(bytes, signal).catch((cause: unknown) => {
          pending.fail("device.lost", "the line took no more bytes", cause);
        });
      },
      settle: () => {
        const reply = decodeReply(request, pending.exchange.payload);
        if (pending.exchange.is === "silent") {
          pending.fail("device.silent", "no answer");
        } else if (pending.exchange.is === "malformed" || reply === undefined) {
          pending.fail("reply.malformed", "the answer is not one to this request");
        } else {
          finish();
          resolve(reply);
        }
      },
      fail: (code, message, cause) => {
        finish();
        // The bytes were handed to the line: from here on only an answer can prove that nothing changed.
        const effect: Effect = request.changes ? "unknown" : "none";
        reject(new DriverError(code, effect, `${request.name}: ${message}`, cause));
      },
    };
    this.#pending = pending;
    signal.addEventListener("abort", onAbort, { once: true });
    pending.send();
  }

  #receive(chunk: Uint8Array): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    this.#takeFrames();
  }

  #takeFrames(): void {
    const { frames, rest, noiseBytes } = takeFrames(this.#received);
    this.#received = rest;
    if (noiseBytes > 0) {
      this.#hasHeardNoise = true;
      this.#context.log.debug({ event: "reference.noise", noiseBytes }, "bytes that belong to no frame");
    }
    for (const frame of frames) this.#handle(frame);
  }

  #handle(frame: Frame): void {
    const event = decodeEvent(frame);
    if (event !== undefined) for (const listener of [...this.#listeners]) listener(event);
    this.#advance({ type: "frame", frame });
  }

  /**
   * The beginning of a frame that never ended may hide a whole one behind it, or another such beginning: noise that
   * looked like a start byte, or an answer cut short. No frame lasts as long as the device may take to answer, so all
   * of them are given up before a resend.
   */
  #overdue(): void {
    const pending = this.#pending;
    while (this.#received.length > 0 && this.#pending === pending) {
      this.#hasHeardNoise = true;
      this.#received = this.#received.subarray(1);
      this.#takeFrames();
    }
    if (this.#pending === pending) this.#advance({ type: "answer.overdue" });
  }

  #advance(input: ExchangeInput): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { exchange, order } = next(pending.exchange, input);
    pending.exchange = exchange;
    if (order === "send") pending.send();
    if (order === "finish") pending.settle();
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    this.#pending?.fail("device.lost", this.#ended);
  }
}

/** What each status that is not `ok` means to the caller. Only `torn` leaves the card in doubt. */
const REFUSALS: Record<Exclude<Status, "ok">, readonly [DriverErrorCode, Effect, string]> = {
  busy: ["device.busy", "none", "the device is busy"],
  refused: ["device.refused", "none", "the device refuses"],
  no_card: ["card.absent", "none", "there is no card"],
  several_cards: ["card.several", "none", "there is more than one card"],
  other_card: ["card.swapped", "none", "there is another card than the one that was seen"],
  wrong_key: ["card.unwritable", "none", "the card does not accept this key"],
  forbidden: ["card.unwritable", "none", "the card's own rules forbid this"],
  torn: ["card.absent", "unknown", "the card left while it was written"],
  no_server: ["server.unreachable", "none", "the server behind the issuer cannot be reached"],
};

export function refusal(name: string, status: Exclude<Status, "ok">, detail?: string): DriverError {
  const [code, effect, message] = REFUSALS[status];
  return new DriverError(code, effect, `${name}: ${detail ?? message}`);
}
