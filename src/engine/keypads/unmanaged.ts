import { isoInstant } from "#src/domain/seam/instant";
import { type AccessCodeSpec, accessCodeSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import { uuidV7 } from "#src/lib/uuid";
import type { EngineDeps } from "../engine-deps.js";
import type { LockSlot } from "../ports.js";

/** A change of a document, as the engine takes it from the site. */
export interface CodeDocument {
  readonly kind: "access_code";
  readonly id: string;
  readonly spec: JsonObject;
  readonly code: Secret<string> | null;
}

/**
 * What has to change in the documents so that every code that somebody else put on the lock has one, and only those.
 * `pins`: what was read lately, by slot. With each document comes the slot that it stands for.
 */
export function unmanagedChanges(
  deps: EngineDeps,
  lockId: string,
  pins: ReadonlyMap<number, Secret<string>>,
): readonly { readonly document: CodeDocument; readonly place: LockSlot }[] {
  const { keypads, objects } = deps.store;
  return keypads.slots(lockId).flatMap((place) => {
    const { slot, unmanagedId } = place;
    if (slot.owner !== null || slot.isStale || slot.found === null) return [];
    if (slot.found.is === "empty") {
      const row = unmanagedId === null ? undefined : objects.get("access_code", unmanagedId);
      if (row === undefined) return [];
      const document = {
        kind: "access_code",
        id: row.id,
        spec: { ...row.spec, state: "deleted" },
        code: null,
      } as const;
      return [{ document, place }];
    }
    const code = pins.get(slot.slot) ?? null;
    const row = unmanagedId === null ? undefined : objects.get("access_code", unmanagedId);
    if (row !== undefined && !row.gone) {
      const isOther = code !== null && (row.code === null || keypads.pinOf(row.code) !== keypads.pinOf(code));
      if (!isOther) return [];
      const spec = { ...row.spec, has_code: true };
      return [{ document: { kind: "access_code", id: row.id, spec, code } as const, place }];
    }
    if (slot.found.is === "code" && code === null) return [];
    return [{ document: newDocument(deps, place, code), place }];
  });
}

function newDocument(
  { time, random }: EngineDeps,
  { lockId, slot }: LockSlot,
  code: Secret<string> | null,
): CodeDocument {
  const now = time.read().now;
  const id = uuidV7(now, random(10));
  const spec: AccessCodeSpec = accessCodeSpec.parse({
    access_code_id: id,
    device_id: lockId,
    name: `Slot ${slot.slot}`,
    is_managed: false,
    has_code: code !== null,
    state: "active",
    created_at: isoInstant(now),
  });
  return { kind: "access_code", id, spec: JSON.parse(JSON.stringify(spec)) as JsonObject, code };
}
