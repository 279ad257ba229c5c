import { z } from "zod";
import { defineDriver } from "#driver-api";
import { requests } from "./protocol.js";
import { Session } from "./session.js";
import { identify, listUnits } from "./units.js";

const config = z.strictObject({
  /** The device answers within 100 ms; a slow radio bridge in between may need more. */
  reply_timeout_ms: z.int().min(100).max(5_000).default(200),
  /** Refuse any other device than this one. */
  serial_number: z.string().min(1).max(32).optional(),
});

export default defineDriver({
  id: "reference",
  transport: "serial",
  serial: { baudRate: 115_200 },
  config,

  async open({ reply_timeout_ms, serial_number }, context, call) {
    const session = new Session({ ...context, replyTimeoutMs: reply_timeout_ms });
    try {
      const { identity, unitCount } = await identify(session, serial_number, call);
      const units = await listUnits(session, context.clock, unitCount, call);
      return {
        identity,
        units,
        ping: (pingCall) => session.perform(requests.ping(), pingCall),
        close: () => {
          session.close();
          return Promise.resolve();
        },
      };
    } catch (error) {
      session.close();
      throw error;
    }
  },
});
