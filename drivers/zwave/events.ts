import type { LockEvent } from "#driver-api";
import { CC, type CommandClass } from "./command-classes.js";

/** What a lock said of its codes. `slot: null`: some slot, it did not say which. */
export interface CodeNews {
  readonly change: "added" | "deleted" | "duplicate" | "other";
  readonly slot: number | null;
}

/** What one report of a lock means. */
export interface Meaning {
  readonly events?: readonly LockEvent[];
  readonly codes?: CodeNews;
}

const NOTHING: Meaning = {};

type Bolt = "locked" | "unlocked";
type Method = "keycode" | "manual" | "automatic" | "remote";

function turned(type: Bolt, method: Method, slot: number | null = null): Meaning {
  return { events: [{ type, method, slot }] };
}

const denied = (because?: "outside_window" | "disabled" | "too_many_attempts"): Meaning => ({
  events: [because === undefined ? { type: "denied" } : { type: "denied", because }],
});

const JAMMED: Meaning = { events: [{ type: "jammed" }] };
const TAMPERED: Meaning = { events: [{ type: "tampered" }] };
const battery = (level: number): Meaning => ({ events: [{ type: "battery", level }] });
const codes = (change: CodeNews["change"], slot: number | null): Meaning => ({ codes: { change, slot } });

/** A report of the Battery Command Class that says "low" and no figure; a critical one, with Yale. */
export const LOW_BATTERY: Meaning = { events: [{ type: "battery", level: 0 }] };

/** Levels of a lock that says "replace soon" and "replace now" and knows no figure. */
const SOON = 0.1;
const NOW = 0;

const TYPE = { accessControl: 6, homeSecurity: 7, power: 8 } as const;

/** Events of notification type 6 (Notification Command Class, SDS13713, "Access Control"). */
const ACCESS_CONTROL: Readonly<Record<number, (slot: number | null) => Meaning>> = {
  1: () => turned("locked", "manual"),
  2: () => turned("unlocked", "manual"),
  3: () => turned("locked", "remote"),
  4: () => turned("unlocked", "remote"),
  5: (slot) => turned("locked", "keycode", slot),
  6: (slot) => turned("unlocked", "keycode", slot),
  // Not fully locked: by hand, by radio, by itself.
  7: () => JAMMED,
  8: () => JAMMED,
  9: () => turned("locked", "automatic"),
  10: () => JAMMED,
  11: () => JAMMED,
  12: () => codes("other", null),
  13: (slot) => codes("deleted", slot),
  14: (slot) => codes("added", slot),
  15: (slot) => codes("duplicate", slot),
  16: () => denied("too_many_attempts"),
  17: () => denied("too_many_attempts"),
  // The master code: which slot it counts as, locks do not agree on.
  18: () => codes("other", null),
  19: () => denied("too_many_attempts"),
  20: () => denied(),
  21: () => denied(),
  33: (slot) => turned("locked", "keycode", slot),
  34: (slot) => turned("unlocked", "keycode", slot),
  35: (slot) => turned("locked", "keycode", slot),
  36: (slot) => turned("unlocked", "keycode", slot),
  47: () => denied("disabled"),
  48: () => denied("outside_window"),
  49: () => denied(),
  50: () => denied(),
  51: () => denied(),
};

/** `parameters`: what the library made of the event's parameters; whatever it is, only a user's number is taken. */
export function meaningOfNotification(type: number, event: number, parameters: unknown): Meaning {
  switch (type) {
    case TYPE.accessControl:
      return ACCESS_CONTROL[event]?.(slotIn(parameters)) ?? NOTHING;
    case TYPE.homeSecurity:
      if (event === 4) return denied();
      return event === 3 ? TAMPERED : NOTHING;
    case TYPE.power:
      if (event === 10) return battery(SOON);
      return event === 11 ? battery(NOW) : NOTHING;
    default:
      return NOTHING;
  }
}

function slotIn(parameters: unknown): number | null {
  if (typeof parameters !== "object" || parameters === null || !("userId" in parameters)) return null;
  const { userId } = parameters;
  return typeof userId === "number" && Number.isInteger(userId) && userId >= 1 ? userId : null;
}

/** A value of the lock that the library keeps. */
export interface ValueChange {
  readonly commandClass: CommandClass;
  readonly property: unknown;
  readonly propertyKey: unknown;
  readonly value: unknown;
  readonly before: unknown;
}

/** States arrive as values, also when nothing changed: only what differs is told. */
export function meaningOfValue({ commandClass, property, propertyKey, value, before }: ValueChange): Meaning {
  if (typeof value !== "number" || value === before) return NOTHING;
  if (commandClass === CC.battery)
    return property === "level" && value >= 0 && value <= 100 ? battery(value / 100) : NOTHING;
  if (commandClass !== CC.notification) return NOTHING;
  switch (`${String(property)}/${String(propertyKey)}`) {
    case "Access Control/Lock state":
      return value === 11 ? JAMMED : NOTHING;
    case "Access Control/Keypad state":
      return value === 16 || value === 17 ? denied("too_many_attempts") : NOTHING;
    case "Access Control/Door state":
      return value === 22 || value === 23 ? { events: [{ type: "door", isOpen: value === 22 }] } : NOTHING;
    case "Home Security/Cover status":
      return value === 3 ? TAMPERED : NOTHING;
    case "Power Management/Battery maintenance status":
      return meaningOfNotification(TYPE.power, value, undefined);
    default:
      return NOTHING;
  }
}

const BUSY = 255;

/**
 * Alarms of version 1 (older Kwikset, Schlage and Yale locks), for a lock that the library's database does not map to
 * notifications. The numbers are the vendors' and agree among these three.
 */
export function meaningOfAlarm(type: number, level: number): Meaning {
  const slot = level >= 1 && level < BUSY ? level : null;
  switch (type) {
    case 9:
      return JAMMED;
    case 18:
      return turned("locked", "keycode", slot);
    case 19:
      return turned("unlocked", "keycode", slot);
    case 21:
      return turned("locked", "manual");
    case 22:
      return turned("unlocked", "manual");
    case 24:
      return turned("locked", "remote");
    case 25:
      return turned("unlocked", "remote");
    case 27:
      return turned("locked", "automatic");
    case 32:
      return codes("other", null);
    case 33:
      return codes("deleted", slot);
    case 96:
    case 161:
      return denied("too_many_attempts");
    case 112:
      return codes("added", slot);
    case 113:
      return codes("duplicate", slot);
    case 144:
      return level === BUSY ? denied("too_many_attempts") : turned("unlocked", "keycode", slot);
    case 167:
      return battery(SOON);
    case 168:
      return battery(NOW);
    default:
      return NOTHING;
  }
}
