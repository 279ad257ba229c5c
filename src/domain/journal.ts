import { z } from "zod";
import type { Json } from "#src/lib/json";
import { inventorySchema } from "./inventory.js";
import { observedSchema } from "./observed.js";
import { observedCodeSchema } from "./observed-code.js";
import { observedLockSchema } from "./observed-lock.js";
import { SEAM_EVENT_TYPES } from "./seam/event.js";
import { OBJECT_KINDS } from "./spec.js";

/**
 * Facts, as the journal keeps them and the cloud receives them: one union, `k` tells which. A PIN is never in one.
 * Every event on a credential carries `observed`: the cloud shows what the newest one says.
 */
const head = {
  /** Wall time of the gateway, epoch milliseconds, and how far it can be trusted. */
  t: z.number(),
  tq: z.enum(["trusted", "estimated", "unknown"]),
  /** Cursor of the feed when it happened. */
  base_rev: z.number().int().min(0),
  /** Command that caused it. */
  cmd: z.string().optional(),
  /** Who did it, when a person at the site did: token name or `local socket`. */
  op_by: z.string().optional(),
};
const onObject = { ...head, id: z.string(), kind: z.enum(OBJECT_KINDS) };
const onCredential = { ...head, id: z.string(), gen: z.number().int().min(0), observed: observedSchema };
/** `z.json()` with our read-only type of the same values. */
const json: z.ZodType<Json> = z.json();
const reason = { code: z.string(), message: z.string() };

export const journalEventSchema = z.discriminatedUnion("k", [
  z.object({
    k: z.literal("inventory"),
    ...head,
    data: z.object({ hash: z.string(), inventory: inventorySchema }),
  }),
  /** A desired change was stepped; `rev` = the change. `observed` is null for kinds other than acs_credential. */
  z.object({
    k: z.literal("planned"),
    ...onObject,
    data: z.object({ rev: z.number(), observed: observedSchema.nullable() }),
  }),
  z.object({ k: z.literal("refused"), ...onObject, data: z.object({ rev: z.number(), ...reason }) }),
  z.object({
    k: z.literal("blocked"),
    ...onObject,
    /** As the item named it: it may be one that this release does not know. */
    kind: z.string(),
    data: z.object({ rev: z.number(), ...reason }),
  }),
  z.object({
    k: z.literal("intent"),
    ...onCredential,
    data: z.object({ uid: z.string().nullable(), encoder_id: z.string() }),
  }),
  z.object({
    k: z.literal("issued"),
    ...onCredential,
    data: z.object({ uid: z.string().nullable(), encoder_id: z.string().nullable() }),
  }),
  z.object({
    k: z.literal("reissued"),
    ...onCredential,
    data: z.object({ uid: z.string().nullable(), encoder_id: z.string().nullable() }),
  }),
  z.object({ k: z.literal("in_doubt"), ...onCredential, data: z.object({ uid: z.string().nullable() }) }),
  /** What became certain: the doubt is over, a card turned out dead or alive, a write turned out not to have happened. */
  z.object({ k: z.literal("settled"), ...onCredential, data: z.object({ how: z.string() }) }),
  z.object({
    k: z.literal("erased"),
    ...head,
    id: z.string().nullable(),
    gen: z.number().int().min(0).nullable(),
    observed: observedSchema.nullable(),
    data: z.object({ uid: z.string(), encoder_id: z.string() }),
  }),
  z.object({ k: z.literal("invalidated"), ...onCredential, data: z.object({ why: z.string().nullable() }) }),
  z.object({ k: z.literal("deleted"), ...onObject, data: z.object({ observed: observedSchema.nullable() }) }),
  /**
   * The cloud calls active what was denied here: it hears of the denial again. `gen` and `observed` are null where the
   * site keeps no record of it.
   */
  z.object({
    k: z.literal("revocation_reasserted"),
    ...onObject,
    kind: z.enum(OBJECT_KINDS).default("acs_credential"),
    gen: z.number().int().min(0).nullable(),
    observed: observedSchema.nullable(),
    data: z.object({}),
  }),
  /**
   * A new history of the cloud lacks what this site has. No card is made for it until the cloud rules on it. `spec` and
   * `code_ref` as in `local_change`.
   */
  z.object({
    k: z.literal("orphaned"),
    ...onObject,
    data: z.object({
      spec: z.record(z.string(), json),
      code_ref: z.string().nullable(),
      observed: observedSchema.nullable(),
    }),
  }),
  /** A change made at the desk. `spec` without its PIN; `code_ref` names the PIN in the batch's `secrets`. */
  z.object({
    k: z.literal("local_change"),
    ...onObject,
    data: z.object({
      spec: z.record(z.string(), json),
      code_ref: z.string().nullable(),
      base_object_rev: z.number().int().min(0),
      /** Number of the epoch that this rev is of; absent: of the cloud's present one. */
      base_epoch: z.number().int().min(0).optional(),
    }),
  }),
  z.object({
    k: z.literal("attempt_finished"),
    ...head,
    id: z.string(),
    data: z.object({
      action_type: z.string(),
      status: z.enum(["success", "error"]),
      result: json,
      error: z.object({ type: z.string(), message: z.string() }).nullable(),
    }),
  }),
  z.object({
    k: z.literal("slot_set"),
    ...onObject,
    data: z.object({ device_id: z.string(), slot: z.number() }),
  }),
  z.object({
    k: z.literal("slot_removed"),
    ...onObject,
    data: z.object({ device_id: z.string(), slot: z.number() }),
  }),
  z.object({
    k: z.literal("slot_changed_outside"),
    ...head,
    data: z.object({ device_id: z.string(), slot: z.number() }),
  }),
  /**
   * What is known of an access code changed; `events` are Seam's, told because of it, in this order, and `more` has the
   * further members of those that have some. That a change was requested is told by who took the request.
   */
  z.object({
    k: z.literal("code_observed"),
    ...onObject,
    data: z.object({
      device_id: z.string(),
      observed: observedCodeSchema,
      events: z.array(z.enum(SEAM_EVENT_TYPES)),
      more: z.partialRecord(z.enum(SEAM_EVENT_TYPES), z.record(z.string(), json)).default({}),
    }),
  }),
  z.object({
    k: z.literal("lock_observed"),
    ...head,
    data: z.object({ device_id: z.string(), observed: observedLockSchema }),
  }),
  /** Something happened at a lock: one of Seam's events with its further members; never a PIN. */
  z.object({
    k: z.literal("lock_event"),
    ...head,
    data: z.object({
      device_id: z.string(),
      type: z.enum(SEAM_EVENT_TYPES),
      more: z.record(z.string(), json),
    }),
  }),
  z.object({ k: z.literal("device_up"), ...head, data: z.object({ device: z.string(), model: z.string() }) }),
  z.object({ k: z.literal("device_down"), ...head, data: z.object({ device: z.string(), ...reason }) }),
  z.object({ k: z.literal("caught_up"), ...head, data: z.object({ rev: z.number() }) }),
  z.object({ k: z.literal("clock_jumped"), ...head, data: z.object({ by_ms: z.number() }) }),
]);
export type JournalEvent = z.infer<typeof journalEventSchema>;
export type JournalKind = JournalEvent["k"];
