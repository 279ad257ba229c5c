import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { Caller } from "./paging.js";

/** How far an inclusion or exclusion is; the last two are ends. */
export const INCLUSION_STEPS = [
  "waiting_for_device",
  "waiting_for_lock",
  "securing",
  "needs_pin",
  "interviewing",
  "done",
  "failed",
] as const;
export type InclusionStep = (typeof INCLUSION_STEPS)[number];

/**
 * Locks that are brought into a stick's network, and out of it. One at a time a stick; each answer is how far it is.
 * SeamError 404: no such stick or inclusion; 409: the stick is not connected or busy with another one, or no PIN is asked
 * for; 400: there are several sticks and none is named.
 */
export interface InclusionModel {
  include(
    input: { readonly device?: string | undefined; readonly qrCode?: Secret<string> | undefined },
    by: Caller,
  ): JsonObject;
  exclude(input: { readonly device?: string | undefined }, by: Caller): JsonObject;
  /** Waits some seconds for a newer version than `after`. */
  get(id: string, after: number): Promise<JsonObject>;
  /** null: nobody knows it. */
  givePin(id: string, pin: Secret<string> | null): JsonObject;
  cancel(id: string): JsonObject;
}
