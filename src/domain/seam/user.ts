import type { Inventory } from "#src/domain/inventory";
import type { AcsUserSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { externalTypeOf } from "./brand.js";
import { utcInstant } from "./instant.js";

/** Seam's `acs_user`. What was not given is absent. */
export function renderUser(spec: AcsUserSpec, inventory: Inventory): JsonObject {
  const system = inventory.systems.find(({ id }) => id === spec.acs_system_id);
  const schedule = spec.access_schedule ?? null;
  return {
    acs_user_id: spec.acs_user_id,
    acs_system_id: spec.acs_system_id,
    connected_account_id: inventory.connectedAccountId,
    workspace_id: inventory.workspaceId,
    display_name: spec.full_name,
    full_name: spec.full_name,
    ...(spec.email_address == null ? {} : { email_address: spec.email_address }),
    ...(spec.phone_number == null ? {} : { phone_number: spec.phone_number }),
    ...(schedule === null
      ? {}
      : {
          access_schedule: {
            starts_at: utcInstant(schedule.starts_at),
            ends_at: schedule.ends_at === null ? null : utcInstant(schedule.ends_at),
          },
        }),
    ...externalTypeOf(system?.externalType ?? null, "user"),
    is_managed: true,
    is_suspended: spec.state === "suspended",
    last_successful_sync_at: null,
    created_at: utcInstant(spec.created_at),
    errors: [],
    warnings: [],
  };
}
