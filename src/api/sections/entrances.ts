import type { JsonObject } from "#src/lib/json";
import type { Caller, EntrancesModel, LocksModel } from "../model.js";
import { SeamError } from "../model.js";
import { showCredential } from "./credential-objects.js";
import { showEntrance } from "./entrance-objects.js";
import { grantEntrance } from "./grants.js";
import { entitledSpec } from "./holders.js";
import { foundIn, matching, pageOfAll } from "./pages.js";
import {
  ALL,
  credentialSpecOf,
  objectOf,
  type SiteObject,
  type SiteObjects,
  userSpecOf,
} from "./site-objects.js";

export function entrancesSection(site: SiteObjects, locks: LocksModel): EntrancesModel {
  const entrances = () => site.inventory().entrances;
  return {
    get: (id) => showEntrance(site, foundIn(entrances(), "acs_entrance", id).id),
    list(query) {
      const { credentialId, entranceIds, systemId } = query;
      const opened =
        credentialId === undefined
          ? undefined
          : entitledSpec(site, credentialSpecOf(objectOf(site, "acs_credential", credentialId)))
              .allowed_acs_entrance_ids;
      const items = matching(entrances(), query.search)
        .filter((entrance) => systemId === undefined || entrance.systemId === systemId)
        .filter(({ id }) => entranceIds === undefined || entranceIds.includes(id))
        .filter(({ id }) => opened === undefined || opened.includes(id))
        .map(({ id }) => ({ id, createdAt: site.seenAt(id) }));
      return pageOfAll(items, query, ({ id }) => showEntrance(site, id));
    },
    credentialsWithAccess(id, by) {
      foundIn(entrances(), "acs_entrance", id);
      return opening(site, id).map((object) => showCredential(site, object, by));
    },
    grantAccess: (input, by) => grantEntrance(site, input, by),
    unlock: (input, by) => unlock(site, locks, input, by),
  };
}

/** Credentials that name the entrance, and those whose user has it by a grant or a group. */
function opening(site: SiteObjects, entranceId: string): readonly SiteObject[] {
  const found = new Map<string, SiteObject>();
  const own = { list: "allowed_acs_entrance_ids", member: entranceId } as const;
  for (const object of site.list("acs_credential", { holds: own, limit: ALL })) found.set(object.id, object);
  for (const userId of usersWith(site, entranceId)) {
    for (const object of site.list("acs_credential", { userId, limit: ALL })) {
      const spec = entitledSpec(site, credentialSpecOf(object));
      if (spec.allowed_acs_entrance_ids.includes(entranceId)) found.set(object.id, object);
    }
  }
  return [...found.values()].sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

function usersWith(site: SiteObjects, entranceId: string): ReadonlySet<string> {
  const users = new Set<string>();
  const granted = { list: "granted_acs_entrance_ids", member: entranceId } as const;
  for (const { id } of site.list("acs_user", { holds: granted, limit: ALL })) users.add(id);
  const ofGroup = { list: "acs_entrance_ids", member: entranceId } as const;
  for (const group of site.list("acs_access_group", { holds: ofGroup, limit: ALL })) {
    const isIn = { list: "acs_access_group_ids", member: group.id } as const;
    for (const { id } of site.list("acs_user", { holds: isIn, limit: ALL })) users.add(id);
  }
  return users;
}

/** Seam asks for a `cloud_key`; here any credential that opens the entrance now stands for its holder. */
function unlock(
  site: SiteObjects,
  locks: LocksModel,
  { entranceId, credentialId }: { readonly entranceId: string; readonly credentialId: string },
  by: Caller,
): JsonObject {
  const entrance = foundIn(site.inventory().entrances, "acs_entrance", entranceId);
  const spec = entitledSpec(site, credentialSpecOf(objectOf(site, "acs_credential", credentialId)));
  const user = spec.acs_user_id === null ? undefined : site.get("acs_user", spec.acs_user_id);
  const isSuspended = user !== undefined && userSpecOf(user).state !== "active";
  const isInTime =
    (spec.starts_at === null || Date.parse(spec.starts_at) <= site.now()) &&
    (spec.ends_at === null || Date.parse(spec.ends_at) > site.now());
  if (
    spec.state !== "active" ||
    isSuspended ||
    !isInTime ||
    !spec.allowed_acs_entrance_ids.includes(entranceId)
  ) {
    throw new SeamError(
      400,
      "credential_does_not_open_entrance",
      `This credential does not open "${entrance.name}" now.`,
    );
  }
  const lock = site.inventory().locks.find(({ unit }) => unit === entrance.keypad);
  if (lock === undefined) {
    throw new SeamError(
      400,
      "entrance_cannot_be_unlocked",
      `"${entrance.name}" has no lock that can be unlocked from afar.`,
    );
  }
  return locks.unlockDoor(lock.id, by);
}
