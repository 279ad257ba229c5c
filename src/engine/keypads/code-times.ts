import { type CodeWindow, isSameWindow, type LockWindow, lockWindowOf } from "#src/domain/codes/schedule";
import type { AccessCodeSpec } from "#src/domain/spec";
import type { EngineDeps } from "../engine-deps.js";
import type { ObjectRow } from "../ports.js";

/** When a code is to open, and who sees to it. */
export interface CodeTimes {
  readonly times: CodeWindow;
  /** What the lock is to keep itself; null: the gateway puts the code there and takes it off. */
  readonly window: LockWindow | null;
}

/**
 * The lock keeps the window where it can, the code asks for it (`prefer_native_scheduling`) and the lock has not turned
 * this window down before. Nothing new is left to the lock while nobody knows the time to set its clock by; what it
 * was told before then stays as it is.
 */
export function timesOf(deps: EngineDeps, row: ObjectRow, spec: AccessCodeSpec): CodeTimes {
  const { keypads } = deps.store;
  const times = timesOfSpec(spec);
  const window = refusableWindow(deps, row, spec);
  if (window === null) return { times, window };
  const refused = keypads.life(row.id)?.refused ?? null;
  if (refused !== null && isSameWindow(refused.window, window)) return { times, window: null };
  const isTrusted = deps.time.read().quality === "trusted";
  const wished = keypads.wishesOf("access_code", row.id)[0]?.window ?? null;
  return { times, window: isTrusted || isSameWindow(wished, window) ? window : null };
}

/** The window that the lock could keep for this code; null: it has none, cannot keep it, or is not to. */
export function refusableWindow(
  { store }: EngineDeps,
  row: ObjectRow,
  spec: AccessCodeSpec,
): LockWindow | null {
  const keypad = store.keypads.lock(spec.device_id)?.observed.keypad;
  if (keypad?.hasSchedule !== true || !spec.prefer_native_scheduling) return null;
  return lockWindowOf(timesOfSpec(spec), row.createdAt);
}

function timesOfSpec({ starts_at, ends_at }: AccessCodeSpec): CodeWindow {
  return {
    startsAt: starts_at === null ? null : Date.parse(starts_at),
    endsAt: ends_at === null ? null : Date.parse(ends_at),
  };
}
