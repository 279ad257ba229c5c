import { z } from "zod";

/**
 * May this PIN open this door now? For keypads that only report: the gateway holds the codes. Pure; PINs come as keyed
 * hashes. Whatever is unknown or ambiguous is denied.
 */

/** A code that is kept for the door. */
export interface DoorCode {
  /** `kind:id` of its object. */
  readonly owner: string;
  /** Epoch ms. */
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  readonly isOneTimeUse: boolean;
}

/** Wrong PINs at one door; kept across restarts, or a power cut would give a guesser new tries. */
export const doorStateSchema = z.object({
  /** When a wrong PIN was entered lately. */
  misses: z.array(z.number()),
  /** Until then nothing opens it. */
  closedUntil: z.number().nullable(),
});
export type DoorState = z.infer<typeof doorStateSchema>;

export const FRESH_DOOR: DoorState = { misses: [], closedUntil: null };

export type Decision =
  /** `usedUp`: it opens once, and this was it: that has to be on disk before the door opens. */
  | { readonly grant: true; readonly owner: string; readonly usedUp: boolean }
  | {
      readonly grant: false;
      readonly reason: "unknown_code" | "expired_code" | "too_many_attempts";
      readonly owner: string | null;
    };

/** So many wrong PINs within `MISSES_WITHIN_MS`, and the keypad is closed for `CLOSED_MS`. */
export const MISSES_MAX = 5;
const MISSES_WITHIN_MS = 5 * 60_000;
const CLOSED_MS = 5 * 60_000;

/**
 * `codes`: those with this PIN. `now` is the best knowledge of the time, `certain` has surely passed: starts are
 * compared with the one, ends with the other, so that a wrong clock locks nobody out who may come in.
 */
export function decide(
  codes: readonly DoorCode[],
  state: DoorState,
  { now, certain }: { readonly now: number; readonly certain: number },
): { readonly decision: Decision; readonly state: DoorState } {
  // A clock that jumped back prolongs nothing.
  const isClosed =
    state.closedUntil !== null && now < state.closedUntil && state.closedUntil - now <= CLOSED_MS;
  if (isClosed) return { decision: { grant: false, reason: "too_many_attempts", owner: null }, state };
  const open = codes.filter(
    ({ startsAt, endsAt }) => (startsAt === null || startsAt <= now) && (endsAt === null || endsAt > certain),
  );
  const [code, ...others] = open;
  if (code !== undefined && others.length === 0) {
    const { owner, isOneTimeUse } = code;
    return { decision: { grant: true, owner, usedUp: isOneTimeUse }, state: FRESH_DOOR };
  }
  const [known] = codes;
  if (code === undefined && known !== undefined) {
    // A guest who comes early is no guesser.
    return { decision: { grant: false, reason: "expired_code", owner: known.owner }, state };
  }
  return { decision: { grant: false, reason: "unknown_code", owner: null }, state: missed(state, now) };
}

function missed({ misses }: DoorState, now: number): DoorState {
  const recent = [...misses.filter((at) => at <= now && now - at < MISSES_WITHIN_MS), now];
  return recent.length < MISSES_MAX
    ? { misses: recent, closedUntil: null }
    : { misses: [], closedUntil: now + CLOSED_MS };
}
