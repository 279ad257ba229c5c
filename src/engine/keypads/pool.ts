import type { InventoryLock } from "#src/domain/inventory";
import { isoInstant } from "#src/domain/seam/instant";
import { generatePin } from "#src/domain/seam/pin";
import { accessCodeSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { uuidV7 } from "#src/lib/uuid";
import type { EngineDeps } from "../engine-deps.js";
import { reserveRefusal } from "../reserve.js";
import { lockFactsOf, takenPins } from "./lock-rules.js";
import type { CodeDocument } from "./unmanaged.js";

/** Far more codes than a lock has slots. */
const CODES_MAX = 2_000;

/** Backup codes to be made so that the pool of the lock is full, or taken away where it is switched off. */
export function poolChanges(deps: EngineDeps, lock: InventoryLock): readonly CodeDocument[] {
  const { store, time, random } = deps;
  const codes = store.objects.list("access_code", { systemId: lock.id, limit: CODES_MAX });
  const pool = codes.filter(({ spec }) => spec["is_backup"] === true && spec["state"] === "active");
  if (store.keypads.lock(lock.id)?.settings.isPoolEnabled !== true) {
    return pool.map(({ id, spec }) => ({
      kind: "access_code",
      id,
      spec: { ...spec, state: "deleted" },
      code: null,
    }));
  }
  const ready = pool.length;
  const missing = lock.backupCodes - ready;
  if (missing <= 0 || reserveRefusal(deps) !== null) return [];
  const facts = lockFactsOf(deps, lock);
  if (!facts.canProgramCodes) return [];
  const taken = new Set(takenPins(deps, lock.id).map(({ digits }) => digits));
  const now = time.read().now;
  const documents: CodeDocument[] = [];
  for (let index = 0; index < missing; index++) {
    const code = generatePin([facts], { taken, random });
    if (code === undefined) break;
    taken.add(code.reveal());
    const id = uuidV7(now, random(10));
    const spec = accessCodeSpec.parse({
      access_code_id: id,
      device_id: lock.id,
      name: `Backup ${ready + index + 1} (Seam)`,
      is_backup: true,
      has_code: true,
      state: "active",
      created_at: isoInstant(now),
    });
    documents.push({ kind: "access_code", id, spec: JSON.parse(JSON.stringify(spec)) as JsonObject, code });
  }
  return documents;
}
