import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import type { SeamEvent } from "#src/domain/seam/event";
import { offlineReason, withNext } from "#src/engine/device-problem";
import type { Engine } from "#src/engine/engine";
import type { JsonObject } from "#src/lib/json";
import { withPin } from "./event-pins.js";
import { missing } from "./fault.js";
import { causeOf, gatewayAttempts, startedJob } from "./gateway-attempts.js";
import { gatewayObjects } from "./gateway-objects.js";
import { gatewayLocks } from "./gateway-locks.js";
import { type GatewaySimulation, gatewaySimulation } from "./gateway-simulation.js";
import type { Caller, EncodersModel, EventsModel, SeamModel } from "./model.js";
import { accessCodesSection } from "./sections/access-codes.js";
import { accessGroupsSection } from "./sections/access-groups.js";
import { credentialsSection } from "./sections/credentials.js";
import { devicesSection, locksSection } from "./sections/devices.js";
import { entrancesSection } from "./sections/entrances.js";
import { encodersSection, systemsSection, workspaceSection } from "./sections/site.js";
import { objectOf, type SiteObjects } from "./sections/site-objects.js";
import { usersSection } from "./sections/users.js";

/** The Seam routes on the gateway: the sections decide, the engine carries out, the store answers. */
export function gatewayModel(
  engine: Engine,
  options: { readonly isSandbox: boolean; readonly simulation?: GatewaySimulation | undefined },
): SeamModel {
  const site = gatewayObjects(engine, options);
  const locks = gatewayLocks(engine);
  const doors = locksSection(site, locks);
  const accessCodes = accessCodesSection(site, locks);
  const { simulation } = options;
  return {
    workspace: workspaceSection(site),
    systems: systemsSection(site),
    entrances: entrancesSection(site, doors),
    encoders: encoders(engine, site),
    users: usersSection(site),
    accessGroups: accessGroupsSection(site),
    credentials: credentialsSection(site, locks),
    accessCodes,
    devices: devicesSection(site, locks),
    locks: doors,
    attempts: gatewayAttempts(engine),
    events: events(engine),
    ...(simulation === undefined ? {} : { simulation: gatewaySimulation(simulation, accessCodes) }),
  };
}

function encoders(engine: Engine, site: SiteObjects): EncodersModel {
  const { devices } = engine.deps;
  const errorsOf = ({ id, unit }: { readonly id: string; readonly unit: string }) => {
    if (devices.isOnline(unit)) return [];
    const reason = offlineReason(devices, unit);
    const createdAt = reason.since ?? site.seenAt(id);
    return [{ code: "encoder_not_online", message: withNext(reason), createdAt }];
  };
  return {
    ...encodersSection(site, errorsOf),
    encode: ({ encoderId, credentialId }, by) =>
      renderActionAttempt(
        startedJob(engine, { kind: "encode", encoderId, credentialId, overwrite: false, cause: causeOf(by) }),
      ),
    scan: ({ encoderId }, by) =>
      renderActionAttempt(
        startedJob(engine, {
          kind: "scan",
          encoderId,
          credentialId: null,
          overwrite: false,
          cause: causeOf(by),
        }),
      ),
    scanToAssign({ encoderId, userId }, by) {
      objectOf(site, "acs_user", userId);
      return renderActionAttempt(
        startedJob(engine, {
          kind: "scan_to_assign",
          encoderId,
          credentialId: null,
          userId,
          overwrite: false,
          cause: causeOf(by),
        }),
      );
    },
  };
}

function events({ deps: { store } }: Engine): EventsModel {
  const shown = (event: SeamEvent, { seesPins }: Caller): JsonObject =>
    withPin(event, seesPins, (codeId) => store.objects.get("access_code", codeId)?.code);
  return {
    get(id, by) {
      const event = store.events.get(id);
      if (event === undefined) throw missing("event", id);
      return shown(event, by);
    },
    list: ({ since, before, ids, types, where, limit, newestFirst = false }, by) =>
      store.events
        .list({
          limit,
          where,
          newestFirst,
          ...(since === undefined ? {} : { since }),
          ...(before === undefined ? {} : { before }),
          ...(ids === undefined ? {} : { ids }),
          ...(types === undefined ? {} : { types }),
        })
        .map((event) => shown(event, by)),
  };
}
