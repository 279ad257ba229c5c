import { type CodeEvent, codeEvents } from "#src/domain/codes/events";
import { type CodeLife, lifeOf } from "#src/domain/codes/life";
import type { CodeProblem } from "#src/domain/codes/plan";
import { isOver, setsAt } from "#src/domain/codes/schedule";
import { holds, type Slot } from "#src/domain/codes/slot";
import type { SeamEventType } from "#src/domain/seam/event";
import { codeTrouble, deviceTrouble, TROUBLED } from "#src/domain/seam/trouble";
import { type AccessCodeSpec, accessCodeSpec } from "#src/domain/spec";
import { canonicalJson } from "#src/lib/json";
import { offlineReason } from "../device-problem.js";
import type { EngineDeps } from "../engine-deps.js";
import { isGoneState } from "../gone-state.js";
import type { CodeWish, ObjectRow } from "../ports.js";
import { shortageOf } from "../reserve.js";
import type { EngineTransaction } from "../transaction.js";
import { lockRow } from "./lock-facts.js";
import { type KnownPlan, planFor, slotOf } from "./lock-plan.js";
import { refusableWindow, timesOf } from "./code-times.js";
import { objectOf, ownerOf } from "./owner.js";

/**
 * Works out what is known of one access code after its document, its slot or its lock changed, and tells everybody who
 * has to hear of it. `outsideBefore`: what was known to be changed at the lock until now.
 */
export function settleCode(
  deps: EngineDeps,
  tx: EngineTransaction,
  id: string,
  told: {
    readonly outsideBefore?: Slot["outside"];
    readonly also?: readonly SeamEventType[];
    readonly plan?: KnownPlan | undefined;
  } = {},
): void {
  const { keypads, objects } = deps.store;
  const row = objects.get("access_code", id);
  if (row === undefined || row.gone) return;
  const spec = accessCodeSpec.parse(row.spec);
  const slots = keypads.slotsOf(ownerOf("access_code", id));
  const slot = slotOf(slots, spec.device_id)?.slot ?? null;
  const wish = keypads.wishesOf("access_code", id)[0];
  const isWanted = wish !== undefined;
  const before = keypads.life(id) ?? null;
  const after = spec.is_managed
    ? managedLife(deps, tx, { row, spec, slot, wish, plan: told.plan }, before)
    : unmanagedLife(deps, tx, row, before);
  const outside = {
    before: told.outsideBefore === undefined ? (slot?.outside ?? null) : told.outsideBefore,
    after: slot?.outside ?? null,
  };
  const trouble = () => ({ ...codeTrouble(after.observed), ...deviceTrouble(lockRow(deps, spec.device_id)) });
  const events: CodeEvent[] = [
    ...(spec.is_managed ? codeEvents(before, after, outside) : []).map((event) =>
      TROUBLED.has(event.type) ? { ...event, more: trouble() } : event,
    ),
    ...(told.also ?? []).map((type) => ({ type, more: {} })),
  ];
  const isLeft = slots.length === 0 && !isWanted && keypads.unmanagedSlot(id) === undefined;
  const endsAt = spec.ends_at === null ? null : Date.parse(spec.ends_at);
  if (isLeft && (!spec.is_managed || isGoneState(spec.state) || isOver({ endsAt }, tx.certain))) {
    const last = spec.is_managed ? "access_code.deleted" : "access_code.unmanaged.removed";
    leave(deps, tx, row, spec, [...events, { type: last, more: {} }]);
    return;
  }
  const isSame = before !== null && canonicalJson(before) === canonicalJson(after);
  if (isSame && events.length === 0) return;
  keypads.putLife(id, after);
  tell(tx, spec, events);
  tx.journal({
    k: "code_observed",
    kind: "access_code",
    id,
    data: { device_id: spec.device_id, observed: after.observed, ...journaled(row, events) },
  });
  endAttempts(deps, tx, id, after);
  if (spec.is_backup) settlePoolUsers(deps, tx, spec.device_id);
}

/** The cloud has told its apps of its own wishes when it took them. */
function journaled({ provisional }: ObjectRow, events: readonly CodeEvent[]) {
  const news = events.filter(
    ({ type }) => type !== "access_code.mutations_requested" || provisional !== null,
  );
  const detailed = news.filter(({ more }) => Object.keys(more).length > 0);
  return {
    events: news.map(({ type }) => type),
    more: Object.fromEntries(detailed.map(({ type, more }) => [type, more])),
  };
}

/** Whether there is a backup for them has changed. */
function settlePoolUsers(deps: EngineDeps, tx: EngineTransaction, lockId: string): void {
  const codes = deps.store.objects.list("access_code", { systemId: lockId, limit: POOL_LOOK_MAX });
  for (const { id, spec } of codes) {
    if (spec["use_backup_access_code_pool"] === true && spec["is_backup"] !== true) settleCode(deps, tx, id);
  }
}

