import { isWantedAt } from "#src/domain/credential/automatic.machine";
import type { CredentialRecord } from "#src/domain/credential/credential.schema";
import { SET_AHEAD_MS } from "#src/domain/codes/schedule";
import { holds } from "#src/domain/codes/slot";
import { type AcsCredentialSpec, acsCredentialSpec } from "#src/domain/spec";
import { fingerprintOf } from "#src/lib/json";
import { offlineReason } from "../device-problem.js";
import type { EngineDeps } from "../engine-deps.js";
import { entitledSpec } from "../entitled.js";
import type { LockSlot, ObjectRow } from "../ports.js";
import { shortageOf } from "../reserve.js";
import type { EngineTransaction } from "../transaction.js";
import { type KnownPlan, planFor, slotOf } from "./lock-plan.js";
import { ownerOf } from "./owner.js";

/**
 * PIN credentials of the access system: one PIN on the keypads of all its entrances, driven by the automatic machine.
 * The machine says whether it is wanted, the locks' slots say whether it is there.
 */

/** What is on the keypads for it, as one hash; a sentence when there can be nothing. */
export function codeFingerprint(
  deps: EngineDeps,
  { code }: ObjectRow,
  spec: AcsCredentialSpec,
): { ok: true; fingerprint: string } | { ok: false; message: string } {
  if (code === null) return { ok: false, message: "a code credential needs a PIN" };
  const locks = lockIdsOf(deps, spec);
  if (locks.length === 0) return { ok: false, message: "none of its entrances has a keypad" };
  const { starts_at, ends_at, state, acs_user_id: userId } = spec;
  const user = userId === null ? undefined : deps.store.objects.get("acs_user", userId);
  const isAllowed = state === "active" && (user?.spec["state"] ?? "active") === "active";
  const pin = deps.store.keypads.pinOf(code);
  return { ok: true, fingerprint: fingerprintOf({ pin, locks, starts_at, ends_at, isAllowed }) };
}

/** When a lock is to have it: locks get their codes shortly before the start. */
export function scheduledStart(startsAt: number | null): number | null {
  return startsAt === null ? null : startsAt - SET_AHEAD_MS;
}

/** Locks of the entrances that it opens, each once, in order. */
function lockIdsOf(deps: EngineDeps, spec: AcsCredentialSpec): readonly string[] {
  const units = new Set(entrancesOf(deps, spec).map(({ keypad }) => keypad));
  return deps.inventory.locks
    .filter(({ unit }) => units.has(unit))
    .map(({ id }) => id)
    .sort();
}

function entrancesOf({ store, inventory }: EngineDeps, spec: AcsCredentialSpec) {
  const { allowed_acs_entrance_ids: ids } = entitledSpec(store.objects, inventory, spec);
  return inventory.entrances.filter(({ id, keypad }) => ids.includes(id) && keypad !== null);
}

const WANTING: readonly string[] = ["issuing", "issued", "reissuing"];

function isWanted({ state, context }: CredentialRecord, tx: EngineTransaction): boolean {
  const instant = { at: tx.now, certain: tx.certain };
  return context.denied === null && WANTING.includes(state) && isWantedAt(context.desired, instant);
}

/** Brings the wishes on locks in line with the record, and the record with what the locks have. */
export function applyCredential(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow): void {
  const { record, code, id } = row;
  if (record?.issuance !== "automatic") return;
  const { keypads } = deps.store;
  const spec = acsCredentialSpec.parse(row.spec);
  const lockIds = code !== null && isWanted(record, tx) ? lockIdsOf(deps, spec) : [];
  for (const { lockId } of keypads.wishesOf("acs_credential", id)) {
    if (lockIds.includes(lockId)) continue;
    keypads.removeWish(lockId, "acs_credential", id);
    tx.touchLock(lockId);
  }
  for (const lockId of lockIds) {
    const pin = code === null ? "" : keypads.pinOf(code);
    keypads.putWish({
      lockId,
      kind: "acs_credential",
      id,
      pin,
      window: null,
      allowsOutside: false,
      since: row.createdAt,
    });
    tx.touchLock(lockId);
  }
  const { startsAt } = record.context.desired;
  const isAhead = record.state === "waiting_to_be_issued" && startsAt !== null && startsAt > tx.now;
  keypads.setOpening("acs_credential", id, isAhead ? startsAt : null);
  settleCredential(deps, tx, id);
}

/** The window opened or ended: only time has passed. */
export function reconsiderCredential(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow): void {
  if (row.record?.issuance !== "automatic") return;
  deps.store.keypads.setOpening("acs_credential", row.id, null);
  for (const type of ["window.opened", "expiry.due"] as const) {
    const current = deps.store.objects.get("acs_credential", row.id);
    if (current?.record != null) tx.credential(current, { type });
  }
  const current = deps.store.objects.get("acs_credential", row.id);
  if (current !== undefined) applyCredential(deps, tx, current);
}

