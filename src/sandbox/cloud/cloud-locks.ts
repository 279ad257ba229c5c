import { ALL, type SiteObjects } from "#src/api/sections/site-objects";
import type { SiteLocks } from "#src/api/sections/site-locks";
import { renderActionAttempt } from "#src/domain/seam/action-attempt";
import { settingsOf, unsetLock } from "#src/domain/observed-lock";
import { acsCredentialSpec, deviceSpec } from "#src/domain/spec";
import type { CloudSite } from "./site.js";

/** The cloud's locks: wishes for codes go into the feed, what is done at once goes down as a command. */
export function cloudLocks(site: CloudSite, objects: SiteObjects): SiteLocks {
  return {
    observed: (id) => site.locks.observed(id),
    settings(id) {
      const seenAt = site.inventory.createdAt(id);
      const object = site.feed.get("device", id);
      return object === undefined ? unsetLock(seenAt) : settingsOf(deviceSpec.parse(object.spec), seenAt);
    },
    codesOn(lockId) {
      const codes = objects
        .list("access_code", { systemId: lockId, limit: ALL })
        .flatMap(({ id, code, spec }) =>
          code === null ? [] : [{ id, digits: code.reveal(), isManaged: spec["is_managed"] !== false }],
        );
      return [...codes, ...credentialCodes(objects, lockId)];
    },
    carryOut(works, by, what) {
      return site.transact(() => {
        objects.change(
          works.flatMap(({ documents }) => documents),
          by,
          what,
        );
        return works.map(({ actionType, lockId, codeId }) =>
          renderActionAttempt(
            site.commands.create(
              {
                id: site.newId(),
                actionType,
                order: null,
                needsRev: site.feed.get("access_code", codeId)?.rev ?? 0,
                by: by.name,
                deviceId: lockId,
                accessCodeId: codeId,
              },
              site.clock.now(),
            ),
          ),
        );
      });
    },
    turnBolt: (lockId, to, by) =>
      renderActionAttempt(site.order({ act: to, target: { device_id: lockId } }, by.name, lockId)),
  };
}

/** PINs of credentials that open an entrance of this lock. */
function credentialCodes(objects: SiteObjects, lockId: string) {
  const { locks, entrances } = objects.inventory();
  const unit = locks.find(({ id }) => id === lockId)?.unit;
  return entrances
    .filter(({ keypad }) => keypad !== null && keypad === unit)
    .flatMap(({ id }) =>
      objects.list("acs_credential", {
        holds: { list: "allowed_acs_entrance_ids", member: id },
        limit: ALL,
      }),
    )
    .flatMap(({ id, code, spec }) =>
      code === null || acsCredentialSpec.parse(spec).access_method !== "code"
        ? []
        : [{ id, digits: code.reveal(), isManaged: true }],
    );
}
