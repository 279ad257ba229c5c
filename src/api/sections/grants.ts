import { inheritedEntranceIds } from "#src/domain/seam/entitlement";
import { invalidInput } from "#src/domain/seam/fault";
import { seamErrorOf } from "../fault.js";
import type { Caller } from "../model.js";
import { checkHolder, holderOfUser } from "./holders.js";
import { foundIn } from "./pages.js";
import { documentOf, objectOf, type SiteObjects, userSpecOf } from "./site-objects.js";

/** From then on every credential of the user opens the entrance. Throws `SeamError`. */
export function grantEntrance(
  site: SiteObjects,
  { entranceId, userId }: { readonly entranceId: string; readonly userId: string },
  by: Caller,
): void {
  const entrance = foundIn(site.inventory().entrances, "acs_entrance", entranceId);
  const before = userSpecOf(objectOf(site, "acs_user", userId));
  if (before.acs_system_id !== entrance.systemId) {
    throw seamErrorOf(invalidInput("acs_user_id", "belongs to another acs_system than the entrance"));
  }
  const holder = holderOfUser(site, before);
  if (inheritedEntranceIds(holder).includes(entranceId)) return;
  const granted = [...(before.granted_acs_entrance_ids ?? []), entranceId];
  const user = { ...before, granted_acs_entrance_ids: granted };
  checkHolder(site, { ...holder, user });
  site.change([documentOf("acs_user", userId, user)], by, "granted acs_user access to an acs_entrance");
}
