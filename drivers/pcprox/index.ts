import { z } from "zod";
import { defineDriver, type Device, DriverError } from "#driver-api";
import { COMMAND, parseInfo, REPORT_BYTES } from "./protocol.js";
import { PcproxReader } from "./reader.js";
import { Session } from "./session.js";

/** rf IDEAS pcProx and WAVE ID: readers on USB HID that name the badge held to them. They write nothing. */
export default defineDriver({
  id: "pcprox",
  transport: "hid",
  hid: { reportBytes: REPORT_BYTES, featureBytes: REPORT_BYTES },
  config: z.strictObject({}),
  async open(_config, context, { signal }): Promise<Device> {
    const session = new Session(context);
    try {
      const { firmware, type } = await session.start(signal);
      const reader = new PcproxReader(session, context);
      return {
        identity: { model: `rf IDEAS pcProx, type ${type}`, firmware },
        units: [{ key: "main", cardReader: reader }],
        async ping(call) {
          if (parseInfo(await session.ask(COMMAND.info, call.signal))?.type === type) return;
          throw new DriverError(
            "reply.malformed",
            "none",
            "the reader calls itself something else than before",
          );
        },
        async close() {
          reader.close();
          await session.close();
        },
      };
    } catch (error) {
      await session.close();
      throw error;
    }
  },
});
