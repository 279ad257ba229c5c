import { renderAccessCode } from "#src/domain/seam/access-code";
import type { AccessCodeContext, AccessCodeDraft } from "#src/domain/seam/access-code-rules";
import { lockFacts } from "#src/domain/seam/device";
import type { JsonObject } from "#src/lib/json";
import { missing } from "../fault.js";
import { type AccessCodeQuery, type AccessCodeRef, type Caller, type Page, SeamError } from "../model.js";
import { pinIn } from "./credential-objects.js";
import { pageOf, pageOfAll } from "./pages.js";
import { type CodeWork, deviceFactsOf, lockOf, settingsDocument, type SiteLocks } from "./site-locks.js";
import {
  codeSpecOf,
  documentOf,
  type SiteDocument,
  type SiteObject,
  type SiteObjects,
} from "./site-objects.js";

/** What the sections on access codes share. */

/** What the rules need for a code on this lock. Throws `SeamError` 404. */
export function contextOf(site: SiteObjects, locks: SiteLocks, lockId: string): AccessCodeContext {
  return {
    now: site.now(),
    certain: site.certain(),
    lock: lockFacts(deviceFactsOf(site, locks, lockId)),
    others: locks.codesOn(lockId),
    random: (size) => site.random(size),
  };
}

export function workOf(
  actionType: CodeWork["actionType"],
  { spec, code }: AccessCodeDraft,
  also: CodeWork["documents"] = [],
): CodeWork {
  const { access_code_id: codeId, device_id: lockId } = spec;
  return { actionType, lockId, codeId, documents: [...also, documentOf("access_code", codeId, spec, code)] };
}

/** The pool of a lock is filled from the first code on that asks for it: what is to be stored with that code. */
export function turningPoolOn(locks: SiteLocks, { spec }: AccessCodeDraft): readonly SiteDocument[] {
  if (!spec.use_backup_access_code_pool) return [];
  const settings = locks.settings(spec.device_id);
  return settings.isPoolEnabled
    ? []
    : [settingsDocument(spec.device_id, { ...settings, isPoolEnabled: true })];
}

export function deleteCode(locks: SiteLocks, object: SiteObject, by: Caller): JsonObject {
  const spec = { ...codeSpecOf(object), state: "deleted" as const };
  const [attempt = {}] = locks.carryOut(
    [workOf("DELETE_ACCESS_CODE", { spec, code: object.code })],
    by,
    "deleted access_code",
  );
  return attempt;
}

/** Throws `SeamError` 404, also for one of the other kind. */
export function codeOf(site: SiteObjects, id: string, isManaged: boolean): SiteObject {
  const object = site.get("access_code", id);
  if (object === undefined || codeSpecOf(object).is_managed !== isManaged) throw missing("access_code", id);
  return object;
}

/** By id, or by lock and PIN. Throws `SeamError` 404, and 403 where who may see no PIN would try one after the other. */
export function found(site: SiteObjects, which: AccessCodeRef, isManaged: boolean, by: Caller): SiteObject {
  if ("id" in which) return codeOf(site, which.id, isManaged);
  if (!by.seesPins) {
    throw new SeamError(
      403,
      "insufficient_role",
      "Only who may see PINs finds a code by its PIN: name its access_code_id.",
    );
  }
  lockOf(site, which.deviceId);
  const [object] = site.list("access_code", {
    systemId: which.deviceId,
    code: which.code,
    isManaged,
    limit: 1,
  });
  if (object === undefined) throw missing("access_code", "with this PIN");
  return object;
}

export function listCodes(site: SiteObjects, query: AccessCodeQuery, isManaged: boolean, by: Caller): Page {
  const { deviceId, ids, ...rest } = query;
  if (deviceId !== undefined) lockOf(site, deviceId);
  const show = (object: SiteObject): JsonObject => showCode(site, object, by);
  if (ids !== undefined) {
    const objects = ids.flatMap((id) => site.get("access_code", id) ?? []);
    const wanted = objects.filter((object) => codeSpecOf(object).is_managed === isManaged);
    return pageOfAll(wanted, rest, show);
  }
  const { limit, after, search } = rest;
  const narrowed = { systemId: deviceId, isManaged, search, after, ...pinIn(query, by) };
  return pageOf(site.list("access_code", { ...narrowed, limit: limit + 1 }), rest, show);
}

export function showCode(site: SiteObjects, object: SiteObject, by: Caller): JsonObject {
  return renderAccessCode({
    spec: codeSpecOf(object),
    code: by.seesPins ? object.code : null,
    observed: object.observedCode,
    workspaceId: site.inventory().workspaceId,
    now: site.now(),
  });
}
