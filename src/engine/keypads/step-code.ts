import { isDue, isOver, setsAt } from "#src/domain/codes/schedule";
import { unknownSlot } from "#src/domain/codes/slot";
import type { SeamEventType } from "#src/domain/seam/event";
import { type AccessCodeSpec, accessCodeSpec } from "#src/domain/spec";
import type { EngineDeps } from "../engine-deps.js";
import { isGoneState } from "../gone-state.js";
import type { ObjectRow } from "../ports.js";
import type { EngineTransaction } from "../transaction.js";
import { lockRow } from "./lock-facts.js";
import { timesOf } from "./code-times.js";
import { ownerOf } from "./owner.js";
import { settleCode } from "./settle-code.js";

/** Brings the wish for one access code in line with its document. What follows at the lock is the lock's worker's. */
export function stepAccessCode(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow): void {
  const spec = accessCodeSpec.parse(row.spec);
  const { store } = deps;
  const also: SeamEventType[] = [];
  // What is not understood, or not ruled on, changes nothing at the lock unless it takes away.
  if (row.blocked === null || isGoneState(spec.state)) {
    if (!spec.is_managed) leaveAlone(deps, row, spec);
    else if (takeOver(deps, row)) also.push("access_code.unmanaged.converted_to_managed");
    applyWish(deps, tx, row, spec);
  }
  const known = store.keypads.life(row.id);
  if (known === undefined && !spec.is_managed && !isGoneState(spec.state))
    also.push("access_code.unmanaged.created");
  if (known === undefined && spec.use_backup_access_code_pool && spec.state === "active") {
    turnPoolOn(deps, spec.device_id);
  }
  // Its end was moved into the future after it had gone.
  const endsAt = spec.ends_at === null ? null : Date.parse(spec.ends_at);
  const isBack = row.gone && !isGoneState(spec.state) && !isOver({ endsAt }, tx.certain);
  store.objects.put({ ...row, gone: row.gone && !isBack });
  settleCode(deps, tx, row.id, { also });
  tx.touchLock(spec.device_id);
}

/** The pool of a lock is filled from the first code on that asks for it, wherever that was made. */
function turnPoolOn(deps: EngineDeps, lockId: string): void {
  const { observed, settings } = lockRow(deps, lockId);
  if (!settings.isPoolEnabled) {
    deps.store.keypads.putLock(lockId, { observed, settings: { ...settings, isPoolEnabled: true } });
  }
}

/** The window opened or ended: only time has passed. */
export function reconsiderCode(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow): void {
  const spec = accessCodeSpec.parse(row.spec);
  if (row.gone || row.blocked !== null || row.dirty) return;
  applyWish(deps, tx, row, spec);
  settleCode(deps, tx, row.id);
  tx.touchLock(spec.device_id);
}

function applyWish(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow, spec: AccessCodeSpec): void {
  const { keypads, wakeups } = deps.store;
  const { id, code } = row;
  const { times, window } = timesOf(deps, row, spec);
  const isKept = window !== null;
  const isActive = spec.is_managed && spec.state === "active" && code !== null;
  for (const { lockId } of keypads.wishesOf("access_code", id)) {
    if (lockId !== spec.device_id) keypads.removeWish(lockId, "access_code", id);
  }
  if (isActive && isDue(times, tx, isKept)) {
    const allowsOutside = spec.is_external_modification_allowed;
    const pin = keypads.pinOf(code);
    keypads.putWish({
      lockId: spec.device_id,
      kind: "access_code",
      id,
      pin,
      window,
      allowsOutside,
      since: row.createdAt,
    });
  } else {
    keypads.removeWish(spec.device_id, "access_code", id);
  }
  // What lies on the lock ahead of its start becomes `set` then.
  const ahead = [setsAt(times, isKept), window?.startsAt ?? null].filter((at) => at !== null && at > tx.now);
  keypads.setOpening("access_code", id, isActive ? (ahead[0] ?? null) : null);
  wakeups.set("access_code", id, isActive && !isOver(times, tx.certain) ? times.endsAt : null);
}

/** What somebody else put there becomes ours as it is: nothing is written. */
function takeOver({ store }: EngineDeps, row: ObjectRow): boolean {
  const place = store.keypads.unmanagedSlot(row.id);
  if (place?.slot.found?.is !== "code") return false;
  const { slot } = place;
  const sent = { pin: place.slot.found.pin, window: null, state: "verified" } as const;
  const owned = { ...slot, owner: ownerOf("access_code", row.id), sent };
  store.keypads.putSlot({ ...place, slot: owned, unmanagedId: null });
  return true;
}

/** An unmanaged code is nobody's wish. One that is to go is emptied like one of ours; one that was ours is let go of. */
function leaveAlone({ store }: EngineDeps, row: ObjectRow, spec: AccessCodeSpec): void {
  const { keypads } = store;
  const owner = ownerOf("access_code", row.id);
  const isToGo = isGoneState(spec.state);
  const place = keypads.unmanagedSlot(row.id);
  if (place !== undefined && isToGo) {
    const isEmpty = place.slot.found?.is === "empty";
    keypads.putSlot({ ...place, slot: { ...place.slot, owner: isEmpty ? null : owner }, unmanagedId: null });
  }
  if (isToGo) return;
  for (const own of keypads.slotsOf(owner)) {
    const { slot, found, isStale } = own.slot;
    keypads.putSlot({ ...own, slot: { ...unknownSlot(slot), found, isStale }, unmanagedId: row.id });
  }
}
