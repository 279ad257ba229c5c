import { expect, test } from "vitest";
import { unblock } from "./desired.js";
import { EngineRig, SITE } from "#test/support/engine-rig";

const A = "eeeeeeee-0000-4000-8000-00000000000a";

/** The cloud wants something of A that this release does not understand. */
function feedUnreadable(rig: EngineRig, rev: number): void {
  const item = {
    epoch: 1,
    rev,
    kind: "acs_credential",
    id: A,
    raw: Buffer.from("{}"),
    code: "item.malformed",
  };
  const cursor = { epoch: { n: 1, id: "e" }, rev };
  rig.engine.storePage([], [{ ...item, message: "spec: not as agreed" }], cursor, 0);
}

test("an item that is not understood may be a revocation: no card is made until a newer one is understood", async () => {
  const rig = await new EngineRig().ready();
  rig.feedUser();
  rig.feedCredential(A, { acs_user_id: SITE.user });
  feedUnreadable(rig, 3);
  expect(rig.row(A).blocked).toBe("item.malformed");
  // A step of the same object for another reason does not make it understood.
  rig.feedUser({ full_name: "Ada Lovelace" });
  rig.put();
  const refused = await rig.job("encode", A);
  expect(refused.error?.message).toMatch(/cannot be made yet: .*not understood.*the card was not changed/);
  expect(rig.simulator.changes).toBe(0);
  rig.engine.storePage([], [], { epoch: { n: 1, id: "e" }, rev: 9 }, 0);
  for (let rev = 0; rev < 9; rev++) rig.feedUser();
  rig.feedCredential(A);
  expect(rig.row(A).blocked).toBeNull();
  expect((await rig.job("encode", A)).status).toBe("success");
});

test("a change at the desk does not make an item of the cloud understood", async () => {
  const rig = await new EngineRig({ offline: { ms: 1, keys: 1 } }).ready();
  rig.feedCredential(A);
  feedUnreadable(rig, 2);
  const spec = { ...rig.row(A).spec, ends_at: "2026-12-01T11:00:00.000Z" };
  rig.engine.localChange({ kind: "acs_credential", id: A, spec, code: null }, {}, "updated");
  expect(rig.row(A)).toMatchObject({ blocked: "item.malformed", spec });
});

test("what was revoked and forgotten does not come back under its id", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  rig.feedCredential(A, { state: "forgotten" });
  expect(rig.store.objects.get("acs_credential", A)).toBeUndefined();
  rig.feedCredential(A);
  expect(rig.store.objects.get("acs_credential", A)).toBeUndefined();
  expect(rig.journal().at(-1)).toBe("revocation_reasserted");
});

test("apps hear of a new user once", async () => {
  const rig = await new EngineRig().ready();
  rig.feedUser();
  rig.feedUser({ full_name: "Ada Lovelace" });
  expect(rig.events()).toEqual(["acs_user.created"]);
});

test("everything that waits is marked, however much it is", () => {
  const rig = new EngineRig();
  rig.feedCredential(A, { acs_user_id: SITE.user });
  const reason = `missing:${SITE.user}`;
  rig.store.transaction(() => {
    for (let n = 0; n < 1_200; n++)
      rig.store.objects.put({ ...rig.row(A), id: `${A}-${n}`, cardCredentialId: null });
    unblock(rig.engine.deps, reason);
  });
  expect(rig.store.objects.blocked(reason, 9_999)).toEqual([]);
  expect(rig.store.objects.dirty(9_999)).toHaveLength(1_201);
});
