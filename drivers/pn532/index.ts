import { z } from "zod";
import { Attempt, defineDriver, type Device } from "#driver-api";
import { ContactlessWriter } from "#src/contactless/writer";
import { Antenna } from "./antenna.js";
import { Session } from "./session.js";

const TECHNOLOGIES = [
  "mifare_classic_1k",
  "mifare_classic_4k",
  "ntag213",
  "ntag215",
  "ntag216",
  "mifare_desfire",
] as const;

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
        units: [{ key: "main", cardWriter: new ContactlessWriter(new Antenna(session), TECHNOLOGIES) }],
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
