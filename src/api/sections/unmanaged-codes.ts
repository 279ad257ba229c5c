import { checkAccessCodeConvert } from "#src/domain/seam/access-code-rules";
import { valueOf } from "../fault.js";
import type { UnmanagedAccessCodesModel } from "../model.js";
import { codeOf, deleteCode, found, listCodes, showCode } from "./code-objects.js";
import type { SiteLocks } from "./site-locks.js";
import { codeSpecOf, documentOf, type SiteObjects } from "./site-objects.js";

/** Codes that somebody set at the lock. */
export function unmanagedSection(site: SiteObjects, locks: SiteLocks): UnmanagedAccessCodesModel {
  return {
    get: (which, by) => showCode(site, found(site, which, false, by), by),
    list: (query, by) => listCodes(site, query, false, by),
    delete: (id, by) => deleteCode(locks, codeOf(site, id, false), by),
    convert(id, options, by) {
      const object = codeOf(site, id, false);
      const spec = codeSpecOf(object);
      const { spec: managed, code } = valueOf(
        checkAccessCodeConvert({ spec, code: object.code }, options, locks.codesOn(spec.device_id)),
      );
      site.change([documentOf("access_code", id, managed, code)], by, "converted access_code to managed");
    },
  };
}
