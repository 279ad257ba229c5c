import { z } from "zod";

/**
 * When a code lies on its lock. A lock that keeps no windows of its own lets a code open from the moment it has it, so
 * it gets it shortly before the start: early enough for thirty guests of one hour, late enough that nobody comes hours
 * too soon. One that keeps them gets code and window days ahead, and goes by them even while the gateway is away.
 * Instants are epoch milliseconds; `certain` has surely passed.
 */
export const SET_AHEAD_MS = 5 * 60_000;

/** As far ahead as Seam programs such locks. */
export const SCHEDULE_AHEAD_MS = 72 * 3_600_000;

export interface CodeWindow {
  readonly startsAt: number | null;
  readonly endsAt: number | null;
}

/** A window that the lock itself keeps; whole minutes. */
export const lockWindowSchema = z.object({ startsAt: z.number(), endsAt: z.number() });
export type LockWindow = Readonly<z.infer<typeof lockWindowSchema>>;

const MINUTE_MS = 60_000;

/** What a lock that keeps windows is told: the minutes that the code opens in. null: it opens without end. */
export function lockWindowOf({ startsAt, endsAt }: CodeWindow, createdAt: number): LockWindow | null {
  if (endsAt === null) return null;
  return {
    startsAt: Math.floor((startsAt ?? createdAt) / MINUTE_MS) * MINUTE_MS,
    endsAt: Math.ceil(endsAt / MINUTE_MS) * MINUTE_MS,
  };
}

export function isSameWindow(one: LockWindow | null, other: LockWindow | null): boolean {
  return one?.startsAt === other?.startsAt && one?.endsAt === other?.endsAt;
}

/** When it is put on the lock; null: as soon as it is wanted. `isKept`: the lock keeps its window. */
export function setsAt({ startsAt }: Pick<CodeWindow, "startsAt">, isKept = false): number | null {
  return startsAt === null ? null : startsAt - (isKept ? SCHEDULE_AHEAD_MS : SET_AHEAD_MS);
}

/** Only what has surely passed takes a code off a lock: a wrong clock locks nobody out. */
export function isOver({ endsAt }: Pick<CodeWindow, "endsAt">, certain: number): boolean {
  return endsAt !== null && endsAt <= certain;
}

/** Is it to be on the lock at this instant? */
export function isDue(
  window: CodeWindow,
  { now, certain }: { readonly now: number; readonly certain: number },
  isKept = false,
): boolean {
  const at = setsAt(window, isKept);
  return (at === null || at <= now) && !isOver(window, certain);
}
