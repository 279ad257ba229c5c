import { z } from "zod";
import { Attempt, type CardTechnology, defineDriver, type Device } from "#driver-api";
import { ContactlessWriter } from "#src/contactless/writer";
import { PcscReader } from "./reader.js";
import { Session } from "./session.js";

const ON_EVERY_READER: readonly CardTechnology[] = [
  "mifare_classic_1k",
  "mifare_classic_4k",
  "mifare_desfire",
];
/** With a password, which only this reader passes on. */
const ON_ACR122U: readonly CardTechnology[] = ["ntag213", "ntag215", "ntag216"];

/** Contactless readers of the PC/SC service: ACR122U, ACR1252U, OMNIKEY and others. */
export default defineDriver({
  id: "pcsc",
  transport: "pcsc",
  config: z.strictObject({}),
  async open(_config, context, { signal }): Promise<Device> {
    const session = new Session(context);
    try {
      await session.isCardThere(new Attempt(signal));
      const { readerName } = session;
      const technologies = [...ON_EVERY_READER, ...(readerName.includes("ACR122") ? ON_ACR122U : [])];
      return {
        identity: { model: readerName, firmware: "PC/SC" },
        units: [{ key: "main", cardWriter: new ContactlessWriter(new PcscReader(session), technologies) }],
        async ping(call) {
          await session.isCardThere(new Attempt(call.signal));
        },
        close: () => session.close(),
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  },
});
