import { expect, test } from "vitest";
import { beginExchange, type Exchange, type ExchangeInput, next } from "./exchange.js";

const answer = (sequence: number, command: number): ExchangeInput => ({
  type: "frame",
  frame: { sequence, command, payload: Uint8Array.of(0) },
});
const overdue: ExchangeInput = { type: "answer.overdue" };

/** Asked: command 03 with sequence 7. */
test.each<[string, readonly ExchangeInput[], Exchange["is"], string]>([
  ["its answer", [answer(7, 0x83)], "answered", "finish"],
  ["an event", [answer(0, 0xe1)], "waiting", "wait"],
  ["a late answer to an earlier request", [answer(6, 0x83)], "waiting", "wait"],
  ["its sequence with another command", [answer(7, 0x90)], "malformed", "finish"],
  ["silence once", [overdue], "waiting", "send"],
  ["silence twice", [overdue, overdue], "waiting", "send"],
  ["silence three times", [overdue, overdue, overdue], "silent", "finish"],
  ["an answer to a resend", [overdue, overdue, answer(7, 0x83)], "answered", "finish"],
  ["anything after its answer", [answer(7, 0x83), overdue, answer(7, 0x90)], "answered", "finish"],
  ["anything after silence", [overdue, overdue, overdue, answer(7, 0x83)], "silent", "finish"],
])("%s", (_, inputs, is, order) => {
  let exchange = beginExchange(7, 0x03);
  let last = "";
  for (const input of inputs) ({ exchange, order: last } = next(exchange, input));
  expect({ is: exchange.is, order: last }).toEqual({ is, order });
});
