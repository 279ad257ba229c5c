import { renderAccessGroup } from "#src/domain/seam/access-group";
import { invalidInput } from "#src/domain/seam/fault";
import { isoInstant } from "#src/domain/seam/instant";
import { renderUser } from "#src/domain/seam/user";
import type { AcsAccessGroupSpec, AcsUserSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { seamErrorOf } from "../fault.js";
import type { AccessGroupsModel } from "../model.js";
import { renderEntrances } from "./entrance-objects.js";
import { checkHolder, holderOfUser } from "./holders.js";
import { foundIn } from "./pages.js";
import {
  ALL,
  documentOf,
  groupSpecOf,
  objectOf,
  type SiteDocument,
  type SiteObject,
  type SiteObjects,
  userSpecOf,
} from "./site-objects.js";

/** Groups grant their entrances to every credential of their users. */
export function accessGroupsSection(site: SiteObjects): AccessGroupsModel {
  const show = (object: SiteObject): JsonObject => renderAccessGroup(groupSpecOf(object), site.inventory());
  const specOf = (id: string): AcsAccessGroupSpec => groupSpecOf(objectOf(site, "acs_access_group", id));
  const userOf = (id: string): AcsUserSpec => userSpecOf(objectOf(site, "acs_user", id));
  const members = (groupId: string): readonly SiteObject[] =>
    site.list("acs_user", { holds: { list: "acs_access_group_ids", member: groupId }, limit: ALL });

  return {
    create(input, by) {
      foundIn(site.inventory().systems, "acs_system", input.systemId);
      checkEntrances(site, input.entranceIds, input.systemId);
      const id = site.newId();
      const spec: AcsAccessGroupSpec = {
        acs_access_group_id: id,
        acs_system_id: input.systemId,
        name: input.name,
        acs_entrance_ids: [...new Set(input.entranceIds)],
        state: "active",
        created_at: isoInstant(site.now()),
      };
      site.change([documentOf("acs_access_group", id, spec)], by, "created acs_access_group");
      return show(objectOf(site, "acs_access_group", id));
    },
    update(id, change, by) {
      const before = specOf(id);
      const entranceIds = change.entranceIds ?? before.acs_entrance_ids;
      checkEntrances(site, entranceIds, before.acs_system_id);
      const spec = {
        ...before,
        name: change.name ?? before.name,
        acs_entrance_ids: [...new Set(entranceIds)],
      };
      for (const member of members(id)) {
        const { user, groups } = holderOfUser(site, userSpecOf(member));
        if (user === undefined) continue;
        const others = groups.filter((group) => group.acs_access_group_id !== id);
        checkHolder(site, { user, groups: [...others, spec] });
      }
      site.change([documentOf("acs_access_group", id, spec)], by, "updated acs_access_group");
      return show(objectOf(site, "acs_access_group", id));
    },
    get: (id) => show(objectOf(site, "acs_access_group", id)),
    list({ systemId, userId, search }) {
      const memberOf = userId === undefined ? undefined : (userOf(userId).acs_access_group_ids ?? []);
      return site
        .list("acs_access_group", { systemId, search, limit: ALL })
        .filter(({ id }) => memberOf === undefined || memberOf.includes(id))
        .map(show);
    },
    users(id) {
      specOf(id);
      return members(id).map((member) => renderUser(userSpecOf(member), site.inventory()));
    },
    accessibleEntrances: (id) => renderEntrances(site, specOf(id).acs_entrance_ids),
    addUser({ groupId, userId }, by) {
      const group = specOf(groupId);
      const before = userOf(userId);
      if (before.acs_system_id !== group.acs_system_id) {
        throw seamErrorOf(invalidInput("acs_user_id", "belongs to another acs_system than the group"));
      }
      const memberOf = before.acs_access_group_ids ?? [];
      if (memberOf.includes(groupId)) return;
      const user = { ...before, acs_access_group_ids: [...memberOf, groupId] };
      checkHolder(site, { ...holderOfUser(site, user), user });
      site.change([documentOf("acs_user", userId, user)], by, "added acs_user to acs_access_group");
    },
    removeUser({ groupId, userId }, by) {
      specOf(groupId);
      const user = userOf(userId);
      if (!(user.acs_access_group_ids ?? []).includes(groupId)) return;
      site.change([withoutGroup(user, groupId)], by, "removed acs_user from acs_access_group");
    },
    delete(id, by) {
      const spec = specOf(id);
      const leaving = members(id).map((member) => withoutGroup(userSpecOf(member), id));
      const gone = documentOf("acs_access_group", id, { ...spec, state: "deleted" });
      site.change([...leaving, gone], by, "deleted acs_access_group");
    },
  };
}

function withoutGroup(user: AcsUserSpec, groupId: string): SiteDocument {
  const left = (user.acs_access_group_ids ?? []).filter((id) => id !== groupId);
  return documentOf("acs_user", user.acs_user_id, { ...user, acs_access_group_ids: left });
}

function checkEntrances(site: SiteObjects, ids: readonly string[], systemId: string): void {
  for (const wanted of ids) {
    const entrance = foundIn(site.inventory().entrances, "acs_entrance", wanted);
    if (entrance.systemId !== systemId) {
      throw seamErrorOf(invalidInput("acs_entrance_ids", "names an entrance of another acs_system"));
    }
  }
}
