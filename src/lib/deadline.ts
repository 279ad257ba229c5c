/** Time as the code sees it. Only `ops/clock.ts` touches the real one; tests hold a virtual one still. */
export interface Clock {
  /** Wall time, epoch milliseconds. May be wrong and may jump. */
  now(): number;
  /** Milliseconds that only ever rise, from an arbitrary start. Deadlines and durations use this one. */
  monotonic(): number;
  /** Calls `fire` once after `ms` milliseconds; the returned function cancels it. */
  startTimer(ms: number, fire: () => void): () => void;
}

export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  readonly parent: AbortSignal;
}

/** Runs `work` until it settles, `ms` pass, or `parent` aborts, whichever is first. Leaves no timer and no listener. */
export async function withDeadline<T>(
  { clock, ms, parent }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent.throwIfAborted();
  const scope = new AbortController();
  const { signal } = scope;
  const gaveUp = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
  gaveUp.catch(() => undefined);
  const onParentAbort = () => scope.abort(parent.reason);
  parent.addEventListener("abort", onParentAbort, { once: true });
  const cancelTimer = clock.startTimer(ms, () =>
    scope.abort(new DeadlineExceeded(`nothing within ${ms} ms`)),
  );
  try {
    return await Promise.race([work(signal), gaveUp]);
  } finally {
    cancelTimer();
    parent.removeEventListener("abort", onParentAbort);
  }
}

/** Resolves after `ms`, rejects with the signal's reason if it aborts first. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = () => {
      cancel();
      reject(signal.reason as Error);
    };
    const cancel = clock.startTimer(ms, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
