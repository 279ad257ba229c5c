import { z } from "zod";
import { Attempt, defineDriver, type Device, type DriverError } from "#driver-api";
import { ContactlessWriter } from "#src/contactless/writer";
import { COMMAND } from "./protocol.js";
import { UfrReader } from "./reader.js";
import { type Answer, Session } from "./session.js";
import { signalsOf } from "./signals.js";

const TECHNOLOGIES = [
  "mifare_classic_1k",
  "mifare_classic_4k",
  "ntag213",
  "ntag215",
  "ntag216",
  "mifare_desfire",
] as const;

/** Digital Logic uFR readers on USB. */
export default defineDriver({
  id: "ufr",
  transport: "serial",
  serial: { baudRate: 1_000_000 },
  config: z.strictObject({}),
  async open(_config, context, { signal }): Promise<Device> {
    const session = new Session(context);
    const attempt = new Attempt(signal);
    try {
      const type = await session.start(attempt);
      const firmware = yes(await session.ask({ code: COMMAND.firmware }, attempt), attempt);
      const serial = yes(await session.ask({ code: COMMAND.serialNumber }, attempt), attempt);
      yes(await session.ask({ code: COMMAND.antiCollisionOn }, attempt), attempt);
      return {
        identity: {
          model: `Digital Logic uFR (${type.toString(16).toUpperCase()})`,
          firmware: `${firmware.v0}.${firmware.v1}`,
          serial: Buffer.from(serial.data)
            .toString("latin1")
            .replaceAll(/[^\x20-\x7e]/g, ""),
        },
        units: [
          {
            key: "main",
            cardWriter: new ContactlessWriter(new UfrReader(session), TECHNOLOGIES),
            signals: signalsOf(session),
          },
        ],
        async ping(call) {
          await session.ask({ code: COMMAND.firmware }, new Attempt(call.signal));
        },
        close: () => session.close(),
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  },
});

function yes(answer: Answer, attempt: Attempt): Extract<Answer, { is: "answer" }> {
  if (answer.is === "answer") return answer;
  const failure: DriverError = attempt.failure(
    "device.refused",
    `the reader refuses to be set up (error ${answer.error.toString(16)}): its firmware may be too old`,
  );
  throw failure;
}
