import { withPin } from "#src/api/event-pins";
import { missing } from "#src/api/fault";
import type { AttemptsModel, Caller, EncodersModel, EventsModel, SeamModel } from "#src/api/model";
import { accessCodesSection } from "#src/api/sections/access-codes";
import { accessGroupsSection } from "#src/api/sections/access-groups";
import { credentialsSection } from "#src/api/sections/credentials";
import { devicesSection, locksSection } from "#src/api/sections/devices";
import { entrancesSection } from "#src/api/sections/entrances";
import { foundIn, pageOfAll } from "#src/api/sections/pages";
import { encodersSection, systemsSection, workspaceSection } from "#src/api/sections/site";
import { objectOf, type SiteObjects } from "#src/api/sections/site-objects";
import { usersSection } from "#src/api/sections/users";
import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import type { SeamEvent } from "#src/domain/seam/event";
import type { JsonObject } from "#src/lib/json";
import { cloudLocks } from "./cloud-locks.js";
import { cloudObjects } from "./cloud-objects.js";
import { cloudSimulation } from "./cloud-simulation.js";
import type { CloudSite } from "./site.js";

/** The Seam routes in the stand-in cloud: wishes go into the feed, answers come from what the gateway reported. */
export function cloudModel(site: CloudSite): SeamModel {
  const objects = cloudObjects(site);
  const locks = cloudLocks(site, objects);
  const doors = locksSection(objects, locks);
  const accessCodes = accessCodesSection(objects, locks);
  return {
    workspace: workspaceSection(objects),
    systems: systemsSection(objects),
    entrances: entrancesSection(objects, doors),
    encoders: encoders(site, objects),
    users: usersSection(objects),
    accessGroups: accessGroupsSection(objects),
    credentials: credentialsSection(objects, locks),
    accessCodes,
    devices: devicesSection(objects, locks),
    locks: doors,
    attempts: attempts(site),
    events: events(site),
    simulation: cloudSimulation(site, accessCodes),
  };
}

/** What is asked of an encoder is a command for the gateway. */
function encoders(site: CloudSite, objects: SiteObjects): EncodersModel {
  const known = (id: string) => foundIn(objects.inventory().encoders, "acs_encoder", id);
  return {
    ...encodersSection(objects, () => []),
    encode({ encoderId, credentialId }, by) {
      known(encoderId);
      objectOf(objects, "acs_credential", credentialId);
      return renderActionAttempt(site.command("encode", encoderId, credentialId, by.name));
    },
    scan({ encoderId }, by) {
      known(encoderId);
      return renderActionAttempt(site.command("scan", encoderId, null, by.name));
    },
    scanToAssign({ encoderId, userId }, by) {
      known(encoderId);
      objectOf(objects, "acs_user", userId);
      const target = { encoder_id: encoderId, user_id: userId };
      return renderActionAttempt(site.order({ act: "scan_to_assign", target }, by.name));
    },
  };
}

function attempts(site: CloudSite): AttemptsModel {
  return {
    get(id) {
      site.expire();
      const attempt = site.commands.get(id);
      if (attempt === undefined) throw missing("action_attempt", id);
      return renderActionAttempt(attempt);
    },
    list({ ids, deviceId, ...paging }) {
      site.expire();
      const all = site.commands
        .list()
        .filter(({ id }) => ids === undefined || ids.includes(id))
        .filter((attempt) => deviceId === undefined || attempt.deviceId === deviceId);
      return pageOfAll(all, paging, renderActionAttempt);
    },
  };
}

function events(site: CloudSite): EventsModel {
  const shown = (event: SeamEvent, { seesPins }: Caller): JsonObject =>
    withPin(event, seesPins, (codeId) => site.feed.get("access_code", codeId)?.code);
  return {
    get(id, by) {
      const event = site.events.get(id);
      if (event === undefined) throw missing("event", id);
      return shown(event, by);
    },
    list: (query, by) => site.events.list(query).map((event) => shown(event, by)),
  };
}
