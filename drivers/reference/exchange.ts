import { ANSWER_BIT, EVENT_SEQUENCE, type Frame } from "./protocol.js";

/**
 * One request and its answer as a pure function: which frames count, when to send again, when to give up. The session
 * owns the line and the timer and does what `next` orders.
 */
export interface Exchange {
  readonly is: "waiting" | "answered" | "silent" | "malformed";
  readonly sequence: number;
  readonly command: number;
  /** Sends that are left after the first. */
  readonly resendsLeft: number;
  /** The answer's payload; empty until there is one. */
  readonly payload: Uint8Array;
}

export type ExchangeInput =
  { readonly type: "frame"; readonly frame: Frame } | { readonly type: "answer.overdue" };

/** The device answers a repeated request from memory, so a resend never does anything twice. */
const RESENDS_MAX = 2;

export function beginExchange(sequence: number, command: number): Exchange {
  return { is: "waiting", sequence, command, resendsLeft: RESENDS_MAX, payload: new Uint8Array() };
}

export function next(
  exchange: Exchange,
  input: ExchangeInput,
): { readonly exchange: Exchange; readonly order: "send" | "wait" | "finish" } {
  if (exchange.is !== "waiting") return { exchange, order: "finish" };
  switch (input.type) {
    case "answer.overdue":
      return exchange.resendsLeft === 0
        ? { exchange: { ...exchange, is: "silent" }, order: "finish" }
        : { exchange: { ...exchange, resendsLeft: exchange.resendsLeft - 1 }, order: "send" };
    case "frame": {
      const { sequence, command, payload } = input.frame;
      // An event, or a late answer to a call that has been given up.
      if (sequence === EVENT_SEQUENCE || sequence !== exchange.sequence) return { exchange, order: "wait" };
      const is = command === (exchange.command | ANSWER_BIT) ? "answered" : "malformed";
      return { exchange: { ...exchange, is, payload }, order: "finish" };
    }
  }
}
