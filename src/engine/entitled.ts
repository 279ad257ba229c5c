import type { Inventory } from "#src/domain/inventory";
import { entitled } from "#src/domain/seam/entitlement";
import { type AcsCredentialSpec, acsAccessGroupSpec, acsUserSpec } from "#src/domain/spec";
import type { ObjectsTable } from "./ports.js";

/** The credential with all that it opens: its own entrances, its user's, and those of the user's groups. */
export function entitledSpec(
  objects: Pick<ObjectsTable, "get">,
  inventory: Pick<Inventory, "entrances">,
  spec: AcsCredentialSpec,
): AcsCredentialSpec {
  const holder = spec.acs_user_id === null ? undefined : objects.get("acs_user", spec.acs_user_id);
  const user = holder === undefined ? undefined : acsUserSpec.safeParse(holder.spec).data;
  const groups = (user?.acs_access_group_ids ?? []).flatMap((id) => {
    const row = objects.get("acs_access_group", id);
    const group = row === undefined || row.gone ? undefined : acsAccessGroupSpec.safeParse(row.spec).data;
    return group === undefined ? [] : [group];
  });
  return entitled(spec, { user, groups }, inventory);
}
