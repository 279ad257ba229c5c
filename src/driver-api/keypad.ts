import type { Secret } from "#src/lib/secret";
import type { Call } from "./driver.js";

/** A card or number that a reader saw. */
export interface CardRead {
  /** Raw bits, most significant first, left-justified in the bytes. */
  readonly bits: Uint8Array;
  readonly bitCount: number;
}

/** Reports cards that it sees (enrolment readers, OSDP, pcProx). */
export interface CardReader {
  onCard(listener: (card: CardRead) => void): () => void;
}

/** What a lock's slot holds. `withheld`: occupied, but the lock does not show the PIN. */
export type SlotContent =
  | { readonly is: "empty" }
  | { readonly is: "code"; readonly code: Secret<string> }
  | { readonly is: "withheld" };

export type LockEvent =
  | {
      readonly type: "unlocked" | "locked";
      readonly method: "keycode" | "manual" | "automatic" | "remote";
      readonly slot: number | null;
    }
  | { readonly type: "denied" }
  | { readonly type: "slot.changed"; readonly slot: number }
  | { readonly type: "jammed" | "tampered" }
  /** 0 to 1. */
  | { readonly type: "battery"; readonly level: number };

/** A lock that holds its codes itself, in numbered slots, and decides alone. */
export interface OnDeviceKeypad {
  readonly codes: "on_device";
  /** Slots are numbered 1 to `slots`. */
  readonly slots: number;
  readonly codeLengths: readonly number[];
  readSlot(slot: number, call: Call): Promise<SlotContent>;
  writeSlot(slot: number, code: Secret<string>, call: Call): Promise<void>;
  clearSlot(slot: number, call: Call): Promise<void>;
  lock(call: Call): Promise<void>;
  unlock(call: Call): Promise<void>;
  onEvent(listener: (event: LockEvent) => void): () => void;
}

export type KeypadInput =
  /** One entry, as the person ended it: by the enter key, the last digit, or a pause. */
  | { readonly type: "keys"; readonly keys: Secret<string> }
  | { readonly type: "card"; readonly card: CardRead };

/** A keypad that only reports: the gateway holds the codes and decides. */
export interface OnGatewayKeypad {
  readonly codes: "on_gateway";
  onInput(listener: (input: KeypadInput) => void): () => void;
  /** Opens for `ms` milliseconds. */
  grant(ms: number, call: Call): Promise<void>;
  deny(reason: string, call: Call): Promise<void>;
  /** Its cover was opened. Left out where it cannot tell. The returned function takes the listener off. */
  onTamper?(listener: () => void): () => void;
}

export type KeypadLock = OnDeviceKeypad | OnGatewayKeypad;

export type Signal = "present_card" | "done" | "failed" | "identify" | "off";

/** LED, buzzer or display. */
export interface Signals {
  show(signal: Signal, call: Call): Promise<void>;
}
