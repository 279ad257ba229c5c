import type { InventoryLock } from "#src/domain/inventory";
import type { CodeOnLock, LockFacts } from "#src/domain/seam/lock-facts";
import { lockFacts } from "#src/domain/seam/device";
import { acsCredentialSpec } from "#src/domain/spec";
import type { EngineDeps } from "../engine-deps.js";
import { isGoneState } from "../gone-state.js";
import type { ObjectRow } from "../ports.js";
import { lockRow } from "./lock-facts.js";

/** What the rules for access codes need to know of a lock. A lock that was never seen takes none. */
export function lockFactsOf(deps: EngineDeps, lock: InventoryLock): LockFacts {
  const { observed, settings } = lockRow(deps, lock.id);
  return lockFacts({ lock, observed, settings, inventory: deps.inventory, isSandbox: false });
}

/** Far more codes than a lock has slots. */
const CODES_MAX = 2_000;

/** PINs that are on the lock or wanted there, now or later, PIN credentials of its entrances included. */
export function takenPins(deps: EngineDeps, lockId: string): readonly CodeOnLock[] {
  const codes = deps.store.objects
    .list("access_code", { systemId: lockId, limit: CODES_MAX })
    .flatMap(({ id, code, spec }): CodeOnLock[] =>
      code === null ? [] : [{ id, digits: code.reveal(), isManaged: spec["is_managed"] !== false }],
    );
  const credentials = new Map<string, CodeOnLock>();
  for (const row of [...wishedCredentials(deps, lockId), ...credentialsOfDoors(deps, lockId)]) {
    const spec = acsCredentialSpec.safeParse(row.spec).data;
    if (row.code === null || spec?.access_method !== "code" || isGoneState(spec.state)) continue;
    credentials.set(row.id, { id: row.id, digits: row.code.reveal(), isManaged: true });
  }
  return [...codes, ...credentials.values()];
}

/** Those that are wanted on the lock now, through their user and the user's groups too. */
function wishedCredentials({ store }: EngineDeps, lockId: string): readonly ObjectRow[] {
  return store.keypads.wishes(lockId).flatMap(({ kind, id }) => {
    const row = kind === "acs_credential" ? store.objects.get(kind, id) : undefined;
    return row === undefined ? [] : [row];
  });
}

/** Those that name an entrance of the lock, also for later. */
function credentialsOfDoors({ store, inventory }: EngineDeps, lockId: string): readonly ObjectRow[] {
  const unit = inventory.locks.find(({ id }) => id === lockId)?.unit;
  return inventory.entrances
    .filter(({ keypad }) => keypad !== null && keypad === unit)
    .flatMap(({ id: member }) =>
      store.objects.list("acs_credential", {
        holds: { list: "allowed_acs_entrance_ids", member },
        limit: CODES_MAX,
      }),
    );
}
