/**
 * What is typed becomes whole entries: nothing on the wire says where a PIN ends. An entry ends with `#`, with the
 * configured number of digits, or with a pause; `*` clears it.
 */
export interface Entry {
  readonly keys: string;
  /** Of the last key, in monotonic milliseconds. */
  readonly at: number;
}

export interface EntryRules {
  /** An entry of so many keys is complete without `#`; null: none is. */
  readonly digits: number | null;
  readonly pauseMs: number;
}

export const NOTHING_TYPED: Entry = { keys: "", at: 0 };

/** Longer than any PIN. More keys are not kept, so that such an entry still is none of the codes. */
const KEYS_MAX = 32;

/** `ended` are the entries that these keys complete, in order. */
export function press(
  entry: Entry,
  keys: string,
  at: number,
  rules: EntryRules,
): { readonly entry: Entry; readonly ended: readonly string[] } {
  const ended: string[] = [];
  let typed = entry.keys;
  const end = () => {
    if (typed !== "") ended.push(typed);
    typed = "";
  };
  if (isOver(entry, at, rules)) end();
  for (const key of keys) {
    if (key === "*") typed = "";
    else if (key === "#") end();
    else {
      if (typed.length <= KEYS_MAX) typed += key;
      if (typed.length === rules.digits) end();
    }
  }
  return { entry: { keys: typed, at }, ended };
}

/** Somebody began an entry and paused for so long that it counts as ended. */
export function isOver({ keys, at }: Entry, now: number, { pauseMs }: EntryRules): boolean {
  return keys !== "" && now - at >= pauseMs;
}
