import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import type { Engine, LocalDocument } from "#src/engine/engine";
import { bringsPin } from "#src/engine/pin-change";
import type { ActionAttempt } from "#src/engine/ports";
import { reserveRefusal, STORAGE_FULL } from "#src/engine/reserve";
import type { Cause } from "#src/engine/transaction";
import { missing } from "./fault.js";
import { type AttemptsModel, type Caller, SeamError } from "./model.js";
import { pageOf } from "./sections/pages.js";

/** Action attempts of the gateway, and how one is begun at an encoder. */
export function gatewayAttempts({ deps: { store } }: Engine): AttemptsModel {
  return {
    get(id) {
      const attempt = store.attempts.get(id);
      if (attempt === undefined) throw missing("action_attempt", id);
      return renderActionAttempt(attempt);
    },
    list({ ids, deviceId, ...paging }) {
      const attempts = store.attempts.list({
        limit: paging.limit + 1,
        ...(ids === undefined ? {} : { ids }),
        ...(deviceId === undefined ? {} : { deviceId }),
        ...(paging.after === undefined ? {} : { after: paging.after }),
      });
      return pageOf(attempts, paging, renderActionAttempt);
    },
  };
}

/** The journal's name for who asks. */
export function causeOf(by: Caller): Cause {
  return { opBy: by.name, ...(by.from === undefined ? {} : { origin: by.from }) };
}

/** Starts a job, or says in Seam's terms why there is none. */
export function startedJob(engine: Engine, request: Parameters<Engine["startJob"]>[0]): ActionAttempt {
  const started = engine.startJob(request);
  if (started.ok) return started.attempt;
  switch (started.why) {
    case "storage_full":
      throw nearlyFull();
    case "no_such_encoder":
      throw missing("acs_encoder", request.encoderId);
    case "no_such_credential":
      throw missing("acs_credential", request.credentialId ?? "");
    case "queue_full":
      throw new SeamError(
        429,
        "too_many_requests",
        "Eight jobs wait at this encoder already: try again when one is done.",
      );
  }
}

/** No key is made and no PIN is put on a lock without room to record it. */
function nearlyFull(): SeamError {
  return new SeamError(
    503,
    STORAGE_FULL,
    "The disk of the gateway is nearly full: no key is made and no PIN is set until some space is freed on it.",
  );
}

/** Throws `SeamError` 503 when one of the documents puts a PIN on a lock and there is no room to record it. */
export function checkRoom({ deps }: Engine, documents: readonly LocalDocument[]): void {
  const { objects } = deps.store;
  if (reserveRefusal(deps) === null) return;
  if (documents.some((next) => bringsPin(objects.get(next.kind, next.id), next))) throw nearlyFull();
}
