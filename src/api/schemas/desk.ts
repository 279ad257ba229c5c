import { z } from "zod";
import { JOB_STEPS } from "../model.js";
import { ACT, answer, endpoint, READ } from "./endpoint.js";
import { id, instant } from "./fields.js";
import { actionAttempt } from "./objects.js";

/** Desk work that only a gateway offers. */

export const statusGet = endpoint({
  path: "/lockbridge/status",
  methods: READ,
  role: "viewer",
  input: z.object({}),
  output: answer({ status: z.looseObject({}) }),
});

/** What is wanted, stored and proved on cards, and what keeps them apart. */
export const syncGet = endpoint({
  path: "/lockbridge/sync",
  methods: READ,
  role: "viewer",
  input: z.object({}),
  output: answer({ sync: z.looseObject({}) }),
});

/** A person says that the latest time ever trusted was wrong: it is forgotten, and trusted time makes a new one. */
export const clockResetFloor = endpoint({
  path: "/lockbridge/clock/reset_floor",
  methods: ACT,
  role: "admin",
  input: z.object({}),
  output: answer({ clock: z.looseObject({}) }),
});

/**
 * A person says what time it is. 400 when the clock says otherwise by more than two minutes; until the clock jumps or
 * the daemon ends, the time counts as estimated.
 */
export const clockConfirm = endpoint({
  path: "/lockbridge/clock/confirm",
  methods: ACT,
  role: "technician",
  input: z.object({ now: instant }),
  output: answer({ clock: z.looseObject({}) }),
});

export const devicesList = endpoint({
  path: "/lockbridge/devices",
  methods: READ,
  role: "viewer",
  input: z.object({}),
  output: answer({ devices: z.array(z.looseObject({})) }),
});

/** `outcome` says in a sentence which state the card is in. */
export const jobsCancel = endpoint({
  path: "/lockbridge/jobs/:id/cancel",
  methods: ACT,
  role: "technician",
  input: z.object({ id }),
  output: answer({ outcome: z.looseObject({}) }),
});

/** One message of the stream: `event: progress`, and `event: done` for the last. */
export const jobProgress = z.object({
  step: z.enum(JOB_STEPS),
  /** A sentence for the person at the desk. */
  say: z.string(),
  facts: z.looseObject({}),
  action_attempt: actionAttempt.nullable(),
});

/** Server-sent events; `id` is the id of the job's action attempt. Resumes after `Last-Event-ID`. */
export const jobsStream = endpoint({
  path: "/lockbridge/jobs/:id/stream",
  methods: READ,
  role: "viewer",
  input: z.object({ id }),
  output: jobProgress,
});

/** As Seam's, with the choice to write over another guest's valid card. */
export const deskEncode = endpoint({
  path: "/lockbridge/encoders/encode_credential",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_encoder_id: id,
    acs_credential_id: id,
    overwrite: z.boolean().default(false),
    /** Cards that are left alone when they lie there: the job waits for another one. */
    except_card_uids: z
      .array(z.string().regex(/^[0-9a-f]{8,20}$/))
      .max(1_000)
      .default([]),
  }),
  output: answer({ action_attempt: actionAttempt }),
});

export const deskErase = endpoint({
  path: "/lockbridge/encoders/erase",
  methods: ACT,
  role: "technician",
  input: z.object({ acs_encoder_id: id }),
  output: answer({ action_attempt: actionAttempt }),
});

/** A device blinks or beeps, for a person who looks for it. */
export const devicesIdentify = endpoint({
  path: "/lockbridge/devices/identify",
  methods: ACT,
  role: "technician",
  input: z.object({ device: z.string().min(1).max(64) }),
  output: answer({ units: z.array(z.string()) }),
});

/** Slots of a lock that are left alone after too many tries are tried again at once. */
export const codesRetry = endpoint({
  path: "/lockbridge/codes/retry",
  methods: ACT,
  role: "technician",
  input: z.object({ device_id: id }),
  output: answer({ retried_slots: z.int() }),
});

/** The credential as Seam shows it, and what only the gateway knows: state, generation, live cards. */
export const deskCredentialGet = endpoint({
  path: "/lockbridge/credentials/get",
  methods: READ,
  role: "viewer",
  input: z.object({ acs_credential_id: id }),
  output: answer({ credential: z.looseObject({}) }),
});

/** What a new configuration would change under cards in use. */
export const configCheck = endpoint({
  path: "/lockbridge/config/check_entrances",
  methods: READ,
  role: "admin",
  input: z.object({
    entrances: z
      .array(z.object({ acs_entrance_id: id, door: z.int().nullable(), zone: z.int().nullable() }))
      .max(10_000),
  }),
  output: answer({
    conflicts: z.array(z.object({ acs_entrance_id: z.string(), key: z.string(), message: z.string() })),
  }),
});

export const credentialsRevoke = endpoint({
  path: "/lockbridge/credentials/revoke",
  methods: ACT,
  role: "technician",
  input: z.object({ acs_credential_id: id }),
  output: answer({ credential: z.looseObject({}) }),
});

/** As `encode_credential` at a reader does it, for a badge whose numbers are known and which nobody holds. */
export const credentialsEnrolBadge = endpoint({
  path: "/lockbridge/credentials/enrol_badge",
  methods: ACT,
  role: "technician",
  input: z.object({
    acs_credential_id: id,
    /** Needed where several formats of the system have such numbers. */
    format: z.string().min(1).max(64).optional(),
    /** Null for a format without one. */
    facility_code: z.int().min(0).nullable().default(null),
    number: z.int().min(0),
    /** Take the badge from the credential that has it. */
    overwrite: z.boolean().default(false),
  }),
  output: answer({ credential: z.looseObject({}) }),
});

/** A person says that the card of this generation is destroyed. */
export const credentialsSettle = endpoint({
  path: "/lockbridge/credentials/settle",
  methods: ACT,
  role: "technician",
  input: z.object({ acs_credential_id: id, generation: z.int().min(1) }),
  output: answer({ credential: z.looseObject({}) }),
});

/** Only on a simulated site: puts a new card of a kind on the encoder, puts an earlier one back, or takes it away. */
export const simulateCard = endpoint({
  path: "/lockbridge/simulate/card",
  methods: ACT,
  role: "technician",
  input: z
    .object({
      acs_encoder_id: id,
      put: z.string().max(50).optional(),
      uid: z
        .string()
        .regex(/^(?:[0-9a-f]{2}){4,10}$/i, "must be the hex UID of a card")
        .toLowerCase()
        .optional(),
      take: z.literal(true).optional(),
    })
    .superRefine(({ put, uid, take }, context) => {
      if ([put, uid, take].filter((choice) => choice !== undefined).length !== 1) {
        context.addIssue({ code: "custom", path: ["put"], message: "give exactly one of put, uid and take" });
      }
    }),
  output: answer({ card: z.object({ uid: z.string() }).nullable() }),
});
