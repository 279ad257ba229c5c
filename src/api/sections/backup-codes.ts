import { ruleBroken } from "#src/domain/seam/fault";
import { isoInstant } from "#src/domain/seam/instant";
import type { AccessCodeSpec } from "#src/domain/spec";
import { seamErrorOf } from "../fault.js";
import type { Caller } from "../model.js";
import { lockOf } from "./site-locks.js";
import {
  ALL,
  codeSpecOf,
  documentOf,
  objectOf,
  type SiteDocument,
  type SiteObject,
  type SiteObjects,
} from "./site-objects.js";

/** Hands out a code of the lock's pool in place of one that does not work; the same one again for the same code. */
export function pullBackup(site: SiteObjects, original: SiteObject, by: Caller): SiteObject {
  const spec = codeSpecOf(original);
  const lock = lockOf(site, spec.device_id);
  const known = spec.pulled_backup_access_code_id;
  const pulled = known === null ? undefined : site.get("access_code", known);
  if (pulled !== undefined) return pulled;
  if (lock.backupCodes === 0) {
    throw refusal("device_has_no_backup_pool", `"${lock.name}" has no pool of backup codes.`);
  }
  if (spec.type === "ongoing") {
    throw refusal("access_code_is_ongoing", "A backup is handed out for time-bound access codes only.");
  }
  const backup = readyCodes(site, lock.id)[0];
  if (backup === undefined) {
    throw refusal("empty_backup_access_code_pool", `No backup code is ready on "${lock.name}".`);
  }
  const handedOut: AccessCodeSpec = {
    ...codeSpecOf(backup),
    is_backup: false,
    type: "time_bound",
    starts_at: isoInstant(site.now()),
    ends_at: spec.ends_at,
  };
  const linked: AccessCodeSpec = { ...spec, pulled_backup_access_code_id: backup.id };
  const documents = [
    documentOf("access_code", backup.id, handedOut, backup.code),
    documentOf("access_code", original.id, linked, original.code),
  ];
  site.change(documents, by, "pulled a backup access_code");
  return objectOf(site, "access_code", backup.id);
}

/** The backup that was handed out for this code ends when the code does. */
export function followingBackup(site: SiteObjects, spec: AccessCodeSpec): readonly SiteDocument[] {
  const id = spec.pulled_backup_access_code_id;
  const backup = id === null ? undefined : site.get("access_code", id);
  if (backup === undefined) return [];
  const before = codeSpecOf(backup);
  if (before.ends_at === spec.ends_at) return [];
  return [
    documentOf("access_code", backup.id, { ...before, type: spec.type, ends_at: spec.ends_at }, backup.code),
  ];
}

/** Oldest first; one that lies on the lock comes before one on its way there. */
function readyCodes(site: SiteObjects, lockId: string): readonly SiteObject[] {
  const pool = site
    .list("access_code", { systemId: lockId, isManaged: true, limit: ALL })
    .filter(({ spec }) => spec["is_backup"] === true && spec["state"] === "active");
  const isSet = ({ observedCode }: SiteObject) => observedCode?.status === "set";
  return [...pool.filter(isSet), ...pool.filter((object) => !isSet(object))];
}

function refusal(type: string, message: string): Error {
  return seamErrorOf(ruleBroken(type, message));
}
