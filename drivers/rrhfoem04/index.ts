import { z } from "zod";
import { Attempt, defineDriver, type Device, type Signal, type Signals } from "#driver-api";
import { ContactlessWriter } from "#src/contactless/writer";
import { Antenna } from "./antenna.js";
import { commands, REPORT_BYTES } from "./protocol.js";
import { Session } from "./session.js";

/** It can do more, but neither a password of an NTAG nor an APDU. */
const TECHNOLOGIES = ["mifare_classic_1k", "mifare_classic_4k"] as const;
const BEEPS: Partial<Record<Signal, number>> = { done: 1, failed: 3, identify: 3 };

/** RapidRadio RRHFOEM04 and RRHFOEM07: a 13.56 MHz reader and writer that is a USB HID device. */
export default defineDriver({
  id: "rrhfoem04",
  transport: "hid",
  hid: { reportBytes: REPORT_BYTES },
  config: z.strictObject({}),
  async open(_config, context, { signal }): Promise<Device> {
    const session = new Session(context);
    try {
      const identity = await session.start(new Attempt(signal));
      const cardWriter = new ContactlessWriter(new Antenna(session), TECHNOLOGIES);
      return {
        identity: { ...identity, model: `RapidRadio ${identity.model}` },
        units: [{ key: "main", cardWriter, signals: buzzer(session) }],
        async ping(call) {
          await session.ask(commands.info, new Attempt(call.signal));
        },
        close: () => session.close(),
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  },
});

/** It has no lamp to speak of; where there is nothing to hear, it is only asked whether it is there. */
function buzzer(session: Session): Signals {
  return {
    async show(signal, call) {
      const attempt = new Attempt(call.signal);
      await session.ask(commands.info, attempt);
      for (let beeps = BEEPS[signal] ?? 0; beeps > 0; beeps--) await session.ask(commands.beep, attempt);
    },
  };
}
