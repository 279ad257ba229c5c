import { Attempt, type Call, type Signal, type Signals } from "#driver-api";
import { type Command, commands, LAMP } from "./protocol.js";
import type { Session } from "./session.js";

const BLINK_MS = 200;
const HIGH_HERTZ = 2_400;
const LOW_HERTZ = 1_000;

/** Lamps as desktop readers have them, and the beeper. The lamps are put out first: setting one ends its blinking. */
const SHOWN: Readonly<Record<Signal, readonly Command<true>[]>> = {
  present_card: [commands.lampsOff(), commands.lampsOn(LAMP.yellow)],
  done: [commands.lampsOff(), commands.lampsOn(LAMP.green), commands.beep(HIGH_HERTZ, 100)],
  failed: [commands.lampsOff(), commands.lampsOn(LAMP.red), commands.beep(LOW_HERTZ, 400)],
  identify: [
    commands.lampsOff(),
    commands.blink(LAMP.red | LAMP.green, BLINK_MS),
    commands.beep(HIGH_HERTZ, 300),
  ],
  off: [commands.lampsOff()],
};

export function signalsOf(session: Session): Signals {
  return {
    async show(signal: Signal, call: Call) {
      const attempt = new Attempt(call.signal);
      for (const command of SHOWN[signal]) await session.ask(command, attempt);
    },
  };
}
