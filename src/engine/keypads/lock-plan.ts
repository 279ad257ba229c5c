import { type CodePlan, planCodes } from "#src/domain/codes/plan";
import { outdated } from "#src/domain/codes/slot";
import type { EngineDeps } from "../engine-deps.js";
import type { LockSlot } from "../ports.js";
import { ownerOf } from "./owner.js";

/**
 * The plan of one lock from what is stored. A lock that was never seen, or keeps no codes, has nothing to do. `unread`:
 * slots that are to be read again although nothing stored says so.
 */
export function planOf(
  { store, time }: Pick<EngineDeps, "store" | "time">,
  lockId: string,
  unread: ReadonlySet<number> = new Set(),
): CodePlan {
  const { keypads } = store;
  const keypad = keypads.lock(lockId)?.observed.keypad;
  const wanted = keypads.wishes(lockId).map(({ kind, id, pin, window, allowsOutside }) => ({
    owner: ownerOf(kind, id),
    pin,
    window,
    allowsOutside,
  }));
  const capacity = keypad?.codes === "on_device" ? (keypad.slots ?? 0) : 0;
  const slots = keypads.slots(lockId).map(({ slot }) => (unread.has(slot.slot) ? outdated(slot) : slot));
  const plan = planCodes(wanted, { capacity, slots }, time.read().now);
  if (capacity > 0) return plan;
  // What has no slots, or was never seen, is not full.
  return { ...plan, problems: new Map([...plan.problems].filter(([, { code }]) => code !== "no_space")) };
}

/** The plan of a lock that was made just now: for those who ask for many of its codes. */
export interface KnownPlan {
  readonly lockId: string;
  readonly plan: CodePlan;
}

/** The plan of one lock: the known one where it is that lock's. */
export function planFor(deps: EngineDeps, lockId: string, known: KnownPlan | undefined): CodePlan {
  return known?.lockId === lockId ? known.plan : planOf(deps, lockId);
}

/** The slot that is kept for an object on one lock; of two the one that is not to be emptied. */
export function slotOf(slots: readonly LockSlot[], lockId: string): LockSlot | undefined {
  const own = slots.filter((slot) => slot.lockId === lockId);
  return own.find(({ slot }) => slot.sent?.pin !== null) ?? own[0];
}
