import type { EncodeOutcome, LockIncident, ScanOutcome } from "#src/domain/simulation-order";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { Caller, Page, Paging } from "./paging.js";

/** Seam's devices: the keypad locks of the site. Encoders are no devices. */

export interface DeviceQuery extends Paging {
  readonly deviceIds?: readonly string[] | undefined;
  readonly deviceTypes?: readonly string[] | undefined;
  readonly manufacturer?: string | undefined;
  readonly createdBefore?: number | undefined;
  readonly search?: string | undefined;
  /** Every pair is in the device's `custom_metadata`. */
  readonly metadataHas?: Readonly<Record<string, string | boolean>> | undefined;
}

export interface DeviceUpdate {
  /** null: the device's own name again. */
  readonly name?: string | null | undefined;
  /** Merged into what is there; null removes a key. */
  readonly customMetadata?: Readonly<Record<string, string | boolean | null>> | undefined;
  readonly backupPoolEnabled?: boolean | undefined;
}

export interface DevicesModel {
  get(id: string): JsonObject;
  byName(name: string): JsonObject;
  list(query: DeviceQuery): Page;
  update(id: string, change: DeviceUpdate, by: Caller): void;
}

export interface LocksModel {
  /** Answer the pending `LOCK_DOOR` or `UNLOCK_DOOR` attempt; 400 where the lock cannot. */
  lockDoor(deviceId: string, by: Caller): JsonObject;
  unlockDoor(deviceId: string, by: Caller): JsonObject;
}

/** Of a sandbox workspace: acts on the simulated hardware, not beside it. Rejects with `SeamError`. */
export interface SeamSimulation {
  /** How the next encode at this encoder goes. */
  nextEncode(encoderId: string, outcome: EncodeOutcome, by: Caller): Promise<void>;
  nextScan(encoderId: string, outcome: ScanOutcome, by: Caller): Promise<void>;
  /** Somebody sets a PIN at the lock; answers it once the gateway has seen it. */
  createUnmanagedCode(
    input: { readonly deviceId: string; readonly code: Secret<string>; readonly name: string },
    by: Caller,
  ): Promise<JsonObject>;
  /** Both answer a pending action attempt. */
  enterCode(input: { readonly deviceId: string; readonly code: Secret<string> }, by: Caller): JsonObject;
  lockByHand(deviceId: string, by: Caller): JsonObject;
  /** The lock jams, its cover or door is opened, its battery runs low: the gateway hears of it from the lock. */
  befall(deviceId: string, incident: LockIncident, by: Caller): Promise<void>;
  setConnected(deviceId: string, isConnected: boolean, by: Caller): Promise<void>;
}
