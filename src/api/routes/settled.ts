import type { Clock } from "#src/lib/deadline";
import type { JsonObject } from "#src/lib/json";
import type { SeamModel } from "../model.js";

/** A caller that asked to wait gets the attempt as it is by then: below the limit of every HTTP client we know. */
const WAIT_MS_MAX = 25_000;
const LOOK_EVERY_MS = 50;

/** The attempt once it has ended, or as it is when the wait is over. */
export async function settled(model: SeamModel, attempt: JsonObject, clock: Clock): Promise<JsonObject> {
  const id = textOf(attempt, "action_attempt_id");
  let latest = attempt;
  for (let waited = 0; waited < WAIT_MS_MAX && latest["status"] === "pending"; waited += LOOK_EVERY_MS) {
    await new Promise<void>((resolve) => clock.startTimer(LOOK_EVERY_MS, resolve));
    latest = model.attempts.get(id);
  }
  return latest;
}

/** A member of one of our own answers that is always a text. */
export function textOf(object: JsonObject, member: string): string {
  const value = object[member];
  if (typeof value !== "string") throw new Error(`${member} is no text`);
  return value;
}
