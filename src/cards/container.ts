import type { ReadBack, ReadPlan, WritePlan } from "#driver-api";
import type { ForeignReason } from "./card-state.js";
import type { SiteKeys } from "./site-keys.js";

/** The place of the record on one card, whatever kind of card it is. */
export interface Container {
  /** Tries the key sets in their order, then what opens a new card. */
  readPlan(keySets: readonly SiteKeys[]): ReadPlan;
  /** As a lock reads, with these keys alone. */
  verifyPlan(keys: SiteKeys): ReadPlan;
  look(keySets: readonly SiteKeys[], readBack: ReadBack): Look;
}

export type Look = { readonly access: "none"; readonly reason: ForeignReason } | Sight;

export interface Sight {
  /** `open`: as a new card, with transport keys or no password. `ours`: with a key of this site. */
  readonly access: "open" | "ours";
  /** The site keys that opened it; null when open. */
  readonly openedBy: SiteKeys | null;
  /** The 48 bytes. */
  readonly bytes: Uint8Array;
  /** Only what a new card carries. */
  readonly isEmpty: boolean;
  /** Only our key opens it, and it has the access conditions that an issued card has. */
  readonly isProtected: boolean;
  /** Some of it can never be written again. */
  readonly isLocked: boolean;
  /** From what was seen to a card with these 48 bytes under these keys. */
  write(keys: SiteKeys, record: Uint8Array): WritePlan;
  /** From what was seen to a card as delivered. */
  erase(): WritePlan;
}
