import { DriverError } from "#driver-api";
import { uuidV7 } from "#src/lib/uuid";
import { ACTION_TYPES } from "../action-types.js";
import type { Engine } from "../engine.js";
import type { ActionAttempt } from "../ports.js";
import type { Cause } from "../transaction.js";

/**
 * Locks or unlocks from afar. The attempt is durable when this returns, and ends with what the lock says: within the
 * limit of a job, or of `lifeMs` where the asker has less time.
 */
export function startBolt(
  engine: Engine,
  {
    lockId,
    act,
    cause,
    commandId,
    lifeMs = Infinity,
  }: {
    readonly lockId: string;
    readonly act: "lock_door" | "unlock_door";
    readonly cause: Cause;
    readonly commandId?: string;
    readonly lifeMs?: number;
  },
): ActionAttempt {
  const { store, limits, clock, time, random } = engine.deps;
  const { now } = time.read();
  const attempt: ActionAttempt = {
    id: commandId ?? uuidV7(now, random(10)),
    actionType: ACTION_TYPES[act],
    status: "pending",
    result: null,
    error: null,
    credentialId: null,
    encoderId: null,
    deviceId: lockId,
    isCommand: commandId !== undefined,
    createdAt: now,
    finishedAt: null,
  };
  engine.transact(cause, (tx) => {
    store.attempts.create(attempt);
    tx.audit(act === "lock_door" ? "locks a door" : "unlocks a door", lockId);
  });
  const control = new AbortController();
  const tooLong = new DriverError("device.silent", "unknown", "the lock took too long");
  const stop = clock.startTimer(Math.min(limits.jobMs, lifeMs), () => control.abort(tooLong));
  const end = (outcome: Pick<ActionAttempt, "status" | "result" | "error">): void => {
    stop();
    engine.transact(cause, (tx) => tx.finishAttempt(attempt.id, outcome));
  };
  const done = engine.keypads.turnBolt(lockId, act === "lock_door" ? "lock" : "unlock", control.signal);
  void done.then(
    () => end({ status: "success", result: { was_confirmed_by_device: true }, error: null }),
    (error: unknown) => end({ status: "error", result: null, error: errorOf(error) }),
  );
  return attempt;
}

function errorOf(error: unknown): { readonly type: string; readonly message: string } {
  const message = error instanceof Error ? error.message : "the lock did not do it";
  const isAway = error instanceof DriverError && error.code === "device.lost";
  return { type: isAway ? "device_offline" : "uncategorized_error", message };
}
