import type { Inventory, InventoryEntrance } from "#src/domain/inventory";
import type { AcsAccessGroupSpec, AcsCredentialSpec, AcsUserSpec } from "#src/domain/spec";

/**
 * What a credential opens: the entrances it names itself, those granted to its user, and those of its user's groups.
 * One function says so for the card that is written, the PIN that is set, and the API on either side.
 */
export interface Holder {
  readonly user: AcsUserSpec | undefined;
  /** Those that the user is in; whatever else is given is left out. */
  readonly groups: readonly AcsAccessGroupSpec[];
}

/** Ids, the credential's own first, each once. */
export function entitledEntranceIds(
  spec: Pick<AcsCredentialSpec, "access_method" | "acs_system_id" | "allowed_acs_entrance_ids">,
  holder: Holder,
  inventory: Pick<Inventory, "entrances">,
): readonly string[] {
  const inherited = inheritedEntranceIds(holder).filter((id) => {
    const entrance = inventory.entrances.find((known) => known.id === id);
    return entrance?.systemId === spec.acs_system_id && isOpenedBy(spec.access_method, entrance);
  });
  return [...new Set([...spec.allowed_acs_entrance_ids, ...inherited])];
}

/** What the user's credentials open besides what each names itself. */
export function inheritedEntranceIds({ user, groups }: Holder): readonly string[] {
  if (user === undefined) return [];
  const memberOf = user.acs_access_group_ids ?? [];
  const ofGroups = groups
    .filter(({ acs_access_group_id: id, state }) => state === "active" && memberOf.includes(id))
    .flatMap(({ acs_entrance_ids: ids }) => ids);
  return [...new Set([...(user.granted_acs_entrance_ids ?? []), ...ofGroups])];
}

/** The same document with all that it opens. */
export function entitled(
  spec: AcsCredentialSpec,
  holder: Holder,
  inventory: Pick<Inventory, "entrances">,
): AcsCredentialSpec {
  const allowed_acs_entrance_ids = [...entitledEntranceIds(spec, holder, inventory)];
  return allowed_acs_entrance_ids.length === spec.allowed_acs_entrance_ids.length
    ? spec
    : { ...spec, allowed_acs_entrance_ids };
}

/** A card opens doors and zones, and what the gateway opens to cards; a PIN opens keypads. */
function isOpenedBy(method: AcsCredentialSpec["access_method"], entrance: InventoryEntrance): boolean {
  const { door, zone, opensWithCard, keypad } = entrance;
  return method === "card" ? door !== null || zone !== null || opensWithCard === true : keypad !== null;
}
