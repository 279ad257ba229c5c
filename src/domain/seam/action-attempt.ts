import type { Json, JsonObject } from "#src/lib/json";
import type { EventSubject, SeamEventType } from "./event.js";

/** What an action attempt is made of, wherever it is stored. */
export interface AttemptFacts {
  readonly id: string;
  readonly actionType: string;
  readonly status: "pending" | "success" | "error";
  /** Given by `success` alone. */
  readonly result: Json;
  /** Given by `error` alone. */
  readonly error: { readonly type: string; readonly message: string } | null;
}

/** Seam's `action_attempt`: result and error are both null while pending, and exactly one is set after. */
export function renderActionAttempt(attempt: AttemptFacts): JsonObject {
  return {
    action_attempt_id: attempt.id,
    action_type: attempt.actionType,
    status: attempt.status,
    result: attempt.status === "success" ? attempt.result : null,
    error:
      attempt.status === "error"
        ? (attempt.error ?? { type: "uncategorized_error", message: "It failed without a known cause." })
        : null,
  };
}

/** Attempts of whose end apps are told by an event. */
const TOLD = {
  LOCK_DOOR: "lock_door",
  UNLOCK_DOOR: "unlock_door",
  SIMULATE_KEYPAD_CODE_ENTRY: "simulate_keypad_code_entry",
  SIMULATE_MANUAL_LOCK_VIA_KEYPAD: "simulate_manual_lock_via_keypad",
} as const;

/** The event that an attempt ended; null: its kind has none. */
export function endEvent(
  attempt: Pick<AttemptFacts, "id" | "actionType" | "status" | "error"> & {
    readonly deviceId?: string | null;
  },
): { readonly type: SeamEventType; readonly subject: EventSubject } | null {
  const { id, actionType, status, error, deviceId } = attempt;
  const act = (TOLD as Readonly<Record<string, (typeof TOLD)[keyof typeof TOLD]>>)[actionType];
  if (act === undefined || deviceId == null) return null;
  return {
    type: `action_attempt.${act}.${status === "success" ? "succeeded" : "failed"}`,
    subject: {
      device_id: deviceId,
      action_attempt_id: id,
      action_type: actionType,
      status,
      ...(error === null ? {} : { error_type: error.type }),
    },
  };
}
