import type { Inventory } from "#src/domain/inventory";
import type { AcsAccessGroupSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { externalTypeOf } from "./brand.js";
import { utcInstant } from "./instant.js";

/** Seam's `acs_access_group`. */
export function renderAccessGroup(spec: AcsAccessGroupSpec, inventory: Inventory): JsonObject {
  const system = inventory.systems.find(({ id }) => id === spec.acs_system_id);
  return {
    acs_access_group_id: spec.acs_access_group_id,
    acs_system_id: spec.acs_system_id,
    connected_account_id: inventory.connectedAccountId,
    workspace_id: inventory.workspaceId,
    name: spec.name,
    display_name: spec.name,
    ...externalTypeOf(system?.externalType ?? null, "group"),
    is_managed: true,
    pending_mutations: [],
    created_at: utcInstant(spec.created_at),
    errors: [],
    warnings: [],
  };
}
