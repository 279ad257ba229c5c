import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { EngineRig, SITE } from "#test/support/engine-rig";
import { Engine } from "./engine.js";

const A = "eeeeeeee-0000-4000-8000-00000000000a";

function startAgain(rig: EngineRig, offline: { ms: number; keys: number } | null): void {
  rig.engine = new Engine({ ...rig.engine.deps, offline });
  rig.engine.recover();
}

const told = (rig: EngineRig) =>
  rig.store.journal
    .read(1, 1_000)
    .flatMap(({ seq, event }) => (event.k === "local_change" ? [{ seq, event }] : []));

test("a cloud that is added later is told of everything once, with its PIN, and rules on it", async () => {
  const rig = await new EngineRig().ready();
  const spec = {
    acs_credential_id: A,
    acs_system_id: SITE.system,
    acs_user_id: null,
    access_method: "card",
    allowed_acs_entrance_ids: [SITE.room101],
    starts_at: null,
    ends_at: "2026-11-30T11:00:00.000Z",
    is_one_time_use: false,
    has_code: true,
    state: "active",
    created_at: "2026-11-22T10:00:00.000Z",
  };
  rig.feedUser();
  rig.engine.localChange({ kind: "acs_credential", id: A, spec, code: new Secret("4711") }, {}, "made");
  expect(told(rig)).toEqual([]);
  expect(rig.row(A).provisional).toBeNull();

  startAgain(rig, { ms: 1, keys: 1 });
  const [credential, user] = told(rig);
  expect(credential).toMatchObject({ event: { id: A, data: { base_object_rev: 0, spec } } });
  expect(user).toMatchObject({ event: { id: SITE.user, data: { base_object_rev: 1, base_epoch: 1 } } });
  const ref = credential?.event.data.code_ref ?? "";
  expect(rig.store.journal.secret(ref)?.reveal()).toBe("4711");
  expect(rig.row(A)).toMatchObject({ provisional: credential?.seq, blocked: null });
  startAgain(rig, { ms: 1, keys: 1 });
  expect(told(rig)).toHaveLength(2);
});

test("a site that always had its cloud tells nothing twice", async () => {
  const rig = await new EngineRig({ offline: { ms: 1, keys: 1 } }).ready();
  rig.feedCredential(A);
  startAgain(rig, { ms: 1, keys: 1 });
  expect(told(rig)).toEqual([]);
});
