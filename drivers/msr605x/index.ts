import { defineDriver } from "#driver-api";
import { openMsr } from "#src/magstripe/msr-device";
import { settingsSchema } from "#src/magstripe/msr-settings";
import { REPORT_BYTES } from "./protocol.js";
import { hidWire } from "./session.js";

/** MSR605X: the encoder for magnetic stripes of the MSR605 family that is a USB HID device. */
export default defineDriver({
  id: "msr605x",
  transport: "hid",
  hid: { reportBytes: REPORT_BYTES },
  config: settingsSchema,
  open: (settings, context, call) => openMsr(hidWire(context.line), settings, context, call),
});
