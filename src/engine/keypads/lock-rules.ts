import type { InventoryLock } from "#src/domain/inventory";
import type { CodeOnLock, LockFacts } from "#src/domain/seam/lock-facts";
import { lockFacts } from "#src/domain/seam/device";
import { acsCredentialSpec } from "#src/domain/spec";
import type { EngineDeps } from "../engine-deps.js";
import { isGoneState } from "../gone-state.js";
import { lockRow } from "./lock-facts.js";

/** What the rules for access codes need to know of a lock. A lock that was never seen takes none. */
export function lockFactsOf(deps: EngineDeps, lock: InventoryLock): LockFacts {
  const { observed, settings } = lockRow(deps, lock.id);
  return lockFacts({ lock, observed, settings, inventory: deps.inventory, isSandbox: false });
}

/** Far more codes than a lock has slots. */
const CODES_MAX = 2_000;

/** PINs that are on the lock or wanted there, now or later, PIN credentials of its entrances included. */
export function takenPins({ store }: EngineDeps, lockId: string): readonly CodeOnLock[] {
  const codes = store.objects
    .list("access_code", { systemId: lockId, limit: CODES_MAX })
    .flatMap(({ id, code, spec }): CodeOnLock[] =>
      code === null ? [] : [{ id, digits: code.reveal(), isManaged: spec["is_managed"] !== false }],
    );
  const credentials = store.keypads.wishes(lockId).flatMap(({ kind, id }): CodeOnLock[] => {
    if (kind !== "acs_credential") return [];
    const row = store.objects.get(kind, id);
    if (row?.code == null || isGoneState(acsCredentialSpec.safeParse(row.spec).data?.state)) return [];
    return [{ id, digits: row.code.reveal(), isManaged: true }];
  });
  return [...codes, ...credentials];
}
