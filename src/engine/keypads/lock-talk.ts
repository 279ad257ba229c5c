import { type Call, DriverError, type OnDeviceKeypad, type SlotContent } from "#driver-api";
import type { LockWindow } from "#src/domain/codes/schedule";
import type { Slot } from "#src/domain/codes/slot";
import type { Secret } from "#src/lib/secret";
import type { LockClock } from "./lock-clock.js";

/** What is asked of a lock about one slot. Each rejects with what the driver says. */
export interface LockTalk {
  readonly keypad: OnDeviceKeypad;
  readonly clock: LockClock;
  readonly call: Call;
}

/** The slot, and the window that the lock keeps for it, where ours has one or may still have an older one. */
export async function readSlot(
  { keypad, clock, call }: LockTalk,
  { slot, sent }: Pick<Slot, "slot" | "sent">,
): Promise<{ readonly content: SlotContent; readonly window: LockWindow | null | undefined }> {
  const content = await keypad.readSlot(slot, call);
  const { schedule } = keypad;
  const hasNone = sent === null || (sent.window === null && sent.state === "verified");
  if (schedule === undefined || hasNone || content.is === "empty") return { content, window: undefined };
  // Its clock is what the windows hang on: it is set again as often as they are read.
  await clock.tell(schedule, call);
  return { content, window: await schedule.readWindow?.(slot, call) };
}

/**
 * Carries out an order; `code: null` empties the slot. Resolves with what the slot was read to hold then; null: it was not,
 * or its window has to be looked at too.
 */
export async function orderSlot(
  { keypad, clock, call }: LockTalk,
  slot: number,
  { code, window }: { readonly code: Secret<string> | null; readonly window: LockWindow | null },
): Promise<SlotContent | null> {
  if (code === null) return keypad.clearSlot(slot, call);
  const { schedule } = keypad;
  if (window === null) {
    const held = await keypad.writeSlot(slot, code, call);
    return schedule === undefined ? held : null;
  }
  if (schedule === undefined) throw new DriverError("device.refused", "none", "the lock keeps no windows");
  await clock.tell(schedule, call);
  await schedule.write(slot, code, window, call);
  return null;
}
