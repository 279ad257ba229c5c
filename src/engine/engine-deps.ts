import type { CardProfile } from "#src/cards/profile";
import { WIEGAND_FORMATS, type WiegandFormat } from "#src/cards/wiegand";
import type { Inventory } from "#src/domain/inventory";
import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import type { DoorRules } from "./doors/doors.js";
import type { DevicesPort } from "./devices-port.js";
import type { Store } from "./ports.js";
import type { TimeSource } from "./time.js";

/** Everything the engine is given. Time, chance and hardware come in here and nowhere else. */
export interface EngineDeps {
  readonly store: Store;
  readonly devices: DevicesPort;
  readonly clock: Clock;
  readonly time: TimeSource;
  readonly random: (size: number) => Uint8Array;
  readonly log: Log;
  readonly inventory: Inventory;
  /** Of this software. */
  readonly version: string;
  /** By key. */
  readonly profiles: ReadonlyMap<string, CardProfile>;
  /** Formats of the badges of a system, by its id; a system that is not named has the well-known ones. */
  readonly badgeFormats?: ReadonlyMap<string, readonly WiegandFormat[]>;
  /** Doors whose keypad or reader only reports, by unit; one that is not named opens by PIN. */
  readonly doors?: ReadonlyMap<string, DoorRules>;
  readonly limits: Limits;
  /** null: no cloud is configured, the site is its own authority. */
  readonly offline: OfflineLimit | null;
  /** Absent: nobody counts. */
  readonly meter?: Meter;
  /** What is left of the disk that holds the store; null: unknown. Absent: there is no disk that could be full. */
  readonly freeBytes?: () => number | null;
}

/** Counts what happened, after it is on disk. */
export interface Meter {
  attemptEnded(actionType: string, errorType: string | null): void;
  driverBroke(): void;
}

export interface Limits {
  /** How long to wait for a card. */
  readonly cardWaitMs: number;
  /** How long a job may take at the encoder. */
  readonly jobMs: number;
  /** How long an action attempt may be pending in all. */
  readonly attemptMs: number;
}

export interface OfflineLimit {
  /** Milliseconds since the last welcome. */
  readonly ms: number;
  /** Cards since the last welcome. */
  readonly keys: number;
}

/** Card profiles of a system, the preferred one first. */
export function profilesOf(
  deps: Pick<EngineDeps, "inventory" | "profiles">,
  systemId: string,
): readonly CardProfile[] {
  const system = deps.inventory.systems.find(({ id }) => id === systemId);
  return (system?.cardProfiles ?? []).flatMap((key) => deps.profiles.get(key) ?? []);
}

/** Formats of the badges that people of this system have. */
export function badgeFormatsOf(
  { badgeFormats }: Pick<EngineDeps, "badgeFormats">,
  systemId: string,
): readonly WiegandFormat[] {
  return badgeFormats?.get(systemId) ?? WIEGAND_FORMATS;
}
