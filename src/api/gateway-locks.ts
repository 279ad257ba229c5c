import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import type { Engine } from "#src/engine/engine";
import { lockRow } from "#src/engine/keypads/lock-facts";
import { takenPins } from "#src/engine/keypads/lock-rules";
import { startBolt } from "#src/engine/keypads/turn-bolt";
import type { ActionAttempt } from "#src/engine/ports";
import type { EngineTransaction } from "#src/engine/transaction";
import { uuidV7 } from "#src/lib/uuid";
import { causeOf, checkRoom } from "./gateway-attempts.js";
import type { CodeWork, SiteLocks } from "./sections/site-locks.js";

/** The gateway's locks: what they said, what is set on them, and what is asked of them. */
export function gatewayLocks(engine: Engine): SiteLocks {
  const { deps } = engine;
  const { store } = deps;
  return {
    observed: (id) => store.keypads.lock(id)?.observed ?? null,
    settings: (id) => lockRow(deps, id).settings,
    codesOn: (id) => takenPins(deps, id),
    carryOut(works, by, what) {
      const documents = works.flatMap((work) => work.documents);
      checkRoom(engine, documents);
      const ids = engine.localChanges(documents, causeOf(by), what, (tx) =>
        works.map((work) => beginAttempt(engine, tx, work)),
      );
      return (ids ?? []).map((id) => renderActionAttempt(attemptOf(engine, id)));
    },
    turnBolt: (lockId, act, by) =>
      renderActionAttempt(startBolt(engine, { lockId, act, cause: causeOf(by) })),
  };
}

/**
 * Stores the attempt of what is asked for in this transaction: it waits for the lock, or ends because there is nothing
 * to wait for. Returns its id.
 */
function beginAttempt(engine: Engine, tx: EngineTransaction, work: CodeWork): string {
  const { store } = engine.deps;
  const attempt = newAttempt(engine, work);
  store.attempts.create(attempt);
  const row = store.objects.get("access_code", work.codeId);
  const observed = store.keypads.life(work.codeId)?.observed;
  const [error] = observed?.errors ?? [];
  if (row === undefined || row.gone) tx.finishAttempt(attempt.id, DONE);
  else if (error !== undefined) {
    const { code: type, message } = error;
    tx.finishAttempt(attempt.id, { status: "error", result: null, error: { type, message } });
  } else if (observed?.status !== "setting" && observed?.status !== "removing") {
    tx.finishAttempt(attempt.id, DONE);
  }
  return attempt.id;
}

function attemptOf({ deps: { store } }: Engine, id: string): ActionAttempt {
  const attempt = store.attempts.get(id);
  if (attempt === undefined) throw new Error("an attempt that was just stored is gone");
  return attempt;
}

const DONE = { status: "success", result: {}, error: null } as const;

function newAttempt({ deps: { time, random } }: Engine, work: CodeWork): ActionAttempt {
  const { now } = time.read();
  return {
    id: uuidV7(now, random(10)),
    actionType: work.actionType,
    status: "pending",
    result: null,
    error: null,
    credentialId: null,
    encoderId: null,
    deviceId: work.lockId,
    accessCodeId: work.codeId,
    isCommand: false,
    createdAt: now,
    finishedAt: null,
  };
}
