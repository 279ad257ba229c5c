import type { SlotContent } from "#driver-api";
import type { LockWindow } from "#src/domain/codes/schedule";
import { failed, type Found, type Slot, surePin, unknownSlot } from "#src/domain/codes/slot";
import type { EngineDeps } from "../engine-deps.js";
import type { LockSlot } from "../ports.js";
import type { EngineTransaction } from "../transaction.js";
import { type KnownPlan, planOf } from "./lock-plan.js";
import { objectOf, ownerOf } from "./owner.js";
import { settleCode } from "./settle-code.js";
import { reconsiderCode } from "./step-code.js";
import { settleCredential } from "./step-credential.js";

/** What a driver read, with the PIN as its keyed hash. */
export function foundIn({ store }: Pick<EngineDeps, "store">, content: SlotContent): Found {
  return content.is === "code" ? { is: "code", pin: store.keypads.pinOf(content.code) } : content;
}

/**
 * Stores what is known of a slot now, tells the journal what became of it, and settles whose code it is. `plan`: of the
 * lock, where it was made just now.
 */
export function storeSlot(
  deps: EngineDeps,
  tx: EngineTransaction,
  { before, after, plan }: { readonly before: LockSlot; readonly after: Slot; readonly plan?: KnownPlan },
): void {
  const { keypads } = deps.store;
  const { lockId, unmanagedId } = before;
  keypads.putSlot({ lockId, unmanagedId, slot: after });
  const owner = before.slot.owner ?? after.owner;
  const place = { device_id: lockId, slot: after.slot };
  if (isChangedOutside(before.slot, after)) tx.journal({ k: "slot_changed_outside", data: place });
  if (owner === null) return;
  const { kind, id } = objectOf(owner);
  const pin = surePin(after);
  if (pin !== null && pin !== surePin(before.slot)) {
    tx.journal({ k: "slot_set", kind, id, data: place });
  }
  if (before.slot.owner !== null && after.owner === null) {
    tx.journal({ k: "slot_removed", kind, id, data: place });
  }
  settleOwner(deps, tx, owner, { outsideBefore: before.slot.outside, ...(plan !== undefined && { plan }) });
}

/**
 * Asked again and again the lock does not keep this window: the gateway sees to it. A slot that was empty before the order
 * still is.
 */
export function turnWindowDown(
  deps: EngineDeps,
  tx: EngineTransaction,
  known: LockSlot,
  order: { readonly before: Slot; readonly id: string; readonly window: LockWindow; readonly reason: string },
): void {
  const { before, id, window, reason } = order;
  const { keypads, objects } = deps.store;
  const isFree = before.found?.is === "empty";
  const emptied = { ...unknownSlot(before.slot), found: before.found };
  storeSlot(deps, tx, { before: known, after: isFree ? emptied : failed(known.slot, reason, true) });
  const row = objects.get("access_code", id);
  const life = keypads.life(id);
  if (row === undefined || life === undefined) return;
  keypads.putLife(id, { ...life, refused: { window, reason } });
  reconsiderCode(deps, tx, row);
}

/** Somebody changed our code, or what lies in a slot that is not ours. */
function isChangedOutside(before: Slot, after: Slot): boolean {
  if (after.outside !== null) return after.outside.at !== before.outside?.at;
  if (before.owner !== null || after.owner !== null || before.found === null) return false;
  const [was, is] = [before.found, after.found];
  return was.is !== is?.is || (was.is === "code" && is.is === "code" && was.pin !== is.pin);
}

/** Works out anew what is known of the object that a slot is kept for. */
export function settleOwner(
  deps: EngineDeps,
  tx: EngineTransaction,
  owner: string,
  known: { readonly outsideBefore?: Slot["outside"]; readonly plan?: KnownPlan } = {},
): void {
  const { kind, id } = objectOf(owner);
  if (kind === "acs_credential") settleCredential(deps, tx, id, known.plan);
  else settleCode(deps, tx, id, known);
}

/** The same for everybody whose code lies on a lock, or is to. */
export function settleLock(deps: EngineDeps, tx: EngineTransaction, lockId: string): void {
  const { keypads } = deps.store;
  const owners = new Set(keypads.wishes(lockId).map(({ kind, id }) => ownerOf(kind, id)));
  for (const { slot } of keypads.slots(lockId)) if (slot.owner !== null) owners.add(slot.owner);
  const plan = planOf(deps, lockId);
  for (const owner of owners) settleOwner(deps, tx, owner, { plan: { lockId, plan } });
}
