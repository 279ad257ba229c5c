import { z } from "zod";
import { isSameWindow, type LockWindow, lockWindowSchema } from "./schedule.js";

/**
 * One numbered slot of a lock: what was ordered, what the lock was seen to hold, and how often it was tried. Stored as
 * it is; PINs are in it only as keyed hashes (`pin`), which say whether two are the same and nothing more. Every change
 * is one of the functions below; `plan.ts` decides what to do next.
 */
const instant = z.number();

export const foundSchema = z.discriminatedUnion("is", [
  z.object({ is: z.literal("empty") }),
  z.object({ is: z.literal("code"), pin: z.string() }),
  /** Occupied, and the lock does not show the PIN. */
  z.object({ is: z.literal("withheld") }),
]);
export type Found = z.infer<typeof foundSchema>;

export const slotSchema = z.object({
  slot: z.number().int().min(1),
  /** `kind:id` of the object whose code was put here; null: not ours, and never touched. */
  owner: z.string().nullable(),
  /**
   * The last order, `pin: null` to be empty; `window` is the lock's to keep, null: the code opens always. `open`: its
   * outcome is not known, or it did not come true. `reported`: the lock said yes. `verified`: and it was read back, as
   * far as the lock shows it.
   */
  sent: z
    .object({
      pin: z.string().nullable(),
      window: lockWindowSchema.nullable().default(null),
      state: z.enum(["open", "reported", "verified"]),
    })
    .nullable(),
  /** What was read last; null: never. */
  found: foundSchema.nullable(),
  /** Must be read before it is judged: after an order, an event of the lock, an absence. */
  isStale: z.boolean(),
  /** The lock said that somebody changed it. Where it shows no PIN, that alone says that ours is not there. */
  isDoubted: z.boolean(),
  /** What somebody did to our code at the lock; kept until it is as ordered again. */
  outside: z.object({ change: z.enum(["modified", "removed"]), at: instant }).nullable(),
  /** Orders for the present wish that were given lately. */
  tries: z.array(instant),
  /** Times lately that it could not be read. */
  misreads: z.array(instant),
  /** The wish that `tries` belong to. */
  wish: z.string().nullable(),
  /** Left alone for a while, because it was tried too often. `level`: how often in a row. */
  rest: z.object({ until: instant, level: z.number().int(), reason: z.string() }).nullable(),
  /** Why the last order did not come true, for a person; null when it did. */
  problem: z.string().nullable(),
});
export type Slot = z.infer<typeof slotSchema>;

/** So many orders for one wish within `TRIES_WITHIN_MS`, and the slot is left alone. */
export const TRIES_MAX = 3;
export const TRIES_WITHIN_MS = 5 * 60_000;
const REST_MIN_MS = 3_600_000;
const REST_MAX_MS = 24 * 3_600_000;

export function unknownSlot(slot: number): Slot {
  return {
    slot,
    owner: null,
    sent: null,
    found: null,
    isStale: true,
    isDoubted: false,
    outside: null,
    tries: [],
    misreads: [],
    wish: null,
    rest: null,
    problem: null,
  };
}

/** What a slot is to hold: a PIN, by its keyed hash, and when it opens; `window: null`, always. */
export interface SlotOrder {
  readonly pin: string;
  readonly window: LockWindow | null;
}

/** Does it hold just this, as far as anybody can know? */
export function holds(slot: Slot, { pin, window }: SlotOrder): boolean {
  return holdsPin(slot, pin) && isSameWindow(slot.sent?.window ?? null, window);
}

/** Does it hold this PIN, whenever that opens? */
export function holdsPin({ sent, outside }: Slot, pin: string): boolean {
  return sent?.state === "verified" && sent.pin === pin && outside === null;
}

/** The PIN of ours that surely lies in it. */
export function surePin({ sent, outside, owner }: Slot): string | null {
  return owner !== null && sent?.state === "verified" && outside === null ? sent.pin : null;
}

/** PINs that it may hold: no other slot gets one of them. */
export function possiblePins({ sent, found }: Slot): ReadonlySet<string> {
  const pins = new Set<string>();
  if (sent?.pin != null) pins.add(sent.pin);
  if (found?.is === "code") pins.add(found.pin);
  return pins;
}

/** Is it left alone now? A rest that a jump of the clock made longer than any is over. */
export function isResting({ rest }: Slot, now: number): boolean {
  return rest !== null && now < rest.until && rest.until - now <= REST_MAX_MS;
}

/** Tried, or read in vain, so often lately that the next such step is a rest. */
export function isTired({ tries, misreads }: Slot, of: "orders" | "reads", now: number): boolean {
  return recent(of === "orders" ? tries : misreads, now).length >= TRIES_MAX;
}

function recent(tries: readonly number[], now: number): number[] {
  return tries.filter((at) => at <= now && now - at < TRIES_WITHIN_MS);
}

// ── What happens to a slot ───────────────────────────────────────────────────────────────────────────────────────

