import type { Holder } from "#src/domain/doors/decide";

const KEPT_MS = 24 * 3_600_000;
const CODES_MAX = 500;

/**
 * Access codes that are gone because their time was over: whoever comes late is told so, and is no guesser. Kept for a
 * day, in memory alone, as keyed hashes; beyond `CODES_MAX` of one lock the oldest go.
 */
export class EndedCodes {
  readonly #byLock = new Map<string, Map<string, Holder>>();

  /** `holder` without a PIN or an end is nobody who could come late. */
  add(lockId: string, holder: Holder): void {
    const { pin } = holder;
    if (pin === null || holder.endsAt === null) return;
    const codes = this.#byLock.get(lockId) ?? new Map<string, Holder>();
    codes.delete(pin);
    codes.set(pin, holder);
    const [oldest] = codes.keys();
    if (codes.size > CODES_MAX && oldest !== undefined) codes.delete(oldest);
    this.#byLock.set(lockId, codes);
  }

  /** Whose PIN it was until lately; undefined: nobody's that is known. */
  find(lockId: string, pin: string, now: number): Holder | undefined {
    const codes = this.#byLock.get(lockId);
    const holder = codes?.get(pin);
    if (holder?.endsAt == null || now - holder.endsAt <= KEPT_MS) return holder;
    codes?.delete(pin);
    return undefined;
  }
}
