import {
  holds,
  holdsPin,
  isResting,
  isTired,
  possiblePins,
  type Slot,
  type SlotOrder,
  unknownSlot,
} from "./slot.js";
import { isSameWindow } from "./schedule.js";

/**
 * What to do next at one lock, from what is wanted and what is known of its slots. Pure, and from any state the loop
 * "do the first step, note what came of it, plan again" ends with the codes that are wanted, without a write where
 * nothing has to change. Slots that are not ours are read and never written.
 */

/** A code that is to lie on the lock now. */
export interface WantedCode extends SlotOrder {
  /** `kind:id` of its object. */
  readonly owner: string;
  /** What somebody does to it at the lock is left as it is. */
  readonly allowsOutside: boolean;
}

export type CodeStep =
  | { readonly do: "read"; readonly slot: number }
  | { readonly do: "write"; readonly slot: number; readonly owner: string; readonly order: SlotOrder }
  | { readonly do: "clear"; readonly slot: number; readonly owner: string }
  /** Tried too often: leave it alone for a while. */
  | { readonly do: "rest"; readonly slot: number };

/** Why a code cannot be put on the lock now. */
export type CodeProblem =
  /** `holder`: the object that has the PIN there; null: somebody else's code in `slot`. */
  | { readonly code: "duplicate"; readonly holder: string | null; readonly slot: number | null }
  | { readonly code: "no_space" };

export interface CodePlan {
  /** In this order: what must go, what must be known, what must come. */
  readonly steps: readonly CodeStep[];
  /** By owner; only what no step of this gateway will change. */
  readonly problems: ReadonlyMap<string, CodeProblem>;
  /** When a slot that is left alone is tried again, epoch ms; null: none is. */
  readonly nextAt: number | null;
}

export interface LockState {
  /** The lock has slots 1 to `capacity`. */
  readonly capacity: number;
  /** Slots that something is known of; the others were never read. */
  readonly slots: readonly Slot[];
}

/** `wanted`: oldest first; of two with the same PIN the one that has it on the lock keeps it, else the first gets it. */
export function planCodes(wanted: readonly WantedCode[], lock: LockState, now: number): CodePlan {
  const known = new Map(lock.slots.map((slot) => [slot.slot, slot]));
  const slots = Array.from(
    { length: lock.capacity },
    (_, index) => known.get(index + 1) ?? unknownSlot(index + 1),
  );
  const owners = new Map(wanted.map((code) => [code.owner, code]));
  const places = placesOf(slots, owners);
  const isLeaving = (slot: Slot): boolean => slot.owner !== null && places.get(slot.owner) !== slot;

  const clears = slots.filter((slot) => isLeaving(slot) && !isClearPending(slot));
  const isCleared = new Set(clears);
  const reads = slots.filter((slot) => isUnread(slot) && !isCleared.has(slot));
  const writes = planWrites({ wanted, slots, owners, places, isLeaving, now });

  const steps: CodeStep[] = [
    ...clears.map((slot) => ({ do: "clear", slot: slot.slot, owner: slot.owner ?? "" }) as const),
    // Ours first: they show whether an order came true.
    ...reads
      .toSorted((a, b) => Number(b.owner !== null) - Number(a.owner !== null))
      .map(({ slot }) => ({ do: "read", slot }) as const),
    ...writes.steps,
  ].flatMap((step) => pacedStep(step, slots[step.slot - 1], now));
  const rests = slots.filter((slot) => isResting(slot, now)).map(({ rest }) => rest?.until ?? 0);
  return {
    steps,
    problems: writes.problems,
    nextAt: rests.length === 0 ? null : Math.min(...rests),
  };
}

/** The slot of each wanted code. A second one of the same owner is to be emptied. */
function placesOf(
  slots: readonly Slot[],
  owners: ReadonlyMap<string, WantedCode>,
): ReadonlyMap<string, Slot> {
  const places = new Map<string, Slot>();
  for (const slot of slots) {
    if (slot.owner === null || !owners.has(slot.owner)) continue;
    const other = places.get(slot.owner);
    const pin = owners.get(slot.owner)?.pin ?? "";
    if (other === undefined || (!holdsPin(other, pin) && holdsPin(slot, pin))) places.set(slot.owner, slot);
  }
  return places;
}

function isUnread(slot: Slot): boolean {
  return slot.isStale || slot.found === null;
}

/** It was told to be empty, and has not been read since. */
function isClearPending({ sent, isStale }: Slot): boolean {
  return sent?.pin === null && isStale;
}