/** An order is about to be given: stored before the first byte leaves. `order: null` empties it. */
export function ordered(slot: Slot, owner: string, order: SlotOrder | null, now: number): Slot {
  const { pin, window } = order ?? { pin: null, window: null };
  const opens = window === null ? "" : ` ${window.startsAt}-${window.endsAt}`;
  const wish = `${owner} ${pin ?? "empty"}${opens}`;
  const isSameWish = slot.wish === wish;
  return {
    ...slot,
    owner,
    sent: { pin, window, state: "open" },
    isStale: true,
    isDoubted: false,
    outside: null,
    wish,
    tries: isSameWish ? [...recent(slot.tries, now), now] : [now],
    // What rested has rested enough, or the order is for another wish.
    rest: isSameWish && slot.rest !== null ? { ...slot.rest, until: 0 } : null,
    problem: isSameWish ? slot.problem : null,
  };
}

/** The lock said yes. Reading has to bear it out. */
export function reported(slot: Slot): Slot {
  return slot.sent === null ? slot : { ...slot, sent: { ...slot.sent, state: "reported" } };
}

/** The order failed, or nobody knows: reading tells. `isTry: false` when the lock was never asked. */
export function failed(slot: Slot, problem: string, isTry: boolean): Slot {
  return { ...slot, problem, isStale: true, tries: isTry ? slot.tries : slot.tries.slice(0, -1) };
}

/** The slot could not be read. Three times, and it is left alone too. */
export function unreadable(slot: Slot, problem: string, now: number): Slot {
  return { ...slot, problem, misreads: [...recent(slot.misreads, now), now] };
}

/** It is left alone: an hour at first, twice as long each time, a day at most. */
export function rested(slot: Slot, now: number): Slot {
  const level = (slot.rest?.level ?? 0) + 1;
  const ms = Math.min(REST_MAX_MS, REST_MIN_MS * 2 ** (level - 1));
  const reason = slot.problem ?? "it was changed at the lock again and again";
  return { ...slot, rest: { until: now + ms, level, reason }, tries: [], misreads: [] };
}

/** Tried again at once: somebody asked for it, or the lock came back. */
export function refreshed(slot: Slot): Slot {
  const { rest, tries, misreads } = slot;
  const isFresh = rest === null && tries.length === 0 && misreads.length === 0;
  return isFresh ? slot : { ...slot, rest: null, tries: [], misreads: [] };
}

/** To be read again before it is judged. `isDoubted`: the lock said that somebody changed it. */
export function outdated(slot: Slot, isDoubted = false): Slot {
  return { ...slot, isStale: true, isDoubted: slot.isDoubted || isDoubted };
}

/** It was read. `window`: what the lock keeps for it, null: none; undefined: that was not read. */
export function read(slot: Slot, found: Found, now: number, window?: LockWindow | null): Slot {
  const seen = { ...slot, found, isStale: false, isDoubted: false, misreads: [] };
  const { sent } = slot;
  if (slot.owner === null || sent === null) return { ...seen, problem: null };
  if (sent.pin === null) return emptied(seen, sent.state);
  const isWindowRight = window === undefined || isSameWindow(window, sent.window);
  return compared(slot, seen, { ...sent, pin: sent.pin }, { isWindowRight, now });
}

/** It was to be empty. Once it is, it is nobody's. */
function emptied(seen: Slot, state: NonNullable<Slot["sent"]>["state"]): Slot {
  if (seen.found?.is === "empty") return { ...unknownSlot(seen.slot), found: seen.found, isStale: false };
  const problem = state === "reported" ? "the lock said that it removed the code, and still has it" : null;
  return { ...seen, sent: { pin: null, window: null, state: "open" }, problem: problem ?? seen.problem };
}

type Sent = NonNullable<Slot["sent"]>;

/** It was to hold what was sent. */
function compared(
  before: Slot,
  seen: Slot,
  sent: Sent,
  { isWindowRight, now }: { readonly isWindowRight: boolean; readonly now: number },
): Slot {
  const { found } = seen;
  const { state } = sent;
  const isRight = found?.is === "code" && found.pin === sent.pin;
  // Where the lock shows no PIN, its word and that the slot is occupied are all the proof there is.
  const isTakenForRight = found?.is === "withheld" && state !== "open" && !before.isDoubted;
  if (isWindowRight && (isRight || (isTakenForRight && before.outside === null))) {
    return { ...seen, sent: { ...sent, state: "verified" }, outside: null, problem: null, rest: null };
  }
  if (state === "verified") {
    const change = found?.is === "empty" ? "removed" : "modified";
    return { ...seen, outside: before.outside?.change === change ? before.outside : { change, at: now } };
  }
  const isLie = state === "reported";
  return {
    ...seen,
    sent: { ...sent, state: "open" },
    problem: isLie ? "the lock said that it took the code, and holds something else" : seen.problem,
  };
}
