import type { Verdict } from "./session.js";

/**
 * One command and its answer as a pure function: what counts, when to send the same bytes again, when to give up. The
 * wire owns the line and the timer and does what `next` orders.
 */
export interface Exchange {
  readonly is: "waiting" | "answered" | "silent" | "busy" | "out_of_step";
  readonly repeatsLeft: number;
  readonly busyLeft: number;
  /** Something came that shows that both sides disagree; the true answer may still come. */
  readonly isStrange: boolean;
  /** The peripheral itself said that it did not do the command. */
  readonly notDone: boolean;
}

export type ExchangeInput =
  { readonly type: "heard"; readonly verdict: Verdict } | { readonly type: "answer.overdue" };

/** What the wire does next: `pause` means to send again after a moment. */
export type Order = "wait" | "send" | "pause" | "finish";

/** An answer that is lost on the wire is asked for again so often; then the peripheral counts as silent. */
export const REPEATS_MAX = 2;
/** At 50 ms each, a peripheral may be busy for a second. */
export const BUSY_MAX = 20;

export function beginExchange(repeats: number = REPEATS_MAX): Exchange {
  return { is: "waiting", repeatsLeft: repeats, busyLeft: BUSY_MAX, isStrange: false, notDone: false };
}

export function next(
  exchange: Exchange,
  input: ExchangeInput,
): { readonly exchange: Exchange; readonly order: Order } {
  if (exchange.is !== "waiting") return { exchange, order: "finish" };
  if (input.type === "answer.overdue") return overdue(exchange);
  switch (input.verdict.is) {
    case "answer":
      return { exchange: { ...exchange, is: "answered" }, order: "finish" };
    case "busy":
      return exchange.busyLeft === 0
        ? { exchange: { ...exchange, is: "busy" }, order: "finish" }
        : { exchange: { ...exchange, busyLeft: exchange.busyLeft - 1 }, order: "pause" };
    case "stray":
      return { exchange, order: "wait" };
    case "out_of_step":
      // A peripheral that says so has nothing more to say.
      return input.verdict.notDone
        ? { exchange: { ...exchange, is: "out_of_step", notDone: true }, order: "finish" }
        : { exchange: { ...exchange, isStrange: true }, order: "wait" };
  }
}

/** Repeating a command to a peripheral that is out of step would only bring the same wrong answer again. */
function overdue(exchange: Exchange): { readonly exchange: Exchange; readonly order: Order } {
  if (exchange.isStrange) return { exchange: { ...exchange, is: "out_of_step" }, order: "finish" };
  if (exchange.repeatsLeft === 0) return { exchange: { ...exchange, is: "silent" }, order: "finish" };
  return { exchange: { ...exchange, repeatsLeft: exchange.repeatsLeft - 1 }, order: "send" };
}
