import { z } from "zod";
import { Secret } from "#src/lib/secret";
import { INCLUSION_STEPS } from "../model/inclusion.js";
import { ACT, answer, endpoint, READ } from "./endpoint.js";
import { id } from "./fields.js";

/** Bringing locks into the network of a radio stick and out of it, with a person who stands at the lock. */

const device = z.string().min(1).max(64).optional();

/** How far it is. */
export const inclusion = z.object({
  inclusion_id: z.string(),
  /** Key of the stick in the configuration. */
  device: z.string(),
  act: z.enum(["include", "exclude"]),
  /** Rises with every change. */
  version: z.int(),
  step: z.enum(INCLUSION_STEPS),
  /** A sentence for the person at the lock. */
  say: z.string(),
  /** While a PIN is asked for: what the lock shows of its key, the asked-for digits left out. */
  dsk: z.string().nullable(),
  /** The lock that was included. `security` is for a person. */
  included: z.object({ unit: z.string(), model: z.string(), security: z.string() }).nullable(),
  /** Unit that was excluded; null also when the lock was of another network. */
  excluded_unit: z.string().nullable(),
  error: z.object({ type: z.string(), message: z.string() }).nullable(),
});

const inclusionAnswer = answer({ inclusion });

/** Begins. Without `device` it is the only stick that there is. */
export const locksInclude = endpoint({
  path: "/lockbridge/locks/include",
  methods: ACT,
  role: "technician",
  input: z.object({
    device,
    /** Text of the lock's SmartStart QR code; it holds the lock's PIN. */
    qr_code: z
      .string()
      .min(1)
      .max(500)
      .transform((text) => new Secret(text))
      .optional(),
  }),
  output: inclusionAnswer,
});

export const locksExclude = endpoint({
  path: "/lockbridge/locks/exclude",
  methods: ACT,
  role: "technician",
  input: z.object({ device }),
  output: inclusionAnswer,
});

/** Waits up to 20 seconds for a newer version than `after`, and answers what there is then. */
export const locksInclusionGet = endpoint({
  path: "/lockbridge/locks/inclusion/get",
  methods: READ,
  role: "viewer",
  input: z.object({ inclusion_id: id, after: z.coerce.number().int().min(0).default(0) }),
  output: inclusionAnswer,
});

/** The five digits that were asked for; null: nobody knows them, and the lock is not taken. */
export const locksInclusionPin = endpoint({
  path: "/lockbridge/locks/inclusion/pin",
  methods: ACT,
  role: "technician",
  input: z.object({
    inclusion_id: id,
    pin: z
      .string()
      .regex(/^[0-9]{5}$/, "must be five digits")
      .transform((pin) => new Secret(pin))
      .nullable(),
  }),
  output: inclusionAnswer,
});

export const locksInclusionCancel = endpoint({
  path: "/lockbridge/locks/inclusion/cancel",
  methods: ACT,
  role: "technician",
  input: z.object({ inclusion_id: id }),
  output: inclusionAnswer,
});
