import type { LockEvent, LockState, Unit } from "#driver-api";
import type { InventoryLock } from "#src/domain/inventory";
import { type LockSettings, type ObservedLock, unsetLock } from "#src/domain/observed-lock";
import { batteryStatus } from "#src/domain/seam/device";
import { deviceTrouble } from "#src/domain/seam/trouble";
import type { SeamEventType } from "#src/domain/seam/event";
import { canonicalJson, type JsonObject } from "#src/lib/json";
import { offlineReason } from "../device-problem.js";
import type { EngineDeps } from "../engine-deps.js";
import type { EngineTransaction } from "../transaction.js";
import { objectOf } from "./owner.js";

/** Lengths that the gateway takes where it keeps the codes itself. */
const OWN_CODE_LENGTHS: readonly number[] = [4, 5, 6, 7, 8];

/** What is stored of a lock; at first nothing but that it is there. */
export function lockRow(deps: EngineDeps, id: string): { observed: ObservedLock; settings: LockSettings } {
  const known = deps.store.keypads.lock(id);
  if (known !== undefined) return known;
  const now = deps.time.read().now;
  return {
    observed: {
      online: false,
      locked: null,
      doorOpen: null,
      battery: null,
      keypad: null,
      model: null,
      errors: [],
      warnings: [],
    },
    settings: unsetLock(now),
  };
}

/** Stores what is known of a lock now; the cloud hears of it when it changed. */
export function observeLock(
  deps: EngineDeps,
  tx: EngineTransaction,
  lock: InventoryLock,
  change: Partial<ObservedLock>,
): void {
  const { observed: before, settings } = lockRow(deps, lock.id);
  const observed = { ...before, ...change };
  const isKnown = deps.store.keypads.lock(lock.id) !== undefined;
  if (isKnown && canonicalJson(before) === canonicalJson(observed)) return;
  deps.store.keypads.putLock(lock.id, { observed, settings });
  tx.journal({ k: "lock_observed", data: { device_id: lock.id, observed } });
}

/** It came or it went. */
export function notePresence(deps: EngineDeps, tx: EngineTransaction, lock: InventoryLock): void {
  const unit = deps.devices.capabilities(lock.unit);
  const { observed: before } = lockRow(deps, lock.id);
  if (unit === undefined) {
    const { message, since, isKnown } = offlineReason(deps.devices, lock.unit);
    const wasTold = before.errors.find(({ code }) => code === "device_offline");
    if (!before.online && wasTold !== undefined && !isKnown) return;
    const createdAt = before.online ? (since ?? tx.now) : (wasTold?.createdAt ?? since ?? tx.now);
    const errors = [{ code: "device_offline", message, createdAt }];
    observeLock(deps, tx, lock, { online: false, errors });
    if (before.online) {
      const trouble = deviceTrouble(lockRow(deps, lock.id));
      happened(tx, lock, "device.disconnected", { error_code: "device_disconnected", ...trouble });
    }
    return;
  }
  const [device = ""] = lock.unit.split("/");
  const model = deps.devices.status().find(({ key }) => key === device)?.identity?.model ?? before.model;
  const keypad = keypadOf(unit) ?? before.keypad;
  observeLock(deps, tx, lock, { online: true, errors: [], warnings: warningsOf(deps, lock), model, keypad });
  if (!before.online) happened(tx, lock, "device.connected", {});
}

const TROUBLE = "unknown_issue_with_device";
const JAMMED = "The lock is jammed: see to its bolt.";

/** What its device says of it although it works. */
function troublesOf({ devices }: Pick<EngineDeps, "devices">, lock: InventoryLock): readonly string[] {
  const [device = "", ...unit] = lock.unit.split("/");
  const troubles = devices.status().find(({ key }) => key === device)?.troubles ?? [];
  return troubles
    .filter((trouble) => trouble.unit === unit.join("/") && trouble.code === null)
    .map(({ message }) => message);
}

/** A jam, until it is turned, and what its device says. */
function warningsOf(deps: EngineDeps, lock: InventoryLock): ObservedLock["warnings"] {
  const { warnings: before } = lockRow(deps, lock.id).observed;
  const { now } = deps.time.read();
  const told = troublesOf(deps, lock).map((message) => {
    const createdAt = before.find((warning) => warning.message === message)?.createdAt ?? now;
    return { code: TROUBLE, message, createdAt };
  });
  return [...before.filter(({ message }) => message === JAMMED), ...told];
}

/** Whether it is there and what is wrong with it, to be compared with what it was; null: nobody knows yet. */
export function standingOf(deps: Pick<EngineDeps, "devices">, lock: InventoryLock): string | null {
  if (deps.devices.capabilities(lock.unit) !== undefined) return ["", ...troublesOf(deps, lock)].join("\n");
  const { message, isKnown } = offlineReason(deps.devices, lock.unit);
  return isKnown ? message : null;
}

