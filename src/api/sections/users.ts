import { invalidInput } from "#src/domain/seam/fault";
import { entitledEntranceIds, inheritedEntranceIds } from "#src/domain/seam/entitlement";
import { isoInstant } from "#src/domain/seam/instant";
import { renderUser } from "#src/domain/seam/user";
import type { Inventory } from "#src/domain/inventory";
import type { AcsUserSpec } from "#src/domain/spec";
import { frozen } from "#src/lib/frozen";
import type { JsonObject } from "#src/lib/json";
import { Remembered } from "#src/lib/remembered";
import { seamErrorOf } from "../fault.js";
import type { AccessSchedule, Caller, UsersModel } from "../model.js";
import { renderEntrances } from "./entrance-objects.js";
import { credentialsOf, holderOf } from "./holders.js";
import { foundIn, pageOf } from "./pages.js";
import {
  credentialSpecOf,
  documentOf,
  groupSpecOf,
  objectOf,
  REMEMBERED,
  type SiteObject,
  type SiteObjects,
  userSpecOf,
} from "./site-objects.js";

interface Rendered {
  readonly spec: AcsUserSpec;
  readonly inventory: Inventory;
  readonly user: JsonObject;
}

export function usersSection(site: SiteObjects): UsersModel {
  const rendered = new Remembered<Rendered>(REMEMBERED);
  /** Rendered once for as long as neither the user nor the site is another. */
  const show = (object: SiteObject): JsonObject => {
    const spec = userSpecOf(object);
    const inventory = site.inventory();
    const before = rendered.get(object.id);
    if (before?.spec === spec && before.inventory === inventory) return before.user;
    const user = frozen(renderUser(spec, inventory));
    rendered.set(object.id, { spec, inventory, user });
    return user;
  };
  const specOf = (id: string): AcsUserSpec => userSpecOf(objectOf(site, "acs_user", id));
  const put = (spec: AcsUserSpec, by: Caller, what: string): void =>
    site.change([documentOf("acs_user", spec.acs_user_id, spec)], by, `${what} acs_user`);
  const setState = (id: string, state: "active" | "suspended", by: Caller): void => {
    const spec = specOf(id);
    if (spec.state !== state) put({ ...spec, state }, by, state === "active" ? "unsuspended" : "suspended");
  };

  return {
    create(input, by) {
      foundIn(site.inventory().systems, "acs_system", input.systemId);
      checkGroups(site, input.groupIds ?? [], input.systemId);
      const id = site.newId();
      const spec: AcsUserSpec = {
        acs_user_id: id,
        acs_system_id: input.systemId,
        full_name: input.fullName,
        ...(input.emailAddress === undefined ? {} : { email_address: input.emailAddress }),
        ...(input.phoneNumber === undefined ? {} : { phone_number: input.phoneNumber }),
        ...(input.accessSchedule === undefined ? {} : { access_schedule: scheduleOf(input.accessSchedule) }),
        ...(input.groupIds === undefined || input.groupIds.length === 0
          ? {}
          : { acs_access_group_ids: [...new Set(input.groupIds)] }),
        state: "active",
        created_at: isoInstant(site.now()),
      };
      put(spec, by, "created");
      return show(objectOf(site, "acs_user", id));
    },
    get: (id) => show(objectOf(site, "acs_user", id)),
    list: (query) => pageOf(site.list("acs_user", { ...query, limit: query.limit + 1 }), query, show),
    update(id, change, by) {
      const spec: AcsUserSpec = {
        ...specOf(id),
        ...(change.fullName === undefined ? {} : { full_name: change.fullName }),
        ...(change.emailAddress === undefined ? {} : { email_address: change.emailAddress }),
        ...(change.phoneNumber === undefined ? {} : { phone_number: change.phoneNumber }),
        ...(change.accessSchedule === undefined
          ? {}
          : { access_schedule: change.accessSchedule === null ? null : scheduleOf(change.accessSchedule) }),
      };
      put(spec, by, "updated");
    },
    delete(id, by) {
      const spec = specOf(id);
      const leaving = credentialsOf(site, id).map((held) =>
        documentOf("acs_credential", held.id, { ...credentialSpecOf(held), state: "deleted" }),
      );
      const leaver = documentOf("acs_user", id, { ...spec, state: "deleted" });
      site.change([...leaving, leaver], by, "deleted acs_user with its credentials");
    },
    suspend: (id, by) => setState(id, "suspended", by),
    unsuspend: (id, by) => setState(id, "active", by),
    revokeAccess(id, by) {
      const rest: AcsUserSpec = { ...specOf(id) };
      delete rest.acs_access_group_ids;
      delete rest.granted_acs_entrance_ids;
      const revoked = credentialsOf(site, id)
        .map((held) => ({ held, spec: credentialSpecOf(held) }))
        .filter(({ spec }) => spec.state === "active" || spec.state === "suspended")
        .map(({ held, spec }) =>
          documentOf("acs_credential", held.id, { ...spec, state: "revoked" }, held.code),
        );
      const what = "revoked the access of an acs_user to all entrances";
      site.change([...revoked, documentOf("acs_user", id, rest)], by, what);
    },
    accessibleEntrances(id) {
      const holder = holderOf(site, objectOf(site, "acs_user", id).id);
      const ofCredentials = credentialsOf(site, id)
        .map(credentialSpecOf)
        .filter(({ state }) => state === "active")
        .flatMap((spec) => entitledEntranceIds(spec, holder, site.inventory()));
      return renderEntrances(site, [...ofCredentials, ...inheritedEntranceIds(holder)]);
    },
  };
}

/** Groups of the user's own system. Throws `SeamError`. */
function checkGroups(site: SiteObjects, groupIds: readonly string[], systemId: string): void {
  const specs = groupIds.map((id) => groupSpecOf(objectOf(site, "acs_access_group", id)));
  if (specs.some((group) => group.acs_system_id !== systemId)) {
    throw seamErrorOf(invalidInput("acs_access_group_ids", "names a group of another acs_system"));
  }
}

function scheduleOf({ startsAt, endsAt }: AccessSchedule) {
  return { starts_at: isoInstant(startsAt), ends_at: endsAt === null ? null : isoInstant(endsAt) };
}
