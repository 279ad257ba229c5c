import { defineDriver } from "#driver-api";
import { openMsr } from "#src/magstripe/msr-device";
import { settingsSchema } from "#src/magstripe/msr-settings";
import { serialWire } from "./session.js";

/** MSR206, MSR605 and MSR606: encoders for magnetic stripes on a serial line, mostly behind their own USB bridge. */
export default defineDriver({
  id: "msr605",
  transport: "serial",
  serial: { baudRate: 9_600 },
  config: settingsSchema,
  open: (settings, context, call) => openMsr(serialWire(context.line), settings, context, call),
});
