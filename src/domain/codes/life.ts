import { z } from "zod";
import { type ObservedCode, observedCodeSchema } from "../observed-code.js";
import type { AccessCodeSpec } from "../spec.js";
import type { CodeProblem } from "./plan.js";
import { isSameWindow, type LockWindow, lockWindowSchema } from "./schedule.js";
import { holds, type Slot, surePin } from "./slot.js";
import { toldCodeSchema, toldOf } from "./told.js";

/**
 * What is known of one access code: a pure function over its document, its wish and its slot. Statuses, errors and
 * warnings are Seam's; what others are told when it changes is `events.ts`.
 */
export const codeLifeSchema = z.object({
  observed: observedCodeSchema,
  /** Keyed hash of the PIN that lay on the lock for it last, and is not known to be gone; null: none. */
  onLock: z.string().nullable(),
  /** When the present status began, epoch ms. */
  since: z.number(),
  /** What was told of its document; the lock has no part in it. */
  told: toldCodeSchema.nullable().default(null),
  /** The window that the lock did not take, and why; the gateway sees to it instead. */
  refused: z.object({ window: lockWindowSchema, reason: z.string() }).nullable().default(null),
});
export type CodeLife = z.infer<typeof codeLifeSchema>;

export interface CodeSituation {
  readonly rev: number;
  readonly spec: AccessCodeSpec;
  readonly now: number;
  /** Keyed hash of the PIN that it is to have; null: it has none. */
  readonly pin: string | null;
  /** It is to be on the lock now. */
  readonly isWanted: boolean;
  /** When it will be put there, where that lies ahead. */
  readonly opensAt: number | null;
  /** The window that the lock is to keep for it; null: the gateway sees to its times. */
  readonly window: LockWindow | null;
  /** The window that the lock could keep, had it not turned it down before. */
  readonly refusable: LockWindow | null;
  /** Its slot; null: none. */
  readonly slot: Slot | null;
  readonly problem: CodeProblem | null;
  /** Who has the PIN, for `duplicate`. */
  readonly holder: { readonly id: string; readonly isManaged: boolean } | null;
  /** `on_gateway`: no slot, and what is wanted is there at once. `unknown`: the lock was never seen. */
  readonly keypad: "on_device" | "on_gateway" | "unknown" | "removed";
  /** Why the lock cannot be reached now; null when it can. */
  readonly offline: string | null;
  /** Why nothing is put on any lock now; null: nothing is in the way of it. */
  readonly shortage: string | null;
  readonly isBackupAvailable: boolean;
}

type Status = ObservedCode["status"];
type Notice = ObservedCode["errors"][number];
type Body = Omit<Notice, "createdAt">;

/** A code that is on its way for longer than this is late, and says so. */
const LATE_AFTER_MS = 10 * 60_000;

export function lifeOf(situation: CodeSituation, before: CodeLife | null): CodeLife {
  const { now, spec, rev } = situation;
  const sure = surelyOnLock(situation);
  const status = statusOf(situation, sure);
  const isScheduledOnDevice = isAhead(situation, sure);
  const refused = isSameWindow(before?.refused?.window ?? null, situation.refusable) ? before?.refused : null;
  const since = before?.observed.status === status ? before.since : now;
  const dated = (bodies: readonly Body[], known: readonly Notice[] = []): Notice[] =>
    bodies.map((body) => ({
      ...body,
      createdAt: known.find(({ code }) => code === body.code)?.createdAt ?? now,
    }));
  const isLate = (status === "setting" || status === "removing") && now - since >= LATE_AFTER_MS;
  return {
    // While the slot is rewritten or emptied nobody knows; what was there counts until something else is.
    onLock: isScheduledOnDevice
      ? null
      : (sure ?? (situation.slot === null ? null : (before?.onLock ?? null))),
    since,
    refused: refused ?? null,
    told: toldOf(spec, situation.pin),
    observed: {
      rev,
      status,
      isScheduledOnDevice,
      isBackupAvailable: situation.isBackupAvailable,
      appearance: null,
      pending: pendingOf(situation, status, before?.onLock ?? null, since),
      errors: dated(errorsOf(situation, status), before?.observed.errors),
      warnings: dated(
        [...warningsOf(situation, spec, status, isLate), ...refusalOf(refused ?? null)],
        before?.observed.warnings,
      ),
    },
  };
}

function surelyOnLock({ keypad, isWanted, pin, slot }: CodeSituation): string | null {
  if (keypad === "on_gateway") return isWanted ? pin : null;
  return slot === null ? null : surePin(slot);
}

/** It lies on the lock with its window, and does not open yet. */
function isAhead({ isWanted, pin, slot, window, now }: CodeSituation, sure: string | null): boolean {
  if (!isWanted || slot === null || window === null || sure === null || sure !== pin) return false;
  return holds(slot, { pin, window }) && now < window.startsAt;
}

function statusOf(situation: CodeSituation, sure: string | null): Status {
  const { spec, keypad, isWanted, pin, slot, window } = situation;
  if (keypad === "removed") return "unknown";
  if (!isWanted) return slot === null ? "unset" : "removing";
  if (isAhead(situation, sure)) return "unset";
  const isThere = slot === null || (pin !== null && holds(slot, { pin, window }));
  if (sure !== null && sure === pin && isThere) return "set";
  if (slot?.outside != null && spec.is_external_modification_allowed) {
    return slot.outside.change === "modified" ? "set" : "unset";
  }
  return "setting";
}

