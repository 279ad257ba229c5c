import type { Inventory } from "#src/domain/inventory";
import type { Config } from "./config.js";
import { objectId, siteObjectId } from "./ids.js";

/** What the cloud and the engine know of the site's hardware, in the order of the file. */
export function inventoryOf(config: Config): Inventory {
  const systemIds = new Map(config.systems.map(({ key, id }) => [key, id]));
  const systemId = (key: string) => systemIds.get(key) ?? objectId(config.site.id, "acs_system", key);
  return {
    workspaceId: siteObjectId(config.site.id, "workspace"),
    connectedAccountId: siteObjectId(config.site.id, "connected_account"),
    siteName: config.site.name,
    timeZone: config.site.timeZone,
    systems: config.systems.map((system) => ({ ...system, cardProfiles: [...system.cardProfiles] })),
    entrances: config.entrances.map(({ system, ...entrance }) => ({
      ...entrance,
      systemId: systemId(system),
    })),
    encoders: config.encoders.map(({ system, ...encoder }) => ({ ...encoder, systemId: systemId(system) })),
    locks: config.locks.map((lock) => ({ ...lock })),
  };
}
