import { z } from "zod";

/**
 * What the gateway knows of one access code, as Seam words it: carried by journal events on access codes, rendered by
 * `seam/access-code.ts` on the gateway and in the cloud alike. Times are epoch milliseconds. A PIN is never in it.
 */
const notice = z.object({
  code: z.string(),
  message: z.string(),
  createdAt: z.number(),
  /** Further members of Seam's object, e.g. `change_type`, `managed_access_code_id`. */
  more: z.record(z.string(), z.json()).optional(),
});

export const CODE_STATUSES = ["unset", "setting", "set", "removing", "unknown"] as const;

export const MUTATION_CODES = [
  "creating",
  "deferring_creation",
  "deleting",
  "updating_code",
  "updating_name",
  "updating_time_frame",
] as const;

export const observedCodeSchema = z.object({
  /** The rev of the desired document this speaks of; 0 = made at the desk, not ruled on. */
  rev: z.number().int().min(0),
  status: z.enum(CODE_STATUSES),
  /** It lies on the lock and waits there for its start. */
  isScheduledOnDevice: z.boolean(),
  isBackupAvailable: z.boolean(),
  /** Its name at the lock, where that keeps one. */
  appearance: z.string().nullable(),
  /** What the lock has not confirmed. `from` and `to` are set for names and time frames; PINs are never told. */
  pending: z.array(
    z.object({
      mutation: z.enum(MUTATION_CODES),
      createdAt: z.number(),
      /** When a deferred creation begins. */
      scheduledAt: z.number().optional(),
      from: z.record(z.string(), z.json()).optional(),
      to: z.record(z.string(), z.json()).optional(),
    }),
  ),
  errors: z.array(notice),
  warnings: z.array(notice),
});
export type ObservedCode = z.infer<typeof observedCodeSchema>;
