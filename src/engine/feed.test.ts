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

test("a ruling on an earlier change of the desk does not overwrite a later one, its own does", async () => {
  const rig = await new EngineRig({ offline: { ms: 1, keys: 1 } }).ready();
  const at = (day: number) => `2026-12-0${day}T11:00:00.000Z`;
  rig.feedCredential(A);
  const spec = rig.row(A).spec;
  const change = (ends_at: string): number => {
    rig.engine.localChange(
      { kind: "acs_credential", id: A, spec: { ...spec, ends_at }, code: null },
      {},
      "u",
    );
    return rig.row(A).provisional ?? 0;
  };
  const rule = (rev: number, ends_at: string, verdict: "adopted" | "refused", ruledUpTo: number): void => {
    const document = { kind: "acs_credential", id: A, epoch: 1, rev, spec: { ...spec, ends_at } } as const;
    const cursor = { epoch: { n: 1, id: "e" }, rev };
    rig.engine.storePage([{ ...document, code: null, verdict }], [], cursor, ruledUpTo);
  };
  const first = change(at(1));
  const second = change(at(2));
  rule(2, at(1), "adopted", first);
  expect(rig.row(A)).toMatchObject({ rev: 2, provisional: second, spec: { ends_at: at(2) } });
  rule(3, at(2), "adopted", second);
  expect(rig.row(A)).toMatchObject({ rev: 3, provisional: null, spec: { ends_at: at(2) } });
  // What the cloud wants itself holds at once; that the desk's change is refused comes after.
  const third = change(at(3));
  rule(4, at(9), "refused", second);
  expect(rig.row(A)).toMatchObject({ rev: 4, provisional: third, spec: { ends_at: at(9) } });
});

test("a user deleted at the desk does not come back by a page that does not know of it, nor after it is ruled on", async () => {
  const rig = await new EngineRig({ offline: { ms: 1, keys: 1 } }).ready();
  const user = () => rig.store.objects.get("acs_user", SITE.user);
  rig.feedUser();
  const spec = { ...user()?.spec, state: "deleted" };
  rig.engine.localChange({ kind: "acs_user", id: SITE.user, spec, code: null }, {}, "deleted");
  const seq = user()?.provisional ?? 0;
  const page = (rev: number, ruledUpTo: number): void => {
    const document = {
      kind: "acs_user",
      id: SITE.user,
      epoch: 1,
      rev,
      spec: { ...spec, state: "active" },
    } as const;
    rig.engine.storePage([{ ...document, code: null }], [], { epoch: { n: 1, id: "e" }, rev }, ruledUpTo);
  };
  page(2, seq - 1);
  expect(user()).toMatchObject({ gone: true, rev: 2, provisional: seq, spec: { state: "deleted" } });
  expect(rig.journal()).not.toContain("revocation_reasserted");
  page(3, seq);
  expect(user()).toMatchObject({ gone: true, rev: 3, provisional: null, spec: { state: "deleted" } });
  expect(rig.journal().at(-1)).toBe("revocation_reasserted");
});

test("from the moment a denial is stored nothing is written, however late it is stepped", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  const { id } = rig.start("encode", A);
  await rig.clock.advance(500);
  rig.engine.stepDirty = () => undefined;
  rig.feedCredential(A, { state: "revoked" });
  rig.put();
  await rig.clock.advance(5_000);
  expect(rig.store.attempts.get(id)?.error?.type).toBe("credential_deleted");
  expect(rig.row(A)).toMatchObject({ dirty: true, record: { context: { generation: 0 } } });
  expect(rig.simulator.changes).toBe(0);
});
