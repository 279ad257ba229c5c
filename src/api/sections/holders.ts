import { duplicate } from "#src/domain/seam/access-code-rules";
import { lockFacts } from "#src/domain/seam/device";
import { checkPin } from "#src/domain/seam/pin";
import { checkOneDoor } from "#src/domain/seam/rules";
import { entitled, type Holder } from "#src/domain/seam/entitlement";
import type { AcsCredentialSpec, AcsUserSpec } from "#src/domain/spec";
import type { Secret } from "#src/lib/secret";
import { seamErrorOf } from "../fault.js";
import { deviceFactsOf, type SiteLocks } from "./site-locks.js";
import {
  ALL,
  credentialSpecOf,
  groupSpecOf,
  type SiteObject,
  type SiteObjects,
  userSpecOf,
} from "./site-objects.js";

/** Who holds a credential, and what that adds to it. */

export function holderOf(site: SiteObjects, userId: string | null): Holder {
  const object = userId === null ? undefined : site.get("acs_user", userId);
  return object === undefined ? { user: undefined, groups: [] } : holderOfUser(site, userSpecOf(object));
}

export function holderOfUser(site: SiteObjects, user: AcsUserSpec): Holder {
  const groups = (user.acs_access_group_ids ?? []).flatMap((id) => {
    const group = site.get("acs_access_group", id);
    return group === undefined ? [] : [groupSpecOf(group)];
  });
  return { user, groups };
}

/** The credential with all that it opens. */
export function entitledSpec(site: SiteObjects, spec: AcsCredentialSpec): AcsCredentialSpec {
  return entitled(spec, holderOf(site, spec.acs_user_id), site.inventory());
}

export function credentialsOf(site: SiteObjects, userId: string): readonly SiteObject[] {
  return site.list("acs_credential", { userId, limit: ALL });
}

/** Before the user becomes this: none of its cards may come to open two guest doors. Throws `SeamError` 400. */
export function checkHolder(site: SiteObjects, holder: Holder & { readonly user: AcsUserSpec }): void {
  const inventory = site.inventory();
  for (const object of credentialsOf(site, holder.user.acs_user_id)) {
    const spec = entitled(credentialSpecOf(object), holder, inventory);
    if (spec.access_method !== "card" || spec.state !== "active") continue;
    checkDoors(site, spec);
  }
}

/** The card would open two guest doors: `SeamError` 400. `spec` names all that it opens. */
export function checkDoors(site: SiteObjects, spec: AcsCredentialSpec): void {
  if (spec.access_method !== "card") return;
  const entrances = site.inventory().entrances.filter(({ id }) => spec.allowed_acs_entrance_ids.includes(id));
  const fault = checkOneDoor(entrances, site.inventory());
  if (fault !== undefined) throw seamErrorOf(fault);
}

/** The PIN of a code credential must be one that every lock of its entrances takes and nobody else has there. */
export function checkOnLocks(
  site: SiteObjects,
  locks: SiteLocks,
  spec: AcsCredentialSpec,
  code: Secret<string>,
): void {
  if (spec.access_method !== "code") return;
  const { entrances, locks: known } = site.inventory();
  const units = entrances
    .filter(({ id }) => spec.allowed_acs_entrance_ids.includes(id))
    .map(({ keypad }) => keypad);
  for (const { id } of known.filter(({ unit }) => units.includes(unit))) {
    const lock = lockFacts(deviceFactsOf(site, locks, id));
    // A lock that was never seen has not said what it takes.
    const fault = lock.canProgramCodes ? checkPin(code, lock) : undefined;
    if (fault !== undefined) throw seamErrorOf(fault);
    const isTaken = locks
      .codesOn(id)
      .some((other) => other.id !== spec.acs_credential_id && other.digits === code.reveal());
    if (isTaken) throw seamErrorOf(duplicate());
  }
}
