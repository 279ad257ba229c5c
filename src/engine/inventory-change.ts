import type { Inventory } from "#src/domain/inventory";
import { inventoryEvents } from "#src/domain/seam/inventory-events";
import { acsCredentialSpec } from "#src/domain/spec";
import { fingerprintOf, type Json } from "#src/lib/json";
import { unblock } from "./desired.js";
import type { EngineDeps } from "./engine-deps.js";
import { everyCredential, everyRow } from "./every-credential.js";
import type { EngineTransaction } from "./transaction.js";

/**
 * Tells the cloud and apps of a changed configuration, and marks the credentials that it concerns: those that wait for
 * something that is there now, and those that name something that is not there any more.
 */
export function adoptInventory(
  deps: EngineDeps,
  transact: (work: (tx: EngineTransaction) => void) => void,
): void {
  const { store, inventory } = deps;
  const hash = fingerprintOf(inventory);
  if (store.meta.get("inventory_hash") === hash) return;
  transact((tx) => {
    const before = store.meta.get("inventory") as Inventory | null | undefined; // Written below, nowhere else.
    tx.journal({ k: "inventory", data: { hash, inventory } });
    store.meta.set("inventory_hash", hash);
    store.meta.set("inventory", asJson(inventory));
    for (const { type, subject } of inventoryEvents(before ?? null, inventory)) tx.emit(type, subject);
    unblock(deps, "entrance_removed");
    unblock(deps, "system_removed");
    if (before == null) return;
    markConcerned(deps, removedFrom(before, inventory));
    if (keypadsOf(before) !== keypadsOf(inventory)) markCodes(deps);
  });
}

function removedFrom(before: Inventory, now: Inventory): ReadonlySet<string> {
  const idsOf = ({ systems, entrances }: Inventory) => [...systems, ...entrances].map(({ id }) => id);
  const left = new Set(idsOf(now));
  return new Set(idsOf(before).filter((id) => !left.has(id)));
}

/** Which keypad opens what, as one text to compare. A store of an earlier release knows of no locks. */
function keypadsOf({ locks, entrances }: Partial<Pick<Inventory, "locks" | "entrances">>): string {
  const doors = (entrances ?? []).map(({ id, keypad }) => [id, keypad]);
  return fingerprintOf([(locks ?? []).map(({ id, unit }) => [id, unit]), doors]);
}

/** Every PIN may have other locks to lie on now, or none. */
function markCodes({ store }: EngineDeps): void {
  for (const row of everyRow(store.objects, "access_code")) store.objects.put({ ...row, dirty: true });
  for (const row of everyCredential(store.objects)) {
    if (row.spec["access_method"] === "code") store.objects.put({ ...row, dirty: true });
  }
}

function markConcerned({ store }: EngineDeps, removed: ReadonlySet<string>): void {
  if (removed.size === 0) return;
  for (const row of everyCredential(store.objects)) {
    const spec = acsCredentialSpec.safeParse(row.spec).data;
    if (spec === undefined) continue;
    const named = [spec.acs_system_id, ...spec.allowed_acs_entrance_ids];
    if (named.some((id) => removed.has(id))) store.objects.put({ ...row, dirty: true });
  }
}

/** Stored as JSON: the same value without what JSON leaves out. */
function asJson(inventory: Inventory): Json {
  return JSON.parse(JSON.stringify(inventory)) as Json;
}
