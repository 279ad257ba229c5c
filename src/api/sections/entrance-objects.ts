import { renderEntrance } from "#src/domain/seam/site";
import type { JsonObject } from "#src/lib/json";
import { foundIn } from "./pages.js";
import type { SiteObjects } from "./site-objects.js";

/** Entrances by id, each once, in the order of the configuration. */
export function renderEntrances(site: SiteObjects, ids: readonly string[]): JsonObject[] {
  return site
    .inventory()
    .entrances.filter(({ id }) => ids.includes(id))
    .map(({ id }) => showEntrance(site, id));
}

export function showEntrance(site: SiteObjects, id: string): JsonObject {
  const inventory = site.inventory();
  const entrance = foundIn(inventory.entrances, "acs_entrance", id);
  return renderEntrance(entrance, inventory, { createdAt: site.seenAt(id) });
}
