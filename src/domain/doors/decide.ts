import { failed, isLockedOut, type Lockout, NO_LOCKOUT } from "./lockout.js";

/**
 * Who may come in at a door whose keypad or reader only reports. Pure: what was entered, who answers to it, and what
 * is known of the door go in; what to do and what to remember come out. Instants are epoch milliseconds. A PIN is a keyed
 * hash here.
 */

/** What opens a door. */
export const DOOR_MODES = ["pin", "card", "pin_or_card", "card_and_pin"] as const;
export type DoorMode = (typeof DOOR_MODES)[number];

/** Somebody whose PIN or card is known, whether or not it opens this door now. */
export interface Holder {
  /** `kind:id` of the access code or credential. */
  readonly owner: string;
  /** Neither taken away nor suspended, and meant for this door. */
  readonly isAllowed: boolean;
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  /** It is taken away with its first use. */
  readonly isOneTimeUse: boolean;
  /** Of a card: the PIN that goes with it where both are wanted; null: it has none. */
  readonly pin: string | null;
}

/** `holders`: all to whom it belongs here. */
export type Entry =
  | { readonly by: "pin"; readonly pin: string; readonly holders: readonly Holder[] }
  | { readonly by: "card"; readonly holders: readonly Holder[] };

export interface Door {
  readonly mode: DoorMode;
  readonly lockout: Lockout;
  /** The card that was held to it last, where its PIN is still to come. */
  readonly card: { readonly holder: Holder; readonly at: number } | null;
}

/** `now` may be estimated; `ended` is what ends are compared with. */
export interface DoorTime {
  readonly now: number;
  readonly ended: number;
}

export type DenialReason =
  | "unknown"
  | "ambiguous"
  | "not_allowed"
  | "not_yet"
  | "expired"
  | "wrong_pin"
  | "too_many_attempts"
  | "card_first"
  | "not_taken_here"
  /** Its one use could not be stored. */
  | "not_recorded";

/** What is to be on disk before the door opens, and what is remembered of it. */
interface Remembered {
  readonly lockout: Lockout;
  readonly card: Door["card"];
}

export type Decision = Remembered &
  (
    | {
        readonly do: "open";
        readonly owner: string;
        readonly by: "keycode" | "card";
        readonly usesUp: boolean;
      }
    /** The card is good; its PIN is wanted too. */
    | { readonly do: "ask_pin" }
    | { readonly do: "deny"; readonly why: DenialReason; readonly owner: string | null }
  );

/** After a card its PIN is waited for so long. */
export const CARD_PIN_MS = 20_000;

export function decide(entry: Entry, door: Door, time: DoorTime): Decision {
  return entry.by === "card" ? decideCard(entry.holders, door, time) : decidePin(entry, door, time);
}

function decideCard(holders: readonly Holder[], door: Door, time: DoorTime): Decision {
  const { mode, lockout } = door;
  if (mode === "pin") return { do: "deny", why: "not_taken_here", owner: null, lockout, card: null };
  const found = oneOf(holders, time);
  if (typeof found === "string")
    return { do: "deny", why: found, owner: ownerOf(holders), lockout, card: null };
  if (mode === "card_and_pin") return { do: "ask_pin", lockout, card: { holder: found, at: time.now } };
  return { do: "open", owner: found.owner, by: "card", usesUp: found.isOneTimeUse, lockout, card: null };
}

function decidePin({ pin, holders }: Extract<Entry, { by: "pin" }>, door: Door, time: DoorTime): Decision {
  const { mode, lockout } = door;
  const deny = (why: DenialReason, owner: string | null, isGuess: boolean): Decision => ({
    do: "deny",
    why,
    owner,
    lockout: isGuess ? failed(lockout, time.now) : lockout,
    card: null,
  });
  if (mode === "card") return deny("not_taken_here", null, false);
  // While it lasts nothing is looked at, so that a right guess cannot be told from a wrong one.
  if (isLockedOut(lockout, time.now)) return deny("too_many_attempts", null, false);
  if (mode === "card_and_pin") {
    const { card } = door;
    if (card === null || time.now - card.at > CARD_PIN_MS) return deny("card_first", null, false);
    if (card.holder.pin !== pin) return deny("wrong_pin", card.holder.owner, true);
    // It may have been taken away since the card was held to the door.
    const obstacle = obstacleOf(card.holder, time);
    return obstacle === null ? openFor(card.holder, "card") : deny(obstacle, card.holder.owner, false);
  }
  const found = oneOf(holders, time);
  // A code that was good once is no guess.
  if (typeof found === "string") return deny(found, ownerOf(holders), found === "unknown");
  return openFor(found, "keycode");
}

function openFor({ owner, isOneTimeUse }: Holder, by: "keycode" | "card"): Decision {
  return { do: "open", owner, by, usesUp: isOneTimeUse, lockout: NO_LOCKOUT, card: null };
}

/** The one who may come in, or why nobody may. Two who both may are nobody: whose entry it was must be certain. */
function oneOf(holders: readonly Holder[], time: DoorTime): Holder | DenialReason {
  const able = holders.filter((holder) => obstacleOf(holder, time) === null);
  const [first, second] = able;
  if (second !== undefined) return "ambiguous";
  if (first !== undefined) return first;
  const obstacles = holders.flatMap((holder) => obstacleOf(holder, time) ?? []);
  return obstacles[0] ?? "unknown";
}

function obstacleOf({ isAllowed, startsAt, endsAt }: Holder, { now, ended }: DoorTime): DenialReason | null {
  if (!isAllowed) return "not_allowed";
  if (endsAt !== null && endsAt <= ended) return "expired";
  return startsAt !== null && now < startsAt ? "not_yet" : null;
}

/** Named only where there is no doubt whose it is. */
function ownerOf(holders: readonly Holder[]): string | null {
  return holders.length === 1 ? (holders[0]?.owner ?? null) : null;
}
