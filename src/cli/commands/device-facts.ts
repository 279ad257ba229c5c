import { z } from "zod";
import { encoderFacts } from "../find.js";

export const deviceFacts = z.looseObject({
  key: z.string(),
  driver: z.string(),
  port: z.string().nullable(),
  state: z.string(),
  since: z.string(),
  identity: z.looseObject({ model: z.string(), firmware: z.string() }).nullable(),
  units: z.array(z.looseObject({ key: z.string(), capabilities: z.array(z.string()) })),
  troubles: z
    .array(z.looseObject({ unit: z.string(), code: z.string().nullable(), message: z.string() }))
    .default([]),
  problem: z.looseObject({ code: z.string(), message: z.string(), advice: z.string() }).nullable(),
  next_try_ms: z.number().nullable(),
});

/** Of the daemon's status: the devices and encoders of its configuration. */
export const configuredDevices = z.looseObject({
  devices: z.array(deviceFacts),
  encoders: z.array(encoderFacts),
});