function pendingOf(
  { spec, opensAt }: CodeSituation,
  status: Status,
  wasOnLock: string | null,
  since: number,
): ObservedCode["pending"] {
  if (status === "unset" && opensAt !== null) {
    return [{ mutation: "deferring_creation", createdAt: Date.parse(spec.created_at), scheduledAt: opensAt }];
  }
  if (status === "setting") {
    return [{ mutation: wasOnLock === null ? "creating" : "updating_code", createdAt: since }];
  }
  return status === "removing" ? [{ mutation: "deleting", createdAt: since }] : [];
}

function errorsOf(situation: CodeSituation, status: Status): readonly Body[] {
  const { spec, slot, problem, keypad } = situation;
  if (keypad === "removed") {
    const message =
      "The lock is not in the gateway's configuration (any more): put it back, or delete the code.";
    return [{ code: "device_removed", message }];
  }
  const errors: Body[] = [];
  if (situation.offline !== null && (status === "setting" || status === "removing")) {
    errors.push({ code: "device_offline", message: situation.offline });
  }
  if (problem?.code === "duplicate") errors.push(duplicateError(situation));
  if (problem?.code === "no_space") {
    const message = "Every slot of the lock is taken: delete a code there.";
    errors.push({ code: "no_space_for_access_code_on_device", message });
  }
  if (slot?.outside != null && !spec.is_external_modification_allowed) {
    errors.push({
      code: "conflicting_external_modification",
      message: `The code was ${slot.outside.change} at the lock by somebody else. It is put back as it was.`,
      more: { change_type: slot.outside.change, modified_fields: [] },
    });
  }
  const reason = slot?.rest?.reason ?? slot?.problem ?? null;
  if (isHeldBack(situation, status) && reason === null) {
    const message = `The code is not put on the lock: ${situation.shortage}. It is tried again every few seconds.`;
    errors.push({ code: "failed_to_set_on_device", message });
  }
  if (slot !== null && reason !== null && (status === "setting" || status === "removing")) {
    errors.push({
      code: status === "setting" ? "failed_to_set_on_device" : "failed_to_remove_from_device",
      message: failureMessage(slot, reason, status),
    });
  }
  return errors;
}

/** It waits for room on the disk, and nothing of it is on its way. */
function isHeldBack({ shortage, slot, pin }: CodeSituation, status: Status): boolean {
  return shortage !== null && status === "setting" && slot?.sent?.pin !== pin;
}

function failureMessage(slot: Slot, reason: string, status: "setting" | "removing"): string {
  const what = status === "setting" ? "The lock has not taken the code" : "The code may still open the lock";
  const until = slot.rest === null || slot.rest.until === 0 ? null : new Date(slot.rest.until).toISOString();
  const next =
    until === null
      ? "It is tried again at once."
      : `It is tried again at ${until}, when the lock comes back, or on \`lockbridge codes retry\`.`;
  return `${what}: ${reason}. ${next}`;
}

function duplicateError({ holder }: CodeSituation): Body {
  const message =
    holder === null
      ? "Another code on the lock has this PIN: choose another one."
      : `The ${holder.isManaged ? "" : "unmanaged "}code ${holder.id} has this PIN on the lock: choose another one.`;
  if (holder === null) return { code: "duplicate_code_on_device", message };
  const member = holder.isManaged ? "managed_access_code_id" : "unmanaged_access_code_id";
  return { code: "duplicate_code_on_device", message, more: { [member]: holder.id } };
}

function warningsOf(
  { slot }: CodeSituation,
  spec: AccessCodeSpec,
  status: Status,
  isLate: boolean,
): readonly Body[] {
  const warnings: Body[] = [];
  if (slot?.outside != null && spec.is_external_modification_allowed) {
    warnings.push({
      code: "external_modification_in_effect",
      message: `The code was ${slot.outside.change} at the lock, which is allowed. Change it here to overrule the lock.`,
    });
  }
  if (spec.pulled_backup_access_code_id !== null) {
    warnings.push({
      code: "using_backup_access_code",
      message: "A backup code was handed out for this one.",
    });
  }
  if (status === "removing" && spec.state !== "active" && spec.state !== "suspended") {
    warnings.push({ code: "being_deleted", message: "The code is being removed from the lock." });
  }
  if (isLate) {
    warnings.push(
      status === "setting"
        ? { code: "delay_in_setting_on_device", message: "The lock has not had the code for ten minutes." }
        : {
            code: "delay_in_removing_from_device",
            message: "The code has not left the lock for ten minutes.",
          },
    );
  }
  return warnings;
}

function refusalOf(refused: CodeLife["refused"]): readonly Body[] {
  if (refused === null) return [];
  const message =
    `The lock does not keep this time frame itself: ${refused.reason}. ` +
    "The gateway puts the code on the lock shortly before its start and takes it off at its end.";
  return [{ code: "unknown_issue_with_access_code", message }];
}
