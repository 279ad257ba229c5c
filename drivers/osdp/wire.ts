import { type DriverContext, DriverError } from "#driver-api";
import { beginExchange, type Exchange, type ExchangeInput, next, REPEATS_MAX } from "./exchange.js";
import type { Reply } from "./messages.js";
import { FRAME_BYTES_MAX, FrameDecoder, MARK, type SecurityBlock } from "./protocol.js";
import type { Outgoing } from "./session.js";

/** How a conversation of one command ended. */
export type Outcome =
  | { readonly is: "answered"; readonly reply: Reply; readonly security: SecurityBlock | null }
  /** `heard`: nothing at all, or bytes that are no answer. The two have different causes. */
  | { readonly is: "silent"; readonly heard: "nothing" | "noise" }
  | { readonly is: "busy" }
  | { readonly is: "out_of_step"; readonly notDone: boolean };

/** A peripheral begins to answer within 200 ms. */
const ANSWER_MS = 200;
/** What a USB adapter may add in both directions. */
const ADAPTER_MS = 16;
/** The bytes of one answer follow each other within 20 ms; adapters hand them over in pieces. */
const BETWEEN_BYTES_MS = 60;
/** Before a busy peripheral is asked again. */
const BUSY_PAUSE_MS = 50;
/** Start, eight data bits, stop. */
const BITS_PER_BYTE = 10;
/** The line is held idle for two characters before a frame. Less than this passes by itself. */
const QUIET_MS_MIN = 1;

interface Pending {
  readonly outgoing: Outgoing;
  exchange: Exchange;
  answer: Extract<Outcome, { is: "answered" }> | null;
  hasHeard: boolean;
  /** No answer is waited for longer, whatever comes. Monotonic milliseconds. */
  latestEnd: number;
  overdueAt: number;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: DriverError) => void;
}

/**
 * The line, for one command at a time: sends, listens, repeats. While it is used it has exactly one timer, and none
 * after `end`.
 */
export class Wire {
  readonly #context: DriverContext<"serial">;
  readonly #decoder = new FrameDecoder();
  readonly #life = new AbortController();
  readonly #stopListening: () => void;
  #baud: number;
  #pending: Pending | null = null;
  #cancelTimer: () => void = () => undefined;
  #quietAt = 0;
  #resting: ((reason: DriverError | null) => void) | null = null;
  #ended: string | null = null;

  constructor(context: DriverContext<"serial">, baud: number) {
    this.#context = context;
    this.#baud = baud;
    const stopData = context.line.onData((chunk) => this.#hear(chunk));
    const stopClose = context.line.onClose((reason) => this.end(`the line is gone: ${reason}`));
    this.#stopListening = () => {
      stopData();
      stopClose();
    };
  }

  /** Why nothing more can be said. */
  get ended(): string | null {
    return this.#ended;
  }

  get baud(): number {
    return this.#baud;
  }

