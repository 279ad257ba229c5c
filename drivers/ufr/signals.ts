import { Attempt, type Call, type Signal, type Signals } from "#driver-api";
import { COMMAND } from "./protocol.js";
import type { Session } from "./session.js";

/** Light (1 long green, 2 long red, 3 alternating, 4 flash) and sound (1 short, 2 long, 3 two short) of each signal. */
const SHOWN: Readonly<Record<Signal, readonly [light: number, sound: number]>> = {
  present_card: [4, 0],
  done: [1, 1],
  failed: [2, 2],
  identify: [3, 3],
  off: [0, 0],
};

export function signalsOf(session: Session): Signals {
  return {
    async show(signal: Signal, call: Call) {
      const attempt = new Attempt(call.signal);
      const [p0, p1] = SHOWN[signal];
      const answer = await session.ask({ code: COMMAND.signal, p0, p1 }, attempt);
      if (answer.is === "error") throw attempt.failure("device.refused", "the reader shows no such signal");
    },
  };
}
