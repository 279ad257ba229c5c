import type { EngineDeps } from "./engine-deps.js";

/**
 * So much of the disk is kept for the record of what happens. Below it no key is made and no PIN is put on a lock: a
 * key without a record could be neither revoked nor explained. What is under way is still recorded to its end, and what
 * takes away is always done.
 */
export const RESERVE_BYTES = 64 * 1024 * 1024;

/** The stable code, in errors and in docs/errors.md. */
export const STORAGE_FULL = "storage_full";

/** Why no key may be made now; null: one may. A disk that cannot be asked keeps nobody from working. */
export function reserveRefusal({ freeBytes }: Pick<EngineDeps, "freeBytes">): string | null {
  const free = freeBytes?.() ?? null;
  if (free === null || free >= RESERVE_BYTES) return null;
  const freeMb = Math.floor(free / 1024 / 1024);
  return `the disk has ${freeMb} MB left, and 64 MB are kept for the record of what happens: free some space on it, then encode again [${STORAGE_FULL}]`;
}

/** The same of what waits for room by itself. No figure in it changes, or the record would grow with each look at it. */
export function shortageOf(deps: Pick<EngineDeps, "freeBytes">): string | null {
  if (reserveRefusal(deps) === null) return null;
  return "the gateway's disk has less than 64 MB left, which are kept for the record of what happens: free some space on it";
}
