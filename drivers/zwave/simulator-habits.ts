/** What a simulated lock does otherwise than the specification says. May be changed at any time. */
export interface Habits {
  /** It says yes to every code and stores none. */
  lies: boolean;
  /** It answers an order about a code with a plain no and stores none: what it dislikes it does not say. */
  isMute: boolean;
  /** It shows asterisks instead of codes. */
  masks: boolean;
  /** A code that another slot has is dropped without a word. */
  dropsDuplicates: boolean;
  /** It tells of such a code by event 15. */
  tellsDuplicates: boolean;
  /** It stores a code so much later than it should, in milliseconds. */
  storesLateMs: number;
  /** A code that is removed stays. */
  keepsCodes: boolean;
  /** A code that is written stays disabled. */
  disables: boolean;
  /** A lock with users tells its lifeline of our own orders too, besides answering them. */
  echoes: boolean;
  /** Its events name no slot. */
  omitsSlot: boolean;
  /** The bolt does not move; `jams`: and it says so. */
  isStuck: boolean;
  jams: boolean;
  /** It says yes to windows and keeps none. */
  dropsWindows: boolean;
  /** Its clock cannot be set. */
  ignoresClock: boolean;
  /** It does not answer when it is asked for a code. */
  hidesSlots: boolean;
  /** It does not answer when it is asked how many slots it has. */
  hidesNumber: boolean;
  /** It cannot be asked what it is. */
  hidesItself: boolean;
}

export const GOOD_HABITS: Readonly<Habits> = {
  lies: false,
  isMute: false,
  masks: false,
  dropsDuplicates: false,
  tellsDuplicates: false,
  storesLateMs: 0,
  keepsCodes: false,
  disables: false,
  echoes: false,
  omitsSlot: false,
  isStuck: false,
  jams: false,
  dropsWindows: false,
  ignoresClock: false,
  hidesSlots: false,
  hidesNumber: false,
  hidesItself: false,
};
