import type { Device, DriverErrorCode, Unit, UnitTrouble } from "#driver-api";

/**
 * `absent`: nothing at its port. `opening`: asked what it is. `ready`, `busy`: usable. `backing_off`: failed, and tried
 * again soon. `closed`: the gateway is stopping.
 */
export type DeviceState = "absent" | "opening" | "ready" | "busy" | "backing_off" | "closed";

/** Why a device is not ready. `docs/errors.md` says of each what an operator should do. */
export type DeviceProblemCode =
  DriverErrorCode | "port.missing" | "port.held" | "port.refused" | "port.ambiguous";

export interface DeviceStatus {
  /** Key in the configuration. */
  readonly key: string;
  readonly driver: string;
  readonly port: string | null;
  readonly state: DeviceState;
  readonly identity: Device["identity"] | null;
  readonly units: readonly { readonly key: string; readonly capabilities: readonly string[] }[];
  /** What is wrong with single units of a device that is ready. */
  readonly troubles: readonly UnitTrouble[];
  /** Since when it is ready, or not ready any more; epoch ms. Another reason for not being ready changes nothing. */
  readonly since: number;
  /** Why it is not ready, for a person; stable code beside. Null while it is ready, and before its first opening failed. */
  readonly problem: {
    readonly code: DeviceProblemCode;
    readonly message: string;
  } | null;
  /** Milliseconds until the next try, or null. */
  readonly nextTryMs: number | null;
}

/** `device/unit`. */
export type UnitRef = string;

/** What the engine needs of the devices; `devices/` implements it. */
export interface DevicesPort {
  status(): readonly DeviceStatus[];
  /** Is the unit there and usable now? Busy counts as online. */
  isOnline(unit: UnitRef): boolean;
  /** Online, or away for so short a time that `use` waits for it to come back. */
  takesWork(unit: UnitRef): boolean;
  /** What the unit can do, known while it is open; undefined when it is not. */
  capabilities(unit: UnitRef): Unit | undefined;
  /**
   * Runs `work` alone on the device's wire. A device that was ready moments ago is waited for, two seconds from when it
   * was lost. Rejects with `DriverError("device.lost", "none")` when it is not there, and with `work`'s own error.
   * When `work` fails with an error that means "reopen", the
   * supervisor reopens the device after.
   */
  use<T>(unit: UnitRef, signal: AbortSignal, work: (unit: Unit) => Promise<T>): Promise<T>;
  /** Called at every change of state of a device. */
  onChange(listener: (status: DeviceStatus) => void): () => void;
}
