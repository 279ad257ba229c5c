import type { JsonObject } from "#src/lib/json";
import type { Caller, Page, Paging } from "./paging.js";

/** What happened: action attempts and events. */

export interface AttemptsModel {
  get(id: string): JsonObject;
  list(query: { ids?: readonly string[] | undefined; deviceId?: string | undefined } & Paging): Page;
}

export interface EventQuery {
  /** Exclusive bounds, epoch ms. */
  readonly since?: number | undefined;
  readonly before?: number | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly types?: readonly string[] | undefined;
  /** Property → the values of which it must have one. */
  readonly where: Readonly<Record<string, readonly string[]>>;
  readonly limit: number;
  /** The last ones, the newest first. */
  readonly newestFirst?: boolean | undefined;
}

/** Events on access codes carry the PIN that the code has now, for who may see PINs; else `code` is null. */
export interface EventsModel {
  get(id: string, by: Caller): JsonObject;
  list(query: EventQuery, by: Caller): readonly JsonObject[];
}