function managedLife(
  deps: EngineDeps,
  tx: EngineTransaction,
  code: {
    readonly row: ObjectRow;
    readonly spec: AccessCodeSpec;
    readonly slot: Slot | null;
    readonly wish: CodeWish | undefined;
    readonly plan: KnownPlan | undefined;
  },
  before: CodeLife | null,
): CodeLife {
  const { row, spec, slot, wish } = code;
  const isWanted = wish !== undefined;
  const { keypads } = deps.store;
  const lockId = spec.device_id;
  const isConfigured = deps.inventory.locks.some((lock) => lock.id === lockId);
  const codes = keypads.lock(lockId)?.observed.keypad?.codes ?? "unknown";
  const pin = row.code === null ? null : keypads.pinOf(row.code);
  const isSet = slot !== null && wish !== undefined && holds(slot, wish);
  const problem =
    isWanted && !isSet
      ? (planFor(deps, lockId, code.plan).problems.get(ownerOf("access_code", row.id)) ?? null)
      : null;
  const { times, window } = timesOf(deps, row, spec);
  const opensAt = setsAt(times, window !== null);
  const isAhead = spec.state === "active" && !isWanted && opensAt !== null && opensAt > tx.now;
  return lifeOf(
    {
      rev: row.rev,
      spec,
      now: tx.now,
      pin,
      isWanted,
      opensAt: isAhead ? opensAt : null,
      window: wish?.window ?? null,
      refusable: refusableWindow(deps, row, spec),
      slot,
      problem,
      holder: holderOf(deps, lockId, problem),
      keypad: isConfigured ? codes : "removed",
      offline: offlineMessage(deps, lockId),
      shortage: isWanted && !isSet ? shortageOf(deps) : null,
      isBackupAvailable: hasBackup(deps, spec),
    },
    before,
  );
}

/** Why the lock cannot be reached now; null when it can. */
function offlineMessage({ inventory, devices }: EngineDeps, lockId: string): string | null {
  const lock = inventory.locks.find(({ id }) => id === lockId);
  if (lock === undefined || devices.takesWork(lock.unit)) return null;
  return offlineReason(devices, lock.unit).message;
}

/** The access code that has the PIN; a credential of the access system is nobody that an app could look up here. */
function holderOf(
  { store }: EngineDeps,
  lockId: string,
  problem: CodeProblem | null,
): { readonly id: string; readonly isManaged: boolean } | null {
  if (problem?.code !== "duplicate") return null;
  if (problem.holder !== null) {
    const { kind, id } = objectOf(problem.holder);
    return kind === "access_code" ? { id, isManaged: true } : null;
  }
  const slot = store.keypads.slots(lockId).find((known) => known.slot.slot === problem.slot);
  return slot?.unmanagedId == null ? null : { id: slot.unmanagedId, isManaged: false };
}

/** Is there one in the pool of its lock, or was one handed out for it? */
function hasBackup({ store }: EngineDeps, spec: AccessCodeSpec): boolean {
  if (!spec.use_backup_access_code_pool) return false;
  if (spec.pulled_backup_access_code_id !== null) return true;
  return store.objects
    .list("access_code", { systemId: spec.device_id, limit: POOL_LOOK_MAX })
    .some(({ spec: other }) => other["is_backup"] === true && other["state"] === "active");
}

const POOL_LOOK_MAX = 1_000;

function unmanagedLife(
  { store }: EngineDeps,
  tx: EngineTransaction,
  { id, rev, spec }: ObjectRow,
  before: CodeLife | null,
): CodeLife {
  const found = store.keypads.unmanagedSlot(id)?.slot.found;
  return {
    onLock: found?.is === "code" ? found.pin : null,
    told: null,
    since: before?.since ?? tx.now,
    refused: null,
    observed: {
      rev,
      status: isGoneState(spec["state"]) ? "removing" : "set",
      isScheduledOnDevice: false,
      isBackupAvailable: false,
      appearance: null,
      pending: [],
      errors: [],
      warnings: [],
    },
  };
}

/** It lies on no lock and is wanted on none: the object goes. */
function leave(
  { store }: EngineDeps,
  tx: EngineTransaction,
  row: ObjectRow,
  spec: AccessCodeSpec,
  events: readonly CodeEvent[],
): void {
  const { id } = row;
  if (spec.state === "forgotten") store.objects.remove("access_code", id, tx.now, true);
  else store.objects.put({ ...row, gone: true, code: null });
  store.keypads.putLife(id, null);
  store.keypads.setOpening("access_code", id, null);
  store.wakeups.set("access_code", id, null);
  tell(tx, spec, events);
  tx.journal({ k: "deleted", kind: "access_code", id, data: { observed: null } });
  for (const attempt of store.attempts.pendingOfCode(id)) {
    tx.finishAttempt(attempt.id, attempt.actionType === "DELETE_ACCESS_CODE" ? DONE : DELETED);
  }
}

const DONE = { status: "success", result: {}, error: null } as const;
const DELETED = {
  status: "error",
  result: null,
  error: { type: "access_code_deleted", message: "the code was deleted or ended before the lock had it" },
} as const;

/** What was asked at the lock is done, or has failed; what is to be done later has been taken. */
function endAttempts(
  { store }: EngineDeps,
  tx: EngineTransaction,
  id: string,
  { observed: { status, errors } }: CodeLife,
): void {
  const pending = store.attempts.pendingOfCode(id);
  if (pending.length === 0) return;
  // A lock that is away has not refused anything.
  const error = errors.find(({ code }) => code !== "device_offline");
  const isUnderWay = status === "setting" || status === "removing";
  for (const attempt of pending) {
    if (error !== undefined) {
      const outcome = { type: error.code, message: error.message };
      tx.finishAttempt(attempt.id, { status: "error", result: null, error: outcome });
    } else if (!isUnderWay && attempt.actionType !== "DELETE_ACCESS_CODE") {
      tx.finishAttempt(attempt.id, DONE);
    }
  }
}

function tell(tx: EngineTransaction, spec: AccessCodeSpec, events: readonly CodeEvent[]): void {
  const subject = { device_id: spec.device_id, access_code_id: spec.access_code_id };
  for (const { type, more } of events) tx.emit(type, { ...more, ...subject });
}
