import type { Observed } from "#src/domain/observed";

/** What a gateway tells of a credential whose only card was made and read back at `at`. */
export function issuedObserved(at: number, change: Partial<Observed> = {}): Observed {
  return {
    rev: 1,
    generation: 1,
    state: "issued",
    isIssued: true,
    issuedAt: at,
    cardNumber: "77",
    isSynced: true,
    syncedAt: at,
    warnings: [],
    errors: [],
    liveCards: 1,
    cardsValidUntil: null,
    ...change,
  };
}
