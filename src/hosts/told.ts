import { z } from "zod";
import { DRIVER_ERRORS, type DriverErrorCode } from "#driver-api";
import { type CapabilityName, PARTS } from "./parts.js";

const capabilityName = z.enum(Object.keys(PARTS) as [CapabilityName, ...CapabilityName[]]);

/** One unit, as the driver's process tells it. */
export const unitTold = z.object({
  /** One number an object: a unit that was away and came back is the same one. */
  number: z.int(),
  key: z.string(),
  capabilities: z.array(
    z.object({
      name: capabilityName,
      /** Members that are there. */
      members: z.array(z.string()),
      data: z.record(z.string(), z.unknown()),
    }),
  ),
});
export type UnitTold = z.infer<typeof unitTold>;

/** What is wrong with single units. */
export const troublesTold = z.array(
  z.object({
    unit: z.string(),
    code: z.enum(Object.keys(DRIVER_ERRORS) as [DriverErrorCode, ...DriverErrorCode[]]).nullable(),
    message: z.string(),
  }),
);

/** An open device. */
export const deviceTold = z.object({
  identity: z.object({ model: z.string(), firmware: z.string(), serial: z.string().exactOptional() }),
  units: z.array(unitTold),
  troubles: troublesTold,
  /** Its units come and go. */
  hasChanges: z.boolean(),
  hasInclusion: z.boolean(),
});
export type DeviceTold = z.infer<typeof deviceTold>;

/** Of which listener of which unit news is. */
export const listenerTold = z.tuple([z.int(), capabilityName, z.string()]);
