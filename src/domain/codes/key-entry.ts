import { Secret } from "#src/lib/secret";

/**
 * Keys of a keypad until they are a PIN. Some keypads tell each key as it is pressed, others the whole entry; `#` ends
 * one, `*` begins anew. Without `#` an entry of four digits and more that comes in one piece is whole.
 */
export interface KeyEntry {
  readonly digits: Secret<string>;
  /** Monotonic, milliseconds. */
  readonly at: number;
}

/** Between two keys of one entry. */
const PAUSE_MAX_MS = 10_000;
/** Longer entries are nobody's PIN: what comes after is left out. */
const DIGITS_MAX = 12;
const WHOLE_MIN = 4;

export function pressed(
  before: KeyEntry | null,
  keys: Secret<string>,
  at: number,
): { readonly entry: KeyEntry | null; readonly pin: Secret<string> | null } {
  const isFresh = before === null || at - before.at > PAUSE_MAX_MS;
  let digits = isFresh ? "" : before.digits.reveal();
  const chunk = keys.reveal();
  const isWhole = digits === "" && /^\d+$/.test(chunk) && chunk.length >= WHOLE_MIN;
  if (isWhole) return { entry: null, pin: new Secret(chunk.slice(0, DIGITS_MAX)) };
  for (const key of chunk) {
    if (key === "#") return { entry: null, pin: digits === "" ? null : new Secret(digits) };
    if (key === "*") digits = "";
    else if (/\d/.test(key) && digits.length < DIGITS_MAX) digits += key;
  }
  return { entry: digits === "" ? null : { digits: new Secret(digits), at }, pin: null };
}
