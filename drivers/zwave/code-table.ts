import type { LockCall } from "./call.js";

/** One slot as the lock told it just now. */
export type SlotReading =
  | { readonly is: "empty" }
  /** `isActive: false`: it is there and opens nothing. */
  | { readonly is: "code"; readonly digits: string; readonly isActive: boolean }
  /** Occupied; the lock shows asterisks, or nothing. */
  | { readonly is: "withheld"; readonly isActive: boolean };

/** What the lock said to an order, which is no proof. `heard`: it got the order, and is of a kind that says no more. */
export type OrderAnswer = "done" | "heard" | "duplicate" | "refused" | "unknown";

/** The numbered codes of one lock, whichever command class holds them. */
export interface CodeTable {
  readonly slots: number;
  readonly lengthMin: number;
  readonly lengthMax: number;
  /** Can a code lie in a slot without opening? */
  readonly canDisable: boolean;
  read(slot: number, call: LockCall): Promise<SlotReading>;
  write(slot: number, digits: string, isActive: boolean, call: LockCall): Promise<OrderAnswer>;
  clear(slot: number, call: LockCall): Promise<OrderAnswer>;
  /** null where the lock has none. */
  readonly checksum: ((call: LockCall) => Promise<string>) | null;
}

/** More slots than any house has codes for; a lock that claims more is used up to here. */
export const SLOTS_MAX = 250;

export const isMasked = (text: string): boolean => text.length > 0 && /^\*+$/.test(text);
