import { z } from "zod";
import { Attempt, defineDriver, type Device } from "#driver-api";
import { ContactlessWriter } from "#src/contactless/writer";
import { commands } from "./protocol.js";
import { Twn4Reader } from "./reader.js";
import { Session } from "./session.js";
import { signalsOf } from "./signals.js";

const TECHNOLOGIES = [
  "mifare_classic_1k",
  "mifare_classic_4k",
  "ntag213",
  "ntag215",
  "ntag216",
  "mifare_desfire",
] as const;

/** Elatec TWN4 with a PRS firmware (Simple Protocol), on USB CDC or RS-232. */
export default defineDriver({
  id: "twn4",
  transport: "serial",
  // What RS-232 readers are delivered with; on USB the speed does not matter.
  serial: { baudRate: 9_600 },
  config: z.strictObject({}),
  async open(_config, context, { signal }): Promise<Device> {
    const session = new Session(context);
    const attempt = new Attempt(signal);
    try {
      const firmware = await session.start(attempt);
      const serial = await session.ask(commands.deviceUid(), attempt);
      await session.ask(commands.onlyIso14443a(), attempt);
      await session.ask(commands.fieldOff(), attempt);
      await session.ask(commands.lampsAreOutputs(), attempt);
      return {
        identity: { model: "Elatec TWN4", firmware, serial },
        units: [
          {
            key: "main",
            cardWriter: new ContactlessWriter(new Twn4Reader(session), TECHNOLOGIES),
            signals: signalsOf(session),
          },
        ],
        async ping(call) {
          await session.ask(commands.ticks(), new Attempt(call.signal));
        },
        close: () => session.close(),
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  },
});
