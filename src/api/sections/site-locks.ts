import type { InventoryLock } from "#src/domain/inventory";
import { deviceSpecOf, type LockSettings, type ObservedLock } from "#src/domain/observed-lock";
import type { DeviceFacts } from "#src/domain/seam/device";
import type { CodeOnLock } from "#src/domain/seam/lock-facts";
import type { JsonObject } from "#src/lib/json";
import type { Caller } from "../model.js";
import { foundIn } from "./pages.js";
import { documentOf, type SiteDocument, type SiteObjects } from "./site-objects.js";

/** What is known of the site's locks, and what can be done with them: the gateway's, and the cloud's. */
export interface SiteLocks {
  /** null while the lock was never seen. */
  observed(lockId: string): ObservedLock | null;
  /** As its document (`settingsDocument`) sets them. */
  settings(lockId: string): LockSettings;
  /** PINs on the lock or wanted there, those of PIN credentials included. */
  codesOn(lockId: string): readonly CodeOnLock[];
  /** Stores the documents, all or none, and answers the action attempt of each work, in their order. */
  carryOut(works: readonly CodeWork[], by: Caller, what: string): readonly JsonObject[];
  /** Answers the pending attempt. */
  turnBolt(lockId: string, to: "lock_door" | "unlock_door", by: Caller): JsonObject;
}

export interface CodeWork {
  readonly actionType: "CREATE_ACCESS_CODE" | "UPDATE_ACCESS_CODE" | "DELETE_ACCESS_CODE";
  readonly lockId: string;
  readonly codeId: string;
  readonly documents: readonly SiteDocument[];
}

/** Throws `SeamError` 404. */
export function lockOf(site: SiteObjects, id: string): InventoryLock {
  return foundIn(site.inventory().locks, "device", id);
}

/** Throws `SeamError` 404. */
export function deviceFactsOf(site: SiteObjects, locks: SiteLocks, id: string): DeviceFacts {
  return {
    lock: lockOf(site, id),
    observed: locks.observed(id),
    settings: locks.settings(id),
    inventory: site.inventory(),
    isSandbox: site.isSandbox,
  };
}

/** The wish that the lock have these settings. */
export function settingsDocument(lockId: string, settings: LockSettings): SiteDocument {
  return documentOf("device", lockId, deviceSpecOf(lockId, settings));
}
