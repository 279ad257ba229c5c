import type { InventoryEncoder } from "#src/domain/inventory";
import { type Notice, renderEncoder, renderSystem, renderWorkspace } from "#src/domain/seam/site";
import type { JsonObject } from "#src/lib/json";
import type { EncodersModel, SystemsModel, WorkspaceModel } from "../model.js";
import { foundIn, matching, pageOfAll } from "./pages.js";
import type { SiteObjects } from "./site-objects.js";

export function workspaceSection(site: SiteObjects): WorkspaceModel {
  return { get: () => renderWorkspace(site.inventory(), site) };
}

export function systemsSection(site: SiteObjects): SystemsModel {
  const show = (id: string): JsonObject => {
    const inventory = site.inventory();
    const system = foundIn(inventory.systems, "acs_system", id);
    return renderSystem(system, inventory, { createdAt: site.seenAt(id) });
  };
  return {
    get: show,
    list: ({ search }) => matching(site.inventory().systems, search).map(({ id }) => show(id)),
  };
}

/** What this side knows to be wrong with an encoder. */
export type EncoderErrors = (encoder: InventoryEncoder) => readonly Notice[];

export function encodersSection(
  site: SiteObjects,
  errorsOf: EncoderErrors,
): Pick<EncodersModel, "get" | "list"> {
  const show = (id: string): JsonObject => {
    const inventory = site.inventory();
    const encoder = foundIn(inventory.encoders, "acs_encoder", id);
    return renderEncoder(encoder, inventory, { createdAt: site.seenAt(id), errors: errorsOf(encoder) });
  };
  return {
    get: show,
    list({ systemIds, encoderIds, ...paging }) {
      const items = site
        .inventory()
        .encoders.filter(({ systemId }) => systemIds === undefined || systemIds.includes(systemId))
        .filter(({ id }) => encoderIds === undefined || encoderIds.includes(id))
        .map(({ id }) => ({ id, createdAt: site.seenAt(id) }));
      return pageOfAll(items, paging, ({ id }) => show(id));
    },
  };
}
