import type { InventoryLock } from "#src/domain/inventory";
import { type DeviceFacts, DEVICE_TYPE, renderDevice } from "#src/domain/seam/device";
import { invalidInput } from "#src/domain/seam/fault";
import { missing, seamErrorOf } from "../fault.js";
import {
  type DeviceQuery,
  type DevicesModel,
  type DeviceUpdate,
  type LocksModel,
  SeamError,
} from "../model.js";
import { pageOfAll } from "./pages.js";
import { deviceFactsOf, lockOf, settingsDocument, type SiteLocks } from "./site-locks.js";
import type { SiteObjects } from "./site-objects.js";

const METADATA_PAIRS_MAX = 50;

export function devicesSection(site: SiteObjects, locks: SiteLocks): DevicesModel {
  const factsOf = ({ id }: Pick<InventoryLock, "id">): DeviceFacts => deviceFactsOf(site, locks, id);
  return {
    get: (id) => renderDevice(factsOf({ id })),
    byName(name) {
      const lock = site.inventory().locks.find((known) => nameOf(factsOf(known)) === name);
      if (lock === undefined) throw missing("device", name);
      return renderDevice(factsOf(lock));
    },
    list(query) {
      const found = site
        .inventory()
        .locks.map(factsOf)
        .filter((facts) => fits(facts, query))
        .map((facts) => ({ id: facts.lock.id, createdAt: facts.settings.createdAt, facts }));
      return pageOfAll(found, query, ({ facts }) => renderDevice(facts));
    },
    update(id, change, by) {
      const { lock, settings } = factsOf({ id });
      site.change([settingsDocument(id, changed(settings, change, lock))], by, "updated device");
    },
  };
}

export function locksSection(site: SiteObjects, locks: SiteLocks): LocksModel {
  const known = (id: string) => {
    const { lock, observed } = deviceFactsOf(site, locks, id);
    if (observed?.keypad == null) throw cannot(lock, "has not been seen yet, so nothing can be asked of it");
    return { lock, keypad: observed.keypad };
  };
  return {
    lockDoor(id, by) {
      const { lock, keypad } = known(id);
      if (!keypad.canLock) throw cannot(lock, "cannot be locked from afar");
      return locks.turnBolt(id, "lock_door", by);
    },
    unlockDoor(id, by) {
      known(id);
      return locks.turnBolt(lockOf(site, id).id, "unlock_door", by);
    },
  };
}

function cannot({ name }: InventoryLock, why: string): SeamError {
  return new SeamError(400, "device_cannot_do_this", `"${name}" ${why}.`);
}

function nameOf({ lock, settings }: DeviceFacts): string {
  return settings.name ?? lock.name;
}

function fits(facts: DeviceFacts, query: DeviceQuery): boolean {
  const { lock, settings } = facts;
  const { deviceIds, deviceTypes, manufacturer, createdBefore, search = "", metadataHas = {} } = query;
  const wanted = search.toLowerCase();
  return (
    (deviceIds === undefined || deviceIds.includes(lock.id)) &&
    (deviceTypes === undefined || deviceTypes.includes(DEVICE_TYPE)) &&
    (manufacturer === undefined || manufacturer === "lockbridge") &&
    (createdBefore === undefined || settings.createdAt < createdBefore) &&
    [lock.id, lock.name, settings.name ?? ""].some((text) => text.toLowerCase().includes(wanted)) &&
    // A query string says `true` as text.
    Object.entries(metadataHas).every(
      ([key, value]) => String(settings.customMetadata[key]) === String(value),
    )
  );
}

function changed(
  before: DeviceFacts["settings"],
  { name, customMetadata = {}, backupPoolEnabled }: DeviceUpdate,
  lock: InventoryLock,
): DeviceFacts["settings"] {
  if (backupPoolEnabled === true && lock.backupCodes === 0) {
    throw seamErrorOf(
      invalidInput("backup_access_code_pool_enabled", `must not be true: "${lock.name}" has no backup pool`),
    );
  }
  const merged = { ...before.customMetadata, ...customMetadata };
  const kept = Object.entries(merged).filter((pair): pair is [string, string | boolean] => pair[1] !== null);
  if (kept.length > METADATA_PAIRS_MAX) {
    throw seamErrorOf(invalidInput("custom_metadata", `must leave at most ${METADATA_PAIRS_MAX} pairs`));
  }
  return {
    ...before,
    name: name === undefined ? before.name : name,
    customMetadata: Object.fromEntries(kept),
    isPoolEnabled: backupPoolEnabled ?? before.isPoolEnabled,
  };
}
