import type { JsonObject } from "#src/lib/json";
import type { Caller } from "./paging.js";

/** Apps' receivers of events. `eventTypes` null: every type. */
export interface WebhooksModel {
  create(input: { url: string; eventTypes: readonly string[] | null }, by: Caller): JsonObject;
  get(id: string): JsonObject;
  list(): readonly JsonObject[];
  update(id: string, change: { eventTypes: readonly string[] | null }, by: Caller): JsonObject;
  delete(id: string, by: Caller): void;
  /** How deliveries to each receiver go; without their secrets. */
  deliveries(): readonly JsonObject[];
}
