import type { LockEvent } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { Fields } from "./answers.js";
import { EVENT_SEQUENCE, type Frame } from "./protocol.js";

/** What the device says unasked. */
export type DeviceEvent = { readonly unit: number } & (
  | { readonly type: "card"; readonly bits: Uint8Array; readonly bitCount: number }
  | { readonly type: "keys"; readonly keys: Secret<string> }
  | { readonly type: "lock"; readonly event: LockEvent }
);

const METHODS = ["keycode", "manual", "automatic", "remote"] as const;

/** `undefined` for a frame that is no event this version knows. */
export function decodeEvent(frame: Frame): DeviceEvent | undefined {
  if (frame.sequence !== EVENT_SEQUENCE) return undefined;
  const fields = new Fields(frame.payload);
  const unit = fields.number();
  switch (frame.command) {
    case 0xe0: {
      const bitCount = fields.number();
      const bits = fields.counted();
      return bits.length === Math.ceil(bitCount / 8)
        ? fields.whole({ unit, type: "card", bits, bitCount })
        : undefined;
    }
    case 0xe1:
      return fields.whole({ unit, type: "keys", keys: new Secret(fields.text()) });
    case 0xe2: {
      const event = lockEvent(fields.number(), fields.number(), fields.number());
      return event === undefined ? undefined : fields.whole({ unit, type: "lock", event });
    }
    default:
      return undefined;
  }
}

function lockEvent(type: number, methodCode: number, value: number): LockEvent | undefined {
  const method = METHODS[methodCode];
  switch (type) {
    case 1:
    case 2:
      if (method === undefined) return undefined;
      return { type: type === 1 ? "unlocked" : "locked", method, slot: value === 0 ? null : value };
    case 3:
      return denial(methodCode);
    case 4:
      return { type: "slot.changed", slot: value === 0 ? null : value };
    case 5:
      return { type: "jammed" };
    case 6:
      return { type: "tampered" };
    case 7:
      return { type: "battery", level: Math.min(value, 100) / 100 };
    case 8:
      return { type: "door", isOpen: value !== 0 };
    default:
      return undefined;
  }
}

const DENIED_BECAUSE = ["outside_window", "disabled", "too_many_attempts"] as const;

function denial(reason: number): LockEvent {
  const because = DENIED_BECAUSE[reason - 1];
  return because === undefined ? { type: "denied" } : { type: "denied", because };
}
