import type { Store } from "#src/engine/ports";
import type { Clock } from "#src/lib/deadline";
import { StoreError } from "#src/store/store-error";

/** Watches a part of the gateway: its loop calls what is returned at every turn, at least every `silenceMaxMs`. */
export type WatchPart = (name: string, silenceMaxMs: number) => () => void;

/** Each part may miss a turn or two: the machine may be busy. */
export const ENGINE_SILENCE_MAX_MS = 30_000;
/** A supervisor turns at least when an opening has failed and when its wait before the next has ended. */
export const DEVICE_SILENCE_MAX_MS = 60_000;
const PROVE_EVERY_MS = 30_000;
const STORE_SILENCE_MAX_MS = 75_000;

const ALIVE_AT = "alive_at";

/**
 * Writes a row and reads it back now and then: only that shows that disk, file and connection still do what they
 * say. A full disk counts as an answer, since a new start would not empty it.
 */
export function watchStore(
  meta: Store["meta"],
  { clock, watch }: { readonly clock: Clock; readonly watch: WatchPart },
): () => void {
  const heard = watch("store", STORE_SILENCE_MAX_MS);
  let cancel = (): void => undefined;
  const turn = (): void => {
    if (doesAnswer(meta, clock.now())) heard();
    cancel = clock.startTimer(PROVE_EVERY_MS, turn);
  };
  turn();
  return () => cancel();
}

function doesAnswer(meta: Store["meta"], at: number): boolean {
  try {
    meta.set(ALIVE_AT, at);
    return meta.get(ALIVE_AT) === at;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return error.code === "disk_full";
  }
}
