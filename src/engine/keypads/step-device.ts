import { settingsOf } from "#src/domain/observed-lock";
import { deviceSpec } from "#src/domain/spec";
import type { EngineDeps } from "../engine-deps.js";
import type { ObjectRow } from "../ports.js";
import type { EngineTransaction } from "../transaction.js";
import { happened, lockRow } from "./lock-facts.js";

/**
 * What is set on a lock takes effect. Where the document is not understood, or not ruled on, what was set before stays.
 * A lock that is not in the configuration keeps its settings for when it comes back.
 */
export function stepDevice(deps: EngineDeps, tx: EngineTransaction, row: ObjectRow): void {
  const { keypads, objects } = deps.store;
  const spec = deviceSpec.parse(row.spec);
  // A lock is known by its place in the configuration: forgotten settings may be set again under the same id.
  if (spec.state === "forgotten") objects.remove("device", row.id, tx.now, false);
  else objects.put(row);
  if (row.blocked !== null) return;
  const { observed, settings: before } = lockRow(deps, row.id);
  const settings = settingsOf(spec, before.createdAt);
  keypads.putLock(row.id, { observed, settings });
  const lock = deps.inventory.locks.find(({ id }) => id === row.id);
  if (lock !== undefined && settings.name !== before.name) {
    happened(tx, lock, "device.name_changed", { device_name: settings.name ?? lock.name });
  }
}