  /** Ends what is waited for. Idempotent. */
  end(reason: string): void {
    if (this.#ended !== null) return;
    this.#ended = reason;
    this.#cancelTimer();
    this.#stopListening();
    const error = new DriverError("device.lost", "none", reason);
    const [pending, resting] = [this.#pending, this.#resting];
    this.#pending = null;
    this.#resting = null;
    pending?.reject(error);
    resting?.(error);
    this.#life.abort(error);
  }

  /** Rejects only when the line is gone. */
  async converse(outgoing: Outgoing, repeats: number = REPEATS_MAX): Promise<Outcome> {
    const quietMs = this.#quietAt - this.#context.clock.monotonic();
    if (quietMs >= QUIET_MS_MIN) await this.#rest(quietMs);
    this.#refuseAfterEnd();
    return new Promise((resolve, reject) => {
      const exchange = beginExchange(repeats);
      this.#pending = {
        outgoing,
        exchange,
        answer: null,
        hasHeard: false,
        latestEnd: 0,
        overdueAt: 0,
        resolve,
        reject,
      };
      this.#send(this.#pending);
    });
  }

  /** Waits for `ms`, or until `wake`. Rejects when the line is gone. */
  async idle(ms: number): Promise<void> {
    this.#refuseAfterEnd();
    await this.#rest(ms, (wake) => (this.#wake = wake));
  }

  #wake: () => void = () => undefined;

  wake(): void {
    this.#wake();
  }

  async setBaud(baud: number): Promise<void> {
    if (baud === this.#baud) return;
    this.#refuseAfterEnd();
    await this.#context.line.setBaudRate(baud);
    this.#baud = baud;
  }

  #refuseAfterEnd(): void {
    if (this.#ended !== null) throw new DriverError("device.lost", "none", this.#ended);
  }

  #rest(ms: number, offerWake: (wake: () => void) => void = () => undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error: DriverError | null) => {
        this.#cancelTimer();
        this.#resting = null;
        offerWake(() => undefined);
        if (error === null) resolve();
        else reject(error);
      };
      this.#resting = finish;
      this.#startTimer(ms, () => finish(null));
      offerWake(() => finish(null));
    });
  }

  #startTimer(ms: number, fire: () => void): void {
    this.#cancelTimer();
    const cancel = this.#context.clock.startTimer(ms, fire);
    this.#cancelTimer = () => {
      cancel();
      this.#cancelTimer = () => undefined;
    };
  }

  #bytesMs(count: number): number {
    return (count * BITS_PER_BYTE * 1_000) / this.#baud;
  }

  #send(pending: Pending): void {
    const bytes = Uint8Array.of(MARK, ...pending.outgoing.bytes);
    this.#decoder.listenTo(pending.outgoing.address);
    const now = this.#context.clock.monotonic();
    pending.overdueAt = now + this.#bytesMs(bytes.length) + ANSWER_MS + ADAPTER_MS;
    pending.latestEnd = pending.overdueAt + this.#bytesMs(FRAME_BYTES_MAX);
    this.#startTimer(pending.overdueAt - now, () => this.#overdue(pending));
    // Its own failure comes as the end of the line; the end itself may also be what aborts it.
    this.#context.line.write(bytes, this.#life.signal).catch((error: unknown) => {
      this.end(error instanceof Error ? error.message : "the line took no more bytes");
    });
  }

  #hear(chunk: Uint8Array): void {
    const pending = this.#pending;
    // Nobody speaks unasked: what comes now is noise, or an answer that was given up.
    if (pending === null) return;
    pending.hasHeard = true;
    for (const frame of this.#decoder.push(chunk)) {
      this.#advance(pending, { type: "heard", verdict: pending.outgoing.judge(frame) });
      if (this.#pending !== pending) return;
    }
    if (this.#decoder.pending > 0) this.#waitForTheRest(pending);
  }

  #waitForTheRest(pending: Pending): void {
    const now = this.#context.clock.monotonic();
    const overdueAt = Math.min(pending.latestEnd, now + BETWEEN_BYTES_MS);
    if (overdueAt <= pending.overdueAt) return;
    pending.overdueAt = overdueAt;
    this.#startTimer(overdueAt - now, () => this.#overdue(pending));
  }

  /** What began like an answer and never ended may hide a whole one behind it. */
  #overdue(pending: Pending): void {
    for (const frame of this.#decoder.rescue()) {
      this.#advance(pending, { type: "heard", verdict: pending.outgoing.judge(frame) });
      if (this.#pending !== pending) return;
    }
    this.#advance(pending, { type: "answer.overdue" });
  }

  #advance(pending: Pending, input: ExchangeInput): void {
    if (this.#pending !== pending) return;
    const { exchange, order } = next(pending.exchange, input);
    pending.exchange = exchange;
    if (input.type === "heard" && input.verdict.is === "answer") {
      const { reply, security } = input.verdict;
      pending.answer = { is: "answered", reply, security };
    }
    switch (order) {
      case "wait":
        return;
      case "send":
        this.#send(pending);
        return;
      case "pause":
        this.#startTimer(BUSY_PAUSE_MS, () => this.#send(pending));
        return;
      case "finish":
        this.#cancelTimer();
        this.#pending = null;
        this.#quietAt = this.#context.clock.monotonic() + this.#bytesMs(2);
        pending.resolve(outcomeOf(pending));
    }
  }
}

function outcomeOf({ exchange, answer, hasHeard }: Pending): Outcome {
  if (answer !== null) return answer;
  if (exchange.is === "busy") return { is: "busy" };
  if (exchange.is === "out_of_step") return { is: "out_of_step", notDone: exchange.notDone };
  return { is: "silent", heard: hasHeard ? "noise" : "nothing" };
}