const CONVERGING: readonly string[] = ["issuing", "reissuing", "invalidating", "deleting"];

/** Tells the machine what the locks have by now. */
export function settleCredential(
  deps: EngineDeps,
  tx: EngineTransaction,
  id: string,
  plan?: KnownPlan,
): void {
  const { keypads, objects } = deps.store;
  const row = objects.get("acs_credential", id);
  if (row?.record?.issuance !== "automatic") return;
  const slots = keypads.slotsOf(ownerOf("acs_credential", id));
  const wishes = keypads.wishesOf("acs_credential", id);
  const lagging = laggingLocks(deps, id, slots, plan);
  const { context, state } = row.record;
  if (state === "issued" && slots.some(({ slot }) => slot.outside !== null)) {
    tx.credential(row, { type: "slots.diverged", allowed: false });
  }
  const isConverged = wishes.length > 0 ? lagging.size === 0 : slots.length === 0;
  if (isConverged && CONVERGING.includes(objects.get("acs_credential", id)?.record?.state ?? "")) {
    const current = objects.get("acs_credential", id) ?? row;
    const { fingerprint } = context.desired;
    tx.credential(current, { type: "slots.converged", fingerprint, wanted: wishes.length > 0 });
  }
  reportLag(deps, tx, id, lagging);
}

/** Locks that have not what is wanted, each with the reason for a person, or null while it is only on its way. */
function laggingLocks(
  deps: EngineDeps,
  id: string,
  slots: readonly LockSlot[],
  plan: KnownPlan | undefined,
): ReadonlyMap<string, string | null> {
  const { store, inventory } = deps;
  const lagging = new Map<string, string | null>();
  const wishes = store.keypads.wishesOf("acs_credential", id);
  const lockIds = new Set([...wishes, ...slots].map(({ lockId }) => lockId));
  for (const lockId of lockIds) {
    const wish = wishes.find((known) => known.lockId === lockId);
    const slot = slotOf(slots, lockId)?.slot;
    const keypad = store.keypads.lock(lockId)?.observed.keypad;
    const isHeld = slot !== undefined && wish !== undefined && holds(slot, wish);
    const isThere = keypad?.codes === "on_gateway" || isHeld;
    if (wish === undefined ? slot === undefined : isThere) continue;
    const lock = inventory.locks.find((known) => known.id === lockId);
    const problem =
      wish === undefined
        ? undefined
        : planFor(deps, lockId, plan).problems.get(ownerOf("acs_credential", id));
    const isWanted = wish !== undefined;
    lagging.set(lockId, reasonOf(deps, { unit: lock?.unit, isWanted, problem: problem?.code, slot }));
  }
  return lagging;
}

function reasonOf(
  deps: EngineDeps,
  lag: {
    readonly unit: string | undefined;
    readonly isWanted: boolean;
    readonly problem: "duplicate" | "no_space" | undefined;
    readonly slot: LockSlot["slot"] | undefined;
  },
): string | null {
  if (lag.unit === undefined) return "its lock is not in the configuration any more";
  if (lag.problem === "duplicate") return "another code on the lock has this PIN";
  if (lag.problem === "no_space") return "every slot of the lock is taken";
  if (!deps.devices.takesWork(lag.unit)) return offlineReason(deps.devices, lag.unit).message;
  return lag.slot?.rest?.reason ?? lag.slot?.problem ?? (lag.isWanted ? shortageOf(deps) : null);
}

/** One error for each entrance that lags, and none for one that does no more. */
function reportLag(
  deps: EngineDeps,
  tx: EngineTransaction,
  id: string,
  lagging: ReadonlyMap<string, string | null>,
): void {
  const { objects } = deps.store;
  const row = objects.get("acs_credential", id);
  if (row?.record == null) return;
  const known = row.record.context.lagging;
  const { locks, entrances } = deps.inventory;
  const reasons = new Map<string, string>();
  for (const { id: entranceId, keypad } of entrances) {
    const lock = locks.find(({ unit }) => unit === keypad);
    const reason = lock === undefined ? null : (lagging.get(lock.id) ?? null);
    if (reason !== null) reasons.set(entranceId, reason);
  }
  for (const { entranceId } of known) {
    if (!reasons.has(entranceId)) stepAgain(deps, tx, id, { type: "slots.unblocked", entranceId });
  }
  for (const [entranceId, reason] of reasons) {
    if (known.some((entry) => entry.entranceId === entranceId && entry.reason === reason)) continue;
    stepAgain(deps, tx, id, { type: "slots.blocked", entranceId, reason });
  }
}

function stepAgain(
  { store }: EngineDeps,
  tx: EngineTransaction,
  id: string,
  event: Parameters<EngineTransaction["credential"]>[1],
): void {
  const row = store.objects.get("acs_credential", id);
  if (row?.record != null) tx.credential(row, event);
}
