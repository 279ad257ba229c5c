import { renderCredential, withProblem } from "#src/domain/seam/credential";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import type { Caller } from "../model.js";
import { entitledSpec } from "./holders.js";
import { credentialSpecOf, type SiteObject, type SiteObjects } from "./site-objects.js";

export function showCredential(site: SiteObjects, object: SiteObject, by: Caller): JsonObject {
  const inventory = site.inventory();
  const own = credentialSpecOf(object);
  const isOfBrand = inventory.systems.some(
    ({ id, externalType }) => id === own.acs_system_id && externalType !== null,
  );
  const rendered = renderCredential({
    // Only a brand's metadata says what the user adds: for the rest one look-up a row is saved.
    spec: isOfBrand ? entitledSpec(site, own) : own,
    code: by.seesPins ? object.code : null,
    observed: object.observed,
    inventory,
    now: site.now(),
  });
  return withProblem(rendered, object.problem);
}

/** A search that looks like a PIN also finds it whole; only for whoever may see PINs. */
export function pinIn(
  { search = "" }: { readonly search?: string | undefined },
  by: Caller,
): { readonly code?: Secret<string> } {
  return by.seesPins && /^\d+$/.test(search) ? { code: new Secret(search) } : {};
}
