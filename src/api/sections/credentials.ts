import {
  checkCredentialAssign,
  checkCredentialCreate,
  checkCredentialUnassign,
  checkCredentialUpdate,
} from "#src/domain/seam/rules";
import type { AcsCredentialSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import { valueOf } from "../fault.js";
import type { Caller, CredentialsModel } from "../model.js";
import { pinIn, showCredential } from "./credential-objects.js";
import { renderEntrances } from "./entrance-objects.js";
import { checkDoors, checkOnLocks, entitledSpec } from "./holders.js";
import { pageOf } from "./pages.js";
import type { SiteLocks } from "./site-locks.js";
import { credentialSpecOf, documentOf, objectOf, type SiteObjects, userSpecOf } from "./site-objects.js";

export function credentialsSection(site: SiteObjects, locks: SiteLocks): CredentialsModel {
  const specOf = (id: string): AcsCredentialSpec => credentialSpecOf(objectOf(site, "acs_credential", id));
  const put = (
    spec: AcsCredentialSpec,
    code: Secret<string> | null,
    by: Caller,
    what: string,
  ): JsonObject => {
    const { acs_credential_id: id } = spec;
    site.change([documentOf("acs_credential", id, spec, code)], by, `${what} acs_credential`);
    return showCredential(site, objectOf(site, "acs_credential", id), by);
  };

  return {
    create(input, by) {
      const holder = input.userId === undefined ? undefined : site.get("acs_user", input.userId);
      const credentialOf = (id: string) => {
        const named = site.get("acs_credential", id);
        return named === undefined ? undefined : credentialSpecOf(named);
      };
      const spec = valueOf(
        checkCredentialCreate(input, {
          id: site.newId(),
          now: site.now(),
          certain: site.certain(),
          inventory: site.inventory(),
          user: holder === undefined ? undefined : userSpecOf(holder),
          credentialOf,
        }),
      );
      const opened = entitledSpec(site, spec);
      checkDoors(site, opened);
      if (input.code !== undefined) checkOnLocks(site, locks, opened, input.code);
      return put(spec, input.code ?? null, by, "created");
    },
    get: (id, by) => showCredential(site, objectOf(site, "acs_credential", id), by),
    list: (query, by) =>
      pageOf(
        site.list("acs_credential", { ...query, ...pinIn(query, by), limit: query.limit + 1 }),
        query,
        (object) => showCredential(site, object, by),
      ),
    update(id, change, by) {
      const object = objectOf(site, "acs_credential", id);
      const spec = valueOf(
        checkCredentialUpdate(change, { spec: credentialSpecOf(object), now: site.certain() }),
      );
      if (change.code === undefined && change.endsAt === undefined) return showCredential(site, object, by);
      if (change.code !== undefined) checkOnLocks(site, locks, entitledSpec(site, spec), change.code);
      return put(spec, change.code ?? object.code, by, "updated");
    },
    assign(id, userId, by) {
      const object = objectOf(site, "acs_credential", id);
      const user = userSpecOf(objectOf(site, "acs_user", userId));
      const spec = valueOf(checkCredentialAssign(credentialSpecOf(object), user));
      checkDoors(site, entitledSpec(site, spec));
      return put(spec, object.code, by, "assigned");
    },
    unassign(id, userId, by) {
      const object = objectOf(site, "acs_credential", id);
      objectOf(site, "acs_user", userId);
      const spec = valueOf(checkCredentialUnassign(credentialSpecOf(object), userId));
      return put(spec, object.code, by, "unassigned");
    },
    delete(id, by) {
      const object = objectOf(site, "acs_credential", id);
      const gone = documentOf("acs_credential", id, { ...specOf(id), state: "deleted" }, object.code);
      site.change([gone], by, "deleted acs_credential");
    },
    accessibleEntrances: (id) =>
      renderEntrances(site, entitledSpec(site, specOf(id)).allowed_acs_entrance_ids),
  };
}
