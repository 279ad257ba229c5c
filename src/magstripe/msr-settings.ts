import { z } from "zod";

/** What stands under an encoder of the MSR605 family in the configuration. */
export const settingsSchema = z.strictObject({
  coercivity: z
    .enum(["low", "high"])
    .default("low")
    .describe("What the cards are made for: low (about 300 Oe, most key cards) or high (2750 Oe and more)."),
  write: z
    .enum(["iso", "raw"])
    .default("iso")
    .describe(
      "Who makes sentinels, parity and check character of a track: the device (iso) or the gateway (raw).",
    ),
});
