/** Who is spoken to next, as a pure function over what is due. */
export interface Due {
  /** Commands that wait for it. */
  readonly jobs: readonly unknown[];
  readonly isUp: boolean;
  /** Monotonic milliseconds. */
  readonly dueAt: number;
}

/** A command goes before every poll, but not for so long that others seem dead: they drop their session after 8 s. */
const STARVED_MS = 1_000;

/** `waitMs`: nothing is due before. */
export function nextTurn<T extends Due>(
  all: readonly T[],
  now: number,
): { readonly who: T; readonly waitMs: number } | null {
  const [first] = [...all].sort((a, b) => a.dueAt - b.dueAt);
  if (first === undefined) return null;
  if (first.isUp && now - first.dueAt >= STARVED_MS) return { who: first, waitMs: 0 };
  const asked = all.find(({ jobs }) => jobs.length > 0);
  if (asked !== undefined) return { who: asked, waitMs: 0 };
  return { who: first, waitMs: Math.max(0, first.dueAt - now) };
}
