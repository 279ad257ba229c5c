import {
  type AccessCodeDraft,
  checkAccessCodeCreate,
  checkAccessCodeUpdate,
  noneLeft,
} from "#src/domain/seam/access-code-rules";
import { generatePin } from "#src/domain/seam/pin";
import { missing, seamErrorOf, valueOf } from "../fault.js";
import type { AccessCodesModel } from "../model.js";
import { createMultiple } from "./access-codes-together.js";
import { followingBackup, pullBackup } from "./backup-codes.js";
import {
  codeOf,
  contextOf,
  deleteCode,
  found,
  listCodes,
  showCode,
  turningPoolOn,
  workOf,
} from "./code-objects.js";
import { lockOf, settingsDocument, type SiteLocks } from "./site-locks.js";
import { ALL, codeSpecOf, type SiteObject, type SiteObjects } from "./site-objects.js";
import { unmanagedSection } from "./unmanaged-codes.js";

/** Codes on locks, as both the gateway and the cloud decide over them. */
export function accessCodesSection(site: SiteObjects, locks: SiteLocks): AccessCodesModel {
  const managed = (id: string): SiteObject => codeOf(site, id, true);
  return {
    create(input, by) {
      const id = site.newId();
      const draft = valueOf(checkAccessCodeCreate(input, { ...contextOf(site, locks, input.deviceId), id }));
      const work = workOf("CREATE_ACCESS_CODE", draft, turningPoolOn(locks, draft));
      const [attempt = {}] = locks.carryOut([work], by, "created access_code");
      return { accessCode: showCode(site, managed(id), by), attempt };
    },
    createMultiple: (input, by) => createMultiple(site, locks, input, by),
    get: (which, by) => showCode(site, found(site, which, true, by), by),
    list: (query, by) => listCodes(site, query, true, by),
    update(id, change, by) {
      const object = managed(id);
      const before: AccessCodeDraft = { spec: codeSpecOf(object), code: object.code };
      const draft = valueOf(
        checkAccessCodeUpdate(change, before, contextOf(site, locks, before.spec.device_id)),
      );
      const also = [...turningPoolOn(locks, draft), ...followingBackup(site, draft.spec)];
      const work = workOf("UPDATE_ACCESS_CODE", draft, also);
      const [attempt = {}] = locks.carryOut([work], by, "updated access_code");
      return attempt;
    },
    updateMultiple(commonCodeKey, change, by) {
      const linked = site
        .list("access_code", { isManaged: true, limit: ALL })
        .filter(({ spec }) => spec["common_code_key"] === commonCodeKey);
      if (linked.length === 0) throw missing("common_code_key", commonCodeKey);
      const works = linked.map((object) => {
        const before = { spec: codeSpecOf(object), code: object.code };
        const context = contextOf(site, locks, before.spec.device_id);
        const draft = valueOf(checkAccessCodeUpdate(change, before, context));
        return workOf("UPDATE_ACCESS_CODE", draft, followingBackup(site, draft.spec));
      });
      locks.carryOut(works, by, "updated linked access_codes");
    },
    delete(id, deviceId, by) {
      const object = managed(id);
      if (deviceId !== undefined && object.spec["device_id"] !== deviceId) throw missing("access_code", id);
      return deleteCode(locks, object, by);
    },
    generate(deviceId) {
      const { lock, others, random } = contextOf(site, locks, deviceId);
      const taken = new Set(others.map(({ digits }) => digits));
      const code = generatePin([lock], { taken, random });
      if (code === undefined) throw seamErrorOf(noneLeft(lock));
      return code;
    },
    pullBackup: (id, by) => showCode(site, pullBackup(site, managed(id), by), by),
    reportConstraints(deviceId, lengths, by) {
      lockOf(site, deviceId);
      const settings = { ...locks.settings(deviceId), codeLengths: [...lengths] };
      site.change([settingsDocument(deviceId, settings)], by, "reported PIN lengths of a device");
    },
    unmanaged: unmanagedSection(site, locks),
  };
}
