import type { CloudLink } from "#src/cloud/link";
import type { Engine } from "#src/engine/engine";
import type { Retention } from "#src/engine/ports";
import type { Log } from "#src/lib/log";
import type { FlooredTime } from "#src/ops/time-source";
import { StoreError } from "#src/store/store-error";

export interface Upkeep {
  readonly link: Pick<CloudLink, "status"> | null;
  readonly time: Pick<FlooredTime, "read" | "tick" | "persist">;
  readonly log: Log;
  readonly retention: Retention;
  /** Looks at the health of every part. */
  readonly look: () => void;
  /** Is told of every turn. */
  readonly heard: () => void;
}

const TURN_EVERY_MS = 5_000;
/** What grew old since the last look is little. */
const PRUNE_EVERY_MS = 60_000;

/**
 * What must happen now and then: the clock's floor is kept and its jumps are told, what has surely ended is stepped,
 * the time without the cloud is counted, what need not be kept any more is removed. The returned function ends it.
 */
export function keepUp(engine: Engine, upkeep: Upkeep): () => void {
  const { clock } = engine.deps;
  const { store } = engine.deps;
  const { time, log, retention, look, heard } = upkeep;
  let cancel = (): void => undefined;
  let pruneAt = -Infinity;
  const prune = (): void => {
    if (clock.monotonic() < pruneAt) return;
    // As long as there is more to remove, every turn removes some.
    if (store.prune(retention, time.read().certain) === 0) pruneAt = clock.monotonic() + PRUNE_EVERY_MS;
  };
  const turn = (): void => {
    const hasMore = unlessDiskFull(log, () => workOnce(engine, upkeep)) ?? false;
    unlessDiskFull(log, prune);
    look();
    heard();
    cancel = clock.startTimer(hasMore ? 0 : TURN_EVERY_MS, turn);
  };
  turn();
  return () => {
    cancel();
    unlessDiskFull(log, () => time.persist());
  };
}

/** Answers whether more is due already: thousands of credentials may end at one check-out hour. */
function workOnce(engine: Engine, { link, time, log }: Upkeep): boolean {
  const jumpedByMs = time.tick();
  if (jumpedByMs !== null) {
    log.warn({ event: "clock.jumped", by_ms: jumpedByMs }, "the wall clock jumped");
    engine.clockJumped(jumpedByMs);
  }
  if (link !== null) {
    const { phase, ackedSeq, lastSeq } = link.status();
    engine.offlineWork.setOnline(phase === "welcomed");
    if (ackedSeq === lastSeq) engine.offlineWork.accountedFor();
  }
  engine.keypads.turn();
  const nextAt = engine.wake();
  return nextAt !== null && nextAt <= time.read().certain;
}

/** A full disk heals when somebody frees space, and until then the next turn tries again. Anything else is thrown. */
function unlessDiskFull<T>(log: Log, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "disk_full") throw error;
    log.error({ event: "upkeep.failed", reason: error.message }, "the upkeep could not be stored");
    return undefined;
  }
}
