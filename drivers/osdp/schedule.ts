/** Who is spoken to next, as a pure function over what is due. */
export interface Due {
  /** Commands that wait for it. */
  readonly jobs: readonly unknown[];
  readonly isUp: boolean;
  /** Monotonic milliseconds. */
  readonly dueAt: number;
}

/**
 * A reader that has waited for so long gets its poll between two commands: commands without end must not make others seem
 * dead, who drop their session after 8 s. A full line at 9600 baud makes everybody wait for longer, so a command is never
 * more than one poll away.
 */
const STARVED_MS = 1_000;

/** `waitMs`: nothing is due before. */
export interface Turn<T> {
  readonly who: T;
  readonly waitMs: number;
}

/** `wasCommand`: the turn before this one was a command. */
export function nextTurn<T extends Due>(all: readonly T[], now: number, wasCommand: boolean): Turn<T> | null {
  let [first] = all;
  if (first === undefined) return null;
  for (const one of all) if (one.dueAt < first.dueAt) first = one;
  if (wasCommand && first.isUp && now - first.dueAt >= STARVED_MS) return { who: first, waitMs: 0 };
  const asked = all.find(({ jobs }) => jobs.length > 0);
  if (asked !== undefined) return { who: asked, waitMs: 0 };
  return { who: first, waitMs: Math.max(0, first.dueAt - now) };
}
