import { describe, expect, test } from "vitest";
import { beginExchange, BUSY_MAX, type ExchangeInput, next } from "./exchange.js";

const overdue: ExchangeInput = { type: "answer.overdue" };
const heard = (is: "busy" | "stray"): ExchangeInput => ({ type: "heard", verdict: { is } });
const answer: ExchangeInput = {
  type: "heard",
  verdict: { is: "answer", reply: { is: "ack" }, security: null },
};
const strange: ExchangeInput = { type: "heard", verdict: { is: "out_of_step", notDone: false } };
const refused: ExchangeInput = { type: "heard", verdict: { is: "out_of_step", notDone: true } };

/** The orders one after another, and how it ended. */
function play(...inputs: readonly ExchangeInput[]) {
  let exchange = beginExchange();
  const orders = inputs.map((input) => {
    const step = next(exchange, input);
    exchange = step.exchange;
    return step.order;
  });
  return { orders, is: exchange.is, notDone: exchange.notDone };
}

describe("one command and its answer", () => {
  test.each([
    ["an answer ends it", [answer], ["finish"], "answered"],
    ["the same bytes again, twice", [overdue, overdue, overdue], ["send", "send", "finish"], "silent"],
    ["an answer to a repeat", [overdue, answer], ["send", "finish"], "answered"],
    ["a stray frame is waited over", [heard("stray"), answer], ["wait", "finish"], "answered"],
    ["busy: the same bytes after a pause", [heard("busy"), answer], ["pause", "finish"], "answered"],
    ["a forged answer does not keep the true one out", [strange, answer], ["wait", "finish"], "answered"],
    ["a wrong one alone is not asked for again", [strange, overdue], ["wait", "finish"], "out_of_step"],
    ["nothing is waited for when it says that it did nothing", [refused], ["finish"], "out_of_step"],
    ["after its end nothing changes", [answer, overdue, strange], ["finish", "finish", "finish"], "answered"],
  ] as const)("%s", (_, inputs, orders, is) => {
    expect(play(...inputs)).toMatchObject({ orders, is });
  });

  test("busy has an end, and uses up no repeat", () => {
    const busy = Array.from({ length: BUSY_MAX + 1 }, () => heard("busy"));
    expect(play(...busy)).toMatchObject({ is: "busy" });
    expect(play(...busy.slice(1), overdue, overdue, overdue).orders.slice(-3)).toEqual([
      "send",
      "send",
      "finish",
    ]);
  });

  test("what was surely not done is told apart", () => {
    expect([play(refused).notDone, play(strange, overdue).notDone]).toEqual([true, false]);
  });
});
