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
  /** `because`: left out, the lock does not know the code or does not say. */
  | { readonly type: "denied"; readonly because?: "outside_window" | "disabled" | "too_many_attempts" }
  /** Somebody changed a slot; null: some slot, and all of them have to be read. */
  | { readonly type: "slot.changed"; readonly slot: number | null }
  /** Its next `locked` or `unlocked` says that it is jammed no more. */
  | { readonly type: "jammed" | "tampered" }
  | { readonly type: "door"; readonly isOpen: boolean }
  /** 0 to 1. */
  | { readonly type: "battery"; readonly level: number };

/** What a lock says of itself; null: it does not say. */
export interface LockState {
  readonly isLocked: boolean | null;
  readonly isDoorOpen: boolean | null;
  /** 0 to 1. */
  readonly battery: number | null;
}

/** When a code opens: from the first instant on, until just before the second. Epoch milliseconds, whole minutes. */
export interface CodeWindow {
  readonly startsAt: number;
  readonly endsAt: number;
}

/** What a lock needs to know of the time. */
export interface LockTime {
  /** Epoch milliseconds; null while the gateway does not trust its own clock: then the lock's is left as it is. */
  readonly now: number | null;
  /** Of the site, as in the IANA database: "Europe/Lisbon". */
  readonly timeZone: string;
}

/** What a lock can do that keeps the windows of its codes itself, and turns a code away outside of its own. */
export interface CodeSchedule {
  /**
   * Sets the lock's clock and zone. Called before the first `write` or `readWindow` after the lock came or came back,
   * and daily: a driver may keep the zone for the windows that follow. `device.refused`: this clock cannot be set.
   */
  setClock(time: LockTime, call: Call): Promise<void>;
  /**
   * Like `writeSlot`, and the code opens within the window only. At no moment does it open outside: what is not done to
   * the end is undone, or told with effect `unknown`. `device.refused`, effect `none`: the lock does not take this
   * window, and the slot holds no code by this call.
   */
  write(slot: number, code: Secret<string>, window: CodeWindow, call: Call): Promise<void>;
  /** null: what the slot holds opens always. Left out where the lock does not show its windows. */
  readWindow?(slot: number, call: Call): Promise<CodeWindow | null>;
}

/** A lock that holds its codes itself, in numbered slots, and decides alone. */
export interface OnDeviceKeypad {
  readonly codes: "on_device";
  /** Slots are numbered 1 to `slots`. */
  readonly slots: number;
  readonly codeLengths: readonly number[];
  readSlot(slot: number, call: Call): Promise<SlotContent>;
  /**
   * The code opens always, whatever window its slot had. Resolves with what the slot was read to hold afterwards, which is
   * never what the lock merely said; null: it was not read, and whoever wants to know reads it.
   */
  writeSlot(slot: number, code: Secret<string>, call: Call): Promise<SlotContent | null>;
  /** The slot's window goes with its code. Resolves like `writeSlot`. */
  clearSlot(slot: number, call: Call): Promise<SlotContent | null>;
  /** Left out where the lock knows no windows, or none of this kind. */
  readonly schedule?: CodeSchedule;
  /**
   * A text that stays the same as long as no slot changes, asked of the lock itself. With it the daily reading of all
   * slots is left out while nothing has changed. Left out where the lock has no such thing.
   */
  checksum?(call: Call): Promise<string>;
  lock(call: Call): Promise<void>;
  unlock(call: Call): Promise<void>;
  /** Read once when the lock comes or comes back; then its events tell. Left out where it cannot be asked. */
  readState?(call: Call): Promise<LockState>;
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
