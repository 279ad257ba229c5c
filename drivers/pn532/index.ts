import { z } from "zod";
import { defineDriver, type Device } from "#driver-api";
import { Attempt, Session } from "./session.js";
import { Pn532Writer } from "./writer.js";

/** NXP PN532 on a serial line (HSU), with or without a USB bridge before it. */
export default defineDriver({
  id: "pn532",
  transport: "serial",
  serial: { baudRate: 115_200 },
  config: z.strictObject({}),
  async open(_config, context, { signal }): Promise<Device> {
    const session = new Session(context);
    try {
      const { version, revision } = await session.start(new Attempt(signal));
      return {
        identity: { model: "NXP PN532", firmware: `${version}.${revision}` },
        // The chip has neither lamp nor buzzer, so there are no signals.
        units: [{ key: "main", cardWriter: new Pn532Writer(session) }],
        async ping(call) {
          await session.firmware(new Attempt(call.signal));
        },
        close: () => session.close(),
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  },
});
