import { z } from "zod";
import { DriverError, type Effect } from "#driver-api";
import type { Channel } from "./channel.js";
import { errorOf, failureOf, failureSchema } from "./failure.js";
import { fromPlain, type Lender, NotUnderstood, toPlain } from "./plain.js";

const number = z.int().nonnegative();
const message = z.discriminatedUnion("is", [
  /** Wants an answer. */
  z.object({ is: z.literal("call"), id: number, to: z.string(), args: z.array(z.unknown()) }),
  z.object({ is: z.literal("abort"), id: number }),
  z.object({ is: z.literal("answer"), id: number, value: z.unknown() }),
  z.object({ is: z.literal("failure"), id: number, failure: failureSchema }),
  /** Wants none. */
  z.object({ is: z.literal("news"), about: z.string(), args: z.array(z.unknown()) }),
]);

/** What one side does for the other. */
export interface Service {
  /** What it rejects with goes back to the caller. */
  answer(to: string, args: readonly unknown[]): Promise<unknown>;
  hear(about: string, args: readonly unknown[]): void;
}

interface Asked {
  readonly effect: Effect;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Leaves no listener and no lent function. */
  readonly settle: () => void;
}

/** To call a function that was lent. */
const FUNCTION = "function";

/**
 * One side of a conversation between the gateway and a driver's process; both sides are alike. A call's abort signal and
 * the functions among its arguments work across: they are for this call, and end with its answer.
 */
export class Peer {
  readonly #channel: Channel;
  readonly #service: Service;
  readonly #asked = new Map<number, Asked>();
  readonly #answering = new Map<number, AbortController>();
  readonly #answers = new Set<Promise<void>>();
  readonly #lent = new Map<number, (...args: never[]) => unknown>();
  #lastNumber = 0;
  #endedBecause: string | null = null;

  constructor(channel: Channel, service: Service) {
    this.#channel = channel;
    this.#service = service;
    channel.onText((text) => this.#take(text));
    channel.onEnd((reason) => this.end(reason));
  }

  /**
   * Rejects as the other side does; with `device.lost` when that is gone, and then `effect` says whether the card or
   * lock could have changed by this call.
   */
  call(to: string, args: readonly unknown[], effect: Effect = "none"): Promise<unknown> {
    if (this.#endedBecause !== null) return Promise.reject(gone("none", this.#endedBecause));
    const id = this.#nextNumber();
    const lent: number[] = [];
    let stopListening = (): void => undefined;
    const settle = (): void => {
      stopListening();
      for (const key of lent) this.#lent.delete(key);
      this.#asked.delete(id);
    };
    const lender: Lender = {
      lend: (work) => {
        const key = this.#nextNumber();
        this.#lent.set(key, work);
        lent.push(key);
        return key;
      },
      signal: (signal) => {
        const abort = () => this.#send({ is: "abort", id });
        signal.addEventListener("abort", abort, { once: true });
        stopListening = () => signal.removeEventListener("abort", abort);
      },
    };
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { effect, resolve, reject, settle });
      try {
        this.#send({ is: "call", id, to, args: args.map((arg) => toPlain(arg, lender)) });
      } catch (error) {
        settle();
        throw error;
      }
    });
  }

  tell(about: string, args: readonly unknown[]): void {
    this.#send({ is: "news", about, args: args.map((arg) => toPlain(arg, NO_LENDER)) });
  }

  /** Resolves when everything that is being answered is. Never rejects. */
  async answered(): Promise<void> {
    await Promise.all(this.#answers);
  }

  /** Whatever was asked fails, whatever is being answered is told to stop. */
  end(reason: string): void {
    if (this.#endedBecause !== null) return;
    this.#endedBecause = reason;
    this.#channel.end();
    for (const { settle, reject, effect } of [...this.#asked.values()]) {
      settle();
      reject(gone(effect, reason));
    }
    for (const scope of this.#answering.values()) scope.abort();
  }

  #nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  #send(content: z.input<typeof message>): void {
    if (this.#endedBecause === null) this.#channel.send(JSON.stringify(content));
  }

  #take(text: string): void {
    try {
      this.#obey(message.parse(JSON.parse(text)));
    } catch (error) {
      if (!isNotUnderstood(error)) throw error;
      this.end("what it says is not understood");
    }
  }

  #obey(content: z.output<typeof message>): void {
    switch (content.is) {
      case "call":
        this.#begin(content.id, content.to, content.args);
        return;
      case "abort":
        this.#answering.get(content.id)?.abort();
        return;
      case "news":
        this.#service.hear(content.about, this.#values(content.args, null));
        return;
      case "answer":
      case "failure": {
        const asked = this.#asked.get(content.id);
        if (asked === undefined) return;
        if (content.is === "answer") asked.resolve(this.#values([content.value], null)[0]);
        else asked.reject(errorOf(content.failure));
        asked.settle();
      }
    }
  }

  #begin(id: number, to: string, args: readonly unknown[]): void {
    const answer = this.#answer(id, to, args).finally(() => this.#answers.delete(answer));
    this.#answers.add(answer);
  }

  /** Never rejects. */
  async #answer(id: number, to: string, args: readonly unknown[]): Promise<void> {
    const scope = new AbortController();
    this.#answering.set(id, scope);
    try {
      const values = this.#values(args, scope);
      const value = await (to === FUNCTION ? this.#callLent(values) : this.#service.answer(to, values));
      this.#send({ is: "answer", id, value: toPlain(value, NO_LENDER) });
    } catch (error) {
      this.#send({ is: "failure", id, failure: failureOf(error) });
    } finally {
      this.#answering.delete(id);
    }
  }

  async #callLent([key, ...args]: readonly unknown[]): Promise<unknown> {
    const work = this.#lent.get(Number(key));
    if (work === undefined) throw new TypeError("the call that this function belongs to has ended");
    return await work(...(args as never[]));
  }

  #values(plain: readonly unknown[], scope: AbortController | null): readonly unknown[] {
    return plain.map((value) =>
      fromPlain(value, {
        signal(isAborted) {
          if (scope === null) throw new NotUnderstood("a signal without a call");
          if (isAborted) scope.abort();
          return scope.signal;
        },
        borrow:
          (key) =>
          (...args) => {
            const answer = this.call(FUNCTION, [key, ...args]);
            // Whoever only tells something does not wait for the answer.
            answer.catch(() => undefined);
            return answer;
          },
      }),
    );
  }
}

/** Only a call has functions and a signal: there is an end to them. */
const NO_LENDER: Lender = { lend: refuse, signal: refuse };

function refuse(): never {
  throw new TypeError("neither functions nor signals can be in an answer or in news");
}

function gone(effect: Effect, reason: string): DriverError {
  return new DriverError("device.lost", effect, `the driver's process is gone: ${reason}`);
}

function isNotUnderstood(error: unknown): boolean {
  return error instanceof NotUnderstood || error instanceof z.ZodError || error instanceof SyntaxError;
}
