import type { JsonObject } from "#src/lib/json";
import type { Caller } from "./paging.js";

/** Who changed what, and from where. */
export interface AuditLog {
  /** Number of the newest entry. */
  lastSeq(): number;
  /** Whether something that this caller did is among the entries after `seq`. */
  hasEntryOf(by: Caller, seq: number): boolean;
  append(by: Caller, what: string, target: string | null): void;
  /** The newest first; `before`: only what is older than that entry. */
  list(query: { readonly limit: number; readonly before?: number | undefined }): readonly JsonObject[];
}
