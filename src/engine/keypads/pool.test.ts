import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { EngineRig, INVENTORY } from "#test/support/engine-rig";
import { KeypadRig, LOCK as RIG_LOCK } from "#test/support/keypad-rig";

const LOCK = "11111111-0000-4000-8000-000000000001";
const CODE = "22222222-0000-4000-8000-000000000001";

test("a code of the cloud that asks for the pool fills it at the lock", async () => {
  const locks = [{ id: LOCK, key: "front", name: "Front", unit: "bench/lock-1", backupCodes: 2 }];
  const rig = await new EngineRig({ inventory: { ...INVENTORY, locks } }).ready();
  const backups = () =>
    rig.store.objects
      .list("access_code", { systemId: LOCK, limit: 10 })
      .filter(({ spec }) => spec["is_backup"] === true);
  rig.engine.keypads.turn();
  expect(backups()).toEqual([]);
  const spec = {
    access_code_id: CODE,
    device_id: LOCK,
    type: "time_bound",
    starts_at: null,
    ends_at: "2026-11-30T11:00:00.000Z",
    has_code: true,
    use_backup_access_code_pool: true,
    state: "active",
    created_at: "2026-11-22T10:00:00.000Z",
  };
  rig.engine.storePage(
    [{ kind: "access_code", id: CODE, epoch: 1, rev: 1, spec, code: new Secret("4711") }],
    [],
    { epoch: { n: 1, id: "e" }, rev: 1 },
    rig.store.journal.lastSeq(),
  );
  rig.engine.keypads.turn();
  expect(backups()).toHaveLength(2);
  await rig.clock.advance(5_000);
  expect(Object.values(rig.simulator.codesOf("lock-1"))).toHaveLength(3);
});

test("the pool is filled once it is wanted, and filled up again", async () => {
  const rig = await new KeypadRig().ready();
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({});
  const lock = rig.store.keypads.lock(RIG_LOCK.plain);
  if (lock === undefined) throw new Error("the lock is not known");
  rig.store.keypads.putLock(RIG_LOCK.plain, {
    ...lock,
    settings: { ...lock.settings, isPoolEnabled: true },
  });
  await rig.settle();
  await rig.settle();
  expect(new Set(Object.values(rig.held("lock-1"))).size).toBe(3);
  const [first] = rig.store.objects.list("access_code", { systemId: RIG_LOCK.plain, limit: 9 });
  rig.feedCode(first?.id ?? "", null, { ...first?.spec, is_backup: false });
  await rig.settle();
  await rig.settle();
  expect(Object.keys(rig.held("lock-1"))).toHaveLength(4);
});
