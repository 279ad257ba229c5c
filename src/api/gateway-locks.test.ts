import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";
import { gatewayModel } from "./gateway-model.js";
import type { AccessCodesModel } from "./model.js";

const CODE = "11111111-0000-4000-8000-000000000001";
const BY = { name: "desk", role: "technician", seesPins: true } as const;

interface Case {
  readonly act: string;
  readonly ask: (codes: AccessCodesModel) => unknown;
}
const CASES: readonly Case[] = [
  {
    act: "creating",
    ask: (codes) => codes.create({ deviceId: LOCK.plain, code: new Secret("5555"), name: "New" }, BY),
  },
  {
    act: "creating on several locks",
    ask: (codes) =>
      codes.createMultiple({ deviceIds: [LOCK.plain, LOCK.masked], whenNotShared: "throw", name: "New" }, BY),
  },
  { act: "updating", ask: (codes) => codes.update(CODE, { code: new Secret("5555") }, BY) },
  { act: "deleting", ask: (codes) => codes.delete(CODE, undefined, BY) },
];

/** The process dies before the `n`th action attempt is on disk. */
function dieBeforeAttempt(rig: KeypadRig, n: number): () => void {
  const { attempts } = rig.store;
  const create = attempts.create.bind(attempts);
  let left = n;
  attempts.create = (attempt) => {
    left--;
    if (left === 0) throw new Error("the power is cut");
    create(attempt);
  };
  return () => (attempts.create = create);
}

test.each(CASES)("$act: the change and its action attempt are on disk together or not at all", async (it) => {
  const rig = await new KeypadRig().ready();
  rig.feedCode(CODE, "4711");
  await rig.settle();
  const stateOf = () => ({
    codes: rig.store.objects.list("access_code", { limit: 99 }).map(({ id, spec }) => [id, spec]),
    held: [rig.held("lock-1"), rig.held("lock-2")],
    journal: rig.store.journal.lastSeq(),
  });
  const before = stateOf();
  const restore = dieBeforeAttempt(rig, it.act.includes("several") ? 2 : 1);
  expect(() => it.ask(gatewayModel(rig.engine, { isSandbox: false }).accessCodes)).toThrow(
    "the power is cut",
  );
  restore();
  rig.crash();
  await rig.settle();
  expect(stateOf()).toEqual(before);

  it.ask(gatewayModel(rig.engine, { isSandbox: false }).accessCodes);
  const pending = rig.store.attempts.list({ limit: 9 });
  expect(pending.length).toBeGreaterThan(0);
  rig.crash();
  await rig.settle();
  await rig.settle();
  for (const { id } of pending) expect(rig.store.attempts.get(id)).toMatchObject({ status: "success" });
});

test("a door that is being unlocked when the process dies: the attempt ends in error, and apps are told", async () => {
  const rig = await new KeypadRig().ready();
  rig.simulator.faults.isSilent = true;
  const { locks, attempts } = gatewayModel(rig.engine, { isSandbox: false });
  const { action_attempt_id: id } = locks.unlockDoor(LOCK.plain, BY);
  rig.crash();
  expect(attempts.get(id as string)).toMatchObject({ status: "error" });
  await rig.settle(200_000);
  expect(rig.events().filter((type) => type.startsWith("action_attempt."))).toEqual([
    "action_attempt.unlock_door.failed",
  ]);
});
