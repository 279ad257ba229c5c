import type { Json, JsonObject } from "#src/lib/json";

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
