import type { ObservedCode } from "#src/domain/observed-code";
import type { ObservedLock } from "#src/domain/observed-lock";
import type { JsonObject } from "#src/lib/json";
import type { SeamEventType } from "./event.js";
import { isoInstant } from "./instant.js";

/** Events of Seam's that carry what is wrong with the code, its device and its account. */
export const TROUBLED: ReadonlySet<SeamEventType> = new Set([
  "access_code.delay_in_setting_on_device",
  "access_code.failed_to_set_on_device",
  "access_code.delay_in_removing_from_device",
  "access_code.failed_to_remove_from_device",
]);

export function codeTrouble({ errors, warnings }: Pick<ObservedCode, "errors" | "warnings">): JsonObject {
  return { access_code_errors: errors.map(errorOf), access_code_warnings: warnings.map(warningOf) };
}

/** A site is one account, which has no errors of its own. */
export function deviceTrouble({
  observed: { errors, warnings },
}: {
  readonly observed: ObservedLock;
}): JsonObject {
  return {
    device_errors: errors.map(errorOf),
    device_warnings: warnings.map(warningOf),
    connected_account_errors: [],
    connected_account_warnings: [],
  };
}

type Notice = ObservedLock["errors"][number];

function errorOf({ code, ...notice }: Notice): JsonObject {
  return { error_code: code, ...bodyOf(notice) };
}

function warningOf({ code, ...notice }: Notice): JsonObject {
  return { warning_code: code, ...bodyOf(notice) };
}

function bodyOf({ message, createdAt }: Omit<Notice, "code">): JsonObject {
  return { message, created_at: isoInstant(createdAt) };
}