/** What rests is left alone; what was tried too often is sent to rest. */
function pacedStep(step: CodeStep, slot: Slot | undefined, now: number): CodeStep[] {
  if (slot === undefined || isResting(slot, now)) return [];
  const isTooOften = isTired(slot, step.do === "read" ? "reads" : "orders", now);
  return isTooOften ? [{ do: "rest", slot: slot.slot }] : [step];
}

interface Board {
  readonly wanted: readonly WantedCode[];
  readonly slots: readonly Slot[];
  readonly owners: ReadonlyMap<string, WantedCode>;
  readonly places: ReadonlyMap<string, Slot>;
  readonly isLeaving: (slot: Slot) => boolean;
  readonly now: number;
}

interface Writes {
  readonly steps: CodeStep[];
  readonly problems: Map<string, CodeProblem>;
}

function planWrites(board: Board): Writes {
  const { wanted, slots, places, isLeaving, now } = board;
  const steps: CodeStep[] = [];
  const problems = new Map<string, CodeProblem>();
  const claims = claimsOf(board);
  const holders = holdersOf(slots);
  const free = slots.filter(
    (slot) => slot.owner === null && slot.found?.is === "empty" && !slot.isStale && !isResting(slot, now),
  );
  const mayComeFree = slots.some((slot) => (isUnread(slot) || isLeaving(slot)) && !isResting(slot, now));
  const inTheWay: Slot[] = [];
  for (const code of wanted) {
    const { owner, pin, window } = code;
    const claimant = claims.get(pin) ?? owner;
    if (claimant !== owner) {
      problems.set(owner, { code: "duplicate", holder: claimant, slot: places.get(claimant)?.slot ?? null });
      continue;
    }
    const place = places.get(owner);
    if (place !== undefined && isLeftAlone(place, code)) continue;
    const holder = holders.get(pin)?.find((slot) => slot !== place);
    if (holder !== undefined) {
      if (isMoving(holder, board)) inTheWay.push(holder);
      else problems.set(owner, { code: "duplicate", holder: holder.owner, slot: holder.slot });
      continue;
    }
    const target = place ?? free.shift();
    if (target !== undefined) {
      if (!isUnread(target)) {
        steps.push({ do: "write", slot: target.slot, owner, order: { pin, window } });
      }
    } else if (!mayComeFree) {
      problems.set(owner, { code: "no_space" });
    }
  }
  const [first] = inTheWay;
  // Two codes that are to swap their PINs wait for one another: one slot is emptied, and then there is a way.
  if (steps.length === 0 && first?.owner != null && !isLeaving(first) && !isUnread(first)) {
    steps.push({ do: "clear", slot: first.slot, owner: first.owner });
  }
  return { steps, problems };
}

/** Slots by every PIN that they may hold, lowest first. */
function holdersOf(slots: readonly Slot[]): ReadonlyMap<string, readonly Slot[]> {
  const holders = new Map<string, Slot[]>();
  for (const slot of slots) {
    for (const pin of possiblePins(slot)) {
      const known = holders.get(pin);
      if (known === undefined) holders.set(pin, [slot]);
      else known.push(slot);
    }
  }
  return holders;
}

/** Who gets each PIN: whoever has it on the lock, else the oldest wish. */
function claimsOf({ wanted, places }: Board): ReadonlyMap<string, string> {
  const claims = new Map<string, string>();
  for (const { owner, pin } of wanted) {
    const place = places.get(owner);
    const isThere = place !== undefined && holdsPin(place, pin);
    if (isThere || !claims.has(pin)) claims.set(pin, owner);
  }
  return claims;
}

/** It is as wanted, or somebody changed it at the lock and may. */
function isLeftAlone(place: Slot, code: WantedCode): boolean {
  if (holds(place, code)) return true;
  const { sent, outside } = place;
  const isOrdered = sent?.pin === code.pin && isSameWindow(sent.window, code.window);
  return code.allowsOutside && outside !== null && isOrdered;
}

/** Will the PIN leave this slot by what is planned anyway? What rests does not move. */
function isMoving(slot: Slot, { owners, isLeaving, now }: Board): boolean {
  if (slot.owner === null) return isUnread(slot);
  if (isResting(slot, now)) return false;
  if (isLeaving(slot) || isUnread(slot)) return true;
  const own = owners.get(slot.owner);
  return own !== undefined && !isLeftAlone(slot, own);
}
