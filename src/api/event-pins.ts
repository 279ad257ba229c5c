import type { SeamEvent } from "#src/domain/seam/event";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";

/** Events that carry the PIN of their access code. Stored they never do. */
const WITH_PIN: ReadonlySet<string> = new Set([
  "access_code.set_on_device",
  "access_code.scheduled_on_device",
  "access_code.deleted",
]);

/** The event as it is sent: with the access code's PIN where it belongs and the receiver may know it, else null. */
export function withPin(
  event: SeamEvent,
  seesPins: boolean,
  pinOf: (accessCodeId: string) => Secret<string> | null | undefined,
): JsonObject {
  const id = event["access_code_id"];
  if (!WITH_PIN.has(event.event_type) || typeof id !== "string") return event;
  const pin = seesPins ? pinOf(id) : null;
  return { ...event, code: pin?.reveal() ?? null };
}
