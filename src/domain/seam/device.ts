import type { Inventory, InventoryLock } from "#src/domain/inventory";
import type { LockSettings, ObservedLock } from "#src/domain/observed-lock";
import type { JsonObject } from "#src/lib/json";
import { isoInstant } from "./instant.js";
import type { LockFacts } from "./lock-facts.js";
import { renderErrors, renderWarnings } from "./site.js";

export interface DeviceFacts {
  readonly lock: InventoryLock;
  /** null while the lock was never seen. */
  readonly observed: ObservedLock | null;
  readonly settings: LockSettings;
  readonly inventory: Pick<Inventory, "connectedAccountId" | "workspaceId" | "timeZone" | "siteName">;
  readonly isSandbox: boolean;
}

/** The type of every lock here: Seam's own types name brands whose clouds it talks to. */
export const DEVICE_TYPE = "lockbridge_lock";

/** What the rules need to know of the lock. One that was never seen takes no codes. */
export function lockFacts({ lock, observed, settings }: DeviceFacts): LockFacts {
  const keypad = observed?.keypad ?? null;
  return {
    id: lock.id,
    name: settings.name ?? lock.name,
    canProgramCodes: keypad !== null,
    codeLengths: [...(settings.codeLengths ?? keypad?.codeLengths ?? [])].sort((a, b) => a - b),
    constraints: [],
    supportsBackupPool: lock.backupCodes > 0,
    isOnline: observed?.online ?? false,
  };
}

/** Seam's `device`: a keypad lock. */
export function renderDevice(facts: DeviceFacts): JsonObject {
  const { lock, observed, settings, inventory, isSandbox } = facts;
  const name = settings.name ?? lock.name;
  const isOnline = observed?.online ?? false;
  const keypad = observed?.keypad ?? null;
  return {
    device_id: lock.id,
    device_type: DEVICE_TYPE,
    connected_account_id: inventory.connectedAccountId,
    workspace_id: inventory.workspaceId,
    display_name: name,
    ...(settings.name === null ? {} : { nickname: settings.name }),
    is_managed: true,
    capabilities_supported: [
      ...(keypad === null ? [] : ["access_code"]),
      ...(keypad === null ? [] : ["lock"]),
      ...(observed?.battery == null ? [] : ["battery"]),
    ],
    can_program_online_access_codes: keypad !== null,
    can_program_offline_access_codes: false,
    can_unlock_with_code: keypad !== null,
    can_remotely_lock: keypad?.canLock === true && isOnline,
    can_remotely_unlock: keypad !== null && isOnline,
    can_configure_auto_lock: false,
    ...(isSandbox ? { can_simulate_connection: true, can_simulate_disconnection: true } : {}),
    custom_metadata: { ...settings.customMetadata },
    space_ids: [],
    location: { location_name: inventory.siteName, time_zone: inventory.timeZone },
    device_manufacturer: { manufacturer: "lockbridge", display_name: "Lockbridge" },
    device_provider: {
      device_provider_name: "lockbridge",
      display_name: "Lockbridge",
      provider_category: "stable",
    },
    properties: propertiesOf(facts, name),
    created_at: isoInstant(settings.createdAt),
    errors: renderErrors(observed?.errors ?? [neverSeen(settings.createdAt)]),
    warnings: renderWarnings(observed?.warnings),
  };
}

function neverSeen(createdAt: number) {
  return { code: "device_offline", message: "The lock has not been seen yet.", createdAt };
}

function propertiesOf(facts: DeviceFacts, name: string): JsonObject {
  const { lock, observed, settings } = facts;
  const keypad = observed?.keypad ?? null;
  const model = observed?.model ?? "keypad lock";
  const battery = observed?.battery ?? null;
  return {
    online: observed?.online ?? false,
    name,
    appearance: { name: lock.name },
    manufacturer: "lockbridge",
    model: {
      display_name: model,
      manufacturer_display_name: "Lockbridge",
      has_built_in_keypad: keypad !== null,
      accessory_keypad_supported: false,
      can_connect_accessory_keypad: false,
      offline_access_codes_supported: false,
      online_access_codes_supported: keypad !== null,
    },
    ...(observed?.locked == null ? {} : { locked: observed.locked }),
    ...(observed?.doorOpen == null ? {} : { door_open: observed.doorOpen }),
    ...(battery === null
      ? {}
      : { battery: { level: battery, status: batteryStatus(battery) }, battery_level: battery }),
    ...(keypad === null
      ? {}
      : { supported_code_lengths: [...lockFacts(facts).codeLengths], code_constraints: [] }),
    ...(keypad?.slots == null ? {} : { max_active_codes_supported: keypad.slots }),
    has_native_entry_events: true,
    supports_backup_access_code_pool: lock.backupCodes > 0,
    ...(lock.backupCodes > 0 ? { backup_access_code_pool_enabled: settings.isPoolEnabled } : {}),
  };
}

export function batteryStatus(level: number): "critical" | "low" | "good" | "full" {
  if (level < 0.1) return "critical";
  if (level < 0.2) return "low";
  return level < 0.9 ? "good" : "full";
}
