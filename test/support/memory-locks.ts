import type { SiteLocks } from "#src/api/sections/site-locks";
import { ALL } from "#src/api/sections/site-objects";
import { settingsOf, unsetLock } from "#src/domain/observed-lock";
import { deviceSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { MemoryObjects } from "./memory-objects.js";

/** Locks in memory that do at once whatever they are told, for tests of the route layer. */
export function memoryLocks(objects: MemoryObjects, finished: (actionType: string) => JsonObject): SiteLocks {
  const createdAt = objects.now();
  return {
    observed: () => ({
      online: true,
      locked: true,
      doorOpen: null,
      battery: 0.8,
      keypad: { codes: "on_device", slots: 10, codeLengths: [4, 5, 6], canLock: true, hasSchedule: false },
      model: "LBR-1",
      errors: [],
      warnings: [],
    }),
    settings(id) {
      const object = objects.get("device", id);
      return object === undefined
        ? unsetLock(createdAt)
        : settingsOf(deviceSpec.parse(object.spec), createdAt);
    },
    codesOn: (lockId) =>
      objects
        .list("access_code", { systemId: lockId, limit: ALL })
        .flatMap(({ id, code, spec }) =>
          code === null ? [] : [{ id, digits: code.reveal(), isManaged: spec["is_managed"] !== false }],
        ),
    carryOut(works, by, what) {
      objects.change(
        works.flatMap(({ documents }) => documents),
        by,
        what,
      );
      return works.map(({ actionType }) => finished(actionType));
    },
    turnBolt: (_, to) => finished(to === "lock_door" ? "LOCK_DOOR" : "UNLOCK_DOOR"),
  };
}
