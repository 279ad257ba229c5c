import { z } from "zod";
import type { Json, JsonObject } from "#src/lib/json";
import type { AccessCodeSpec } from "../spec.js";

/**
 * What others were told of the wish for one access code. `pin` is compared and never told: a keyed hash, or the PIN
 * itself where nothing is stored. Members that an earlier release did not keep are absent, and nothing follows from them.
 */
export const toldCodeSchema = z.object({
  name: z.string().nullable(),
  startsAt: z.string().nullable(),
  endsAt: z.string().nullable(),
  pin: z.string().nullable().optional(),
  /** It is to go. */
  isLeaving: z.boolean().optional(),
  /** The code of the pool that was handed out for it. */
  backupId: z.string().nullable().optional(),
});
export type ToldCode = z.infer<typeof toldCodeSchema>;

export function toldOf(spec: AccessCodeSpec, pin: string | null): ToldCode {
  return {
    name: spec.name,
    startsAt: spec.starts_at,
    endsAt: spec.ends_at,
    pin,
    isLeaving: spec.state !== "active" && spec.state !== "suspended",
    backupId: spec.pulled_backup_access_code_id,
  };
}

/** What of a code was changed, in Seam's words, from and to; of a PIN neither. */
export interface CodeChange {
  readonly what: "name" | "time_frame" | "code";
  readonly from: JsonObject;
  readonly to: JsonObject;
}

/** What differs in two wishes but for the PIN, which is no news before the lock has it. */
export function changesOf(before: ToldCode, after: ToldCode): readonly CodeChange[] {
  const changes: CodeChange[] = [];
  if (before.name !== after.name) {
    changes.push({ what: "name", from: { name: before.name }, to: { name: after.name } });
  }
  if (before.startsAt !== after.startsAt || before.endsAt !== after.endsAt) {
    changes.push({ what: "time_frame", from: frameOf(before), to: frameOf(after) });
  }
  return changes;
}

function frameOf({ startsAt, endsAt }: ToldCode): JsonObject {
  return { starts_at: startsAt, ends_at: endsAt };
}

/** Of a PIN: it is filled in for those who may see it, when the event is sent. */
export const PIN_CHANGE: CodeChange = { what: "code", from: { code: null }, to: { code: null } };

/** `requested_mutations` of `access_code.mutations_requested`: what is asked for that was not asked for before. */
export function requestedMutations(before: ToldCode, after: ToldCode): readonly Json[] {
  if (after.isLeaving === true) {
    return before.isLeaving === false ? [{ mutation_code: "deleting" }] : [];
  }
  const isOtherPin = before.pin !== undefined && after.pin != null && before.pin !== after.pin;
  return [...changesOf(before, after), ...(isOtherPin ? [PIN_CHANGE] : [])].map(({ what, from, to }) => ({
    mutation_code: `updating_${what}`,
    from,
    to,
  }));
}