function keypadOf({ keypadLock }: Unit): ObservedLock["keypad"] {
  if (keypadLock === undefined) return null;
  if (keypadLock.codes === "on_gateway") {
    return {
      codes: "on_gateway",
      slots: null,
      codeLengths: [...OWN_CODE_LENGTHS],
      canLock: false,
      hasSchedule: false,
    };
  }
  const { slots, codeLengths, schedule } = keypadLock;
  const hasSchedule = schedule !== undefined;
  return { codes: "on_device", slots, codeLengths: [...codeLengths], canLock: true, hasSchedule };
}

/** Tells apps and the cloud what happened at a lock. */
export function happened(
  tx: EngineTransaction,
  lock: InventoryLock,
  type: SeamEventType,
  more: JsonObject,
): void {
  tx.emit(type, { device_id: lock.id, ...more });
  tx.journal({ k: "lock_event", data: { device_id: lock.id, type, more: { ...more } } });
}

/** Below this an app is told that the battery is low. */
const LOW_BATTERY = 0.2;

/**
 * What the lock says when it is asked; what it does not say stays as it was. How its bolt and door stand is no event: it
 * may have been so for long. A battery that is another now is: an app waits for the word that it is low.
 */
export function noteLockState(
  deps: EngineDeps,
  tx: EngineTransaction,
  lock: InventoryLock,
  { isLocked, isDoorOpen, battery }: LockState,
): void {
  observeLock(deps, tx, lock, {
    ...(isLocked === null ? {} : { locked: isLocked }),
    ...(isDoorOpen === null ? {} : { doorOpen: isDoorOpen }),
  });
  if (battery === null) return;
  const isFirst = lockRow(deps, lock.id).observed.battery === null;
  if (isFirst && battery >= LOW_BATTERY) observeLock(deps, tx, lock, { battery });
  else noteBattery(deps, tx, lock, battery);
}

function noteBattery(deps: EngineDeps, tx: EngineTransaction, lock: InventoryLock, level: number): void {
  const before = lockRow(deps, lock.id).observed.battery;
  if (before === level) return;
  observeLock(deps, tx, lock, { battery: level });
  happened(tx, lock, "device.battery_status_changed", {
    battery_level: level,
    battery_status: batteryStatus(level),
  });
  const isLow = level < LOW_BATTERY && (before === null || before >= LOW_BATTERY);
  if (isLow) happened(tx, lock, "device.low_battery", { battery_level: level });
}

/** Seam's reason codes, and a sentence for a person. */
const DENIALS = {
  unknown: { reason_code: "unknown_code", message: "The lock did not accept what was entered." },
  outside_window: { reason_code: "expired_code", message: "The code does not open at this time." },
  disabled: { reason_code: "blocklisted_code", message: "The code is disabled at the lock." },
  too_many_attempts: {
    reason_code: "too_many_attempts",
    message: "The lock takes no code for a while: there were too many wrong ones.",
  },
} as const;

/** What the lock says unasked; a changed slot is the worker's. */
export function noteLockEvent(
  deps: EngineDeps,
  tx: EngineTransaction,
  lock: InventoryLock,
  event: LockEvent,
): void {
  switch (event.type) {
    case "locked":
    case "unlocked":
      observeLock(deps, tx, lock, {
        locked: event.type === "locked",
        warnings: lockRow(deps, lock.id).observed.warnings.filter(({ message }) => message !== JAMMED),
      });
      happened(tx, lock, `lock.${event.type}`, { method: event.method, ...codeIn(deps, lock, event.slot) });
      return;
    case "denied":
      happened(tx, lock, "lock.access_denied", { reason: DENIALS[event.because ?? "unknown"] });
      return;
    case "door":
      observeLock(deps, tx, lock, { doorOpen: event.isOpen });
      return;
    case "battery":
      noteBattery(deps, tx, lock, event.level);
      return;
    case "jammed": {
      const { warnings } = lockRow(deps, lock.id).observed;
      if (warnings.some(({ message }) => message === JAMMED)) return;
      const jam = { code: TROUBLE, message: JAMMED, createdAt: tx.now };
      observeLock(deps, tx, lock, { warnings: [...warnings, jam] });
      return;
    }
    case "tampered":
      happened(tx, lock, "device.tampered", {});
      return;
    case "slot.changed":
      return;
  }
}

/** Whose code it was, where the lock named a slot. */
function codeIn({ store }: EngineDeps, lock: InventoryLock, number: number | null): JsonObject {
  const place = store.keypads.slots(lock.id).find(({ slot }) => slot.slot === number);
  if (place === undefined) return {};
  if (place.unmanagedId !== null) {
    return { access_code_id: place.unmanagedId, access_code_is_managed: false };
  }
  if (place.slot.owner === null) return {};
  const { kind, id } = objectOf(place.slot.owner);
  return kind === "access_code"
    ? { access_code_id: id, access_code_is_managed: true }
    : { acs_credential_id: id };
}
