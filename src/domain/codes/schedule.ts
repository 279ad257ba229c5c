/**
 * When a code lies on its lock. A lock without a schedule of its own lets a code open from the moment it has it, so it
 * gets it shortly before the start: early enough for thirty guests of one hour, late enough that nobody comes hours too
 * soon. Instants are epoch milliseconds; `certain` has surely passed.
 */
export const SET_AHEAD_MS = 5 * 60_000;

export interface CodeWindow {
  readonly startsAt: number | null;
  readonly endsAt: number | null;
}

/** When it is put on the lock; null: as soon as it is wanted. */
export function setsAt({ startsAt }: Pick<CodeWindow, "startsAt">): number | null {
  return startsAt === null ? null : startsAt - SET_AHEAD_MS;
}

/** Only what has surely passed takes a code off a lock: a wrong clock locks nobody out. */
export function isOver({ endsAt }: Pick<CodeWindow, "endsAt">, certain: number): boolean {
  return endsAt !== null && endsAt <= certain;
}

/** Is it to be on the lock at this instant? */
export function isDue(
  window: CodeWindow,
  { now, certain }: { readonly now: number; readonly certain: number },
): boolean {
  const at = setsAt(window);
  return (at === null || at <= now) && !isOver(window, certain);
}
