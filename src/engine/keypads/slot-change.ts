import { type Slot, surePin } from "#src/domain/codes/slot";
import type { EngineDeps } from "../engine-deps.js";
import type { LockSlot } from "../ports.js";
import type { EngineTransaction } from "../transaction.js";
import type { KnownPlan } from "./lock-plan.js";
import { objectOf } from "./owner.js";
import { settleCode } from "./settle-code.js";
import { settleCredential } from "./step-credential.js";

/** Stores what is known of a slot now, tells the journal what became of it, and settles whose code it is. */
export function storeSlot(deps: EngineDeps, tx: EngineTransaction, before: LockSlot, after: Slot): void {
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
  settleOwner(deps, tx, owner, { outsideBefore: before.slot.outside });
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
