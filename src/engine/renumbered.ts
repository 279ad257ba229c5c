import { acsCredentialSpec } from "#src/domain/spec";
import type { Inventory } from "#src/domain/inventory";
import { entitledSpec } from "./entitled.js";
import { everyCredential } from "./every-credential.js";
import type { Store } from "./ports.js";

/** An entrance whose number changed while cards with the old one are in use. */
export interface Renumbered {
  readonly entranceId: string;
  readonly key: string;
  readonly message: string;
}

/**
 * Cards carry the numbers of doors and zones, and locks know no other: an entrance with cards in use must keep its
 * own. Compares the entrances of a configuration with those that the store last ran with.
 */
export function renumberedEntrances(
  store: Pick<Store, "objects" | "meta">,
  wanted: readonly { readonly id: string; readonly door: number | null; readonly zone: number | null }[],
): readonly Renumbered[] {
  const before = store.meta.get("inventory") as Inventory | null | undefined; // Written by `Engine.recover` only.
  const changed = (before?.entrances ?? []).filter((old) => {
    const now = wanted.find(({ id }) => id === old.id);
    return now !== undefined && (now.door !== old.door || now.zone !== old.zone);
  });
  if (before == null || changed.length === 0) return [];
  const inUse = entrancesOfLiveCards(store, before);
  return changed
    .filter(({ id }) => inUse.has(id))
    .map(({ id, key, door, zone }) => ({
      entranceId: id,
      key,
      message: `entrance ${key} has cards in use with ${door === null ? `zone ${zone ?? "none"}` : `door ${door}`}: keep that number, and make a new entrance for another one`,
    }));
}

function entrancesOfLiveCards(
  { objects }: Pick<Store, "objects">,
  inventory: Pick<Inventory, "entrances">,
): ReadonlySet<string> {
  const inUse = new Set<string>();
  for (const { record, spec } of everyCredential(objects)) {
    if ((record?.context.cards.length ?? 0) === 0) continue;
    const parsed = acsCredentialSpec.safeParse(spec).data;
    if (parsed === undefined) continue;
    for (const id of entitledSpec(objects, inventory, parsed).allowed_acs_entrance_ids) inUse.add(id);
  }
  return inUse;
}
