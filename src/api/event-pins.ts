import type { SeamEvent } from "#src/domain/seam/event";
import type { Json, JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";

/** Events that carry the PIN of their access code. Stored they never do. */
const WITH_PIN: ReadonlySet<string> = new Set([
  "access_code.set_on_device",
  "access_code.scheduled_on_device",
  "access_code.deleted",
]);

/** Events on a change that may have been one of the PIN; what the PIN was before, nobody is told. */
const WITH_NEW_PIN: Readonly<Record<string, (event: SeamEvent, pin: string | null) => JsonObject>> = {
  "access_code.code_changed": (event, pin) => ({ ...event, to: { code: pin } }),
  "access_code.changed": (event, pin) => ({
    ...event,
    changed_properties: each(event["changed_properties"], (change) =>
      change["property"] === "code" ? { ...change, to: pin } : change,
    ),
  }),
  "access_code.mutations_requested": (event, pin) => ({
    ...event,
    requested_mutations: each(event["requested_mutations"], (change) =>
      change["mutation_code"] === "updating_code" ? { ...change, to: { code: pin } } : change,
    ),
  }),
};

function each(list: Json | undefined, change: (item: JsonObject) => JsonObject): Json {
  return Array.isArray(list) ? list.map((item) => change(item as JsonObject)) : [];
}

/** The event as it is sent: with the access code's PIN where it belongs and the receiver may know it, else null. */
export function withPin(
  event: SeamEvent,
  seesPins: boolean,
  pinOf: (accessCodeId: string) => Secret<string> | null | undefined,
): JsonObject {
  const id = event["access_code_id"];
  const fill = WITH_NEW_PIN[event.event_type];
  const isToHave = WITH_PIN.has(event.event_type) || fill !== undefined;
  if (!isToHave || typeof id !== "string") return event;
  const pin = (seesPins ? pinOf(id) : null)?.reveal() ?? null;
  return fill === undefined ? { ...event, code: pin } : fill(event, pin);
}
