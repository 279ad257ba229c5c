import { expect, test } from "vitest";
import { KeypadRig } from "#test/support/keypad-rig";

const A = "11111111-0000-4000-8000-000000000001";
const DAY = 24 * 3_600_000;

/** A lock with a checksum, and how many requests a stretch of time cost. */
async function summer(hasSum = true) {
  const rig = new KeypadRig();
  if (hasSum) rig.simulator.summers.add("lock-1");
  await rig.ready();
  rig.feedCode(A, "4711");
  await rig.settle();
  const readsIn = async (ms: number) => {
    const before = rig.simulator.slotReads.get("lock-1") ?? 0;
    await rig.settle(ms);
    await rig.settle();
    return (rig.simulator.slotReads.get("lock-1") ?? 0) - before;
  };
  return { rig, readsIn };
}

test("while the checksum stays, no slot is read day by day; once a week all are", async () => {
  const { readsIn } = await summer();
  expect(await readsIn(DAY + 60_000)).toBe(0);
  expect(await readsIn(DAY + 60_000)).toBe(0);
  for (let day = 0; day < 4; day++) await readsIn(DAY);
  expect(await readsIn(2 * DAY)).toBe(30);
});

test("a lock without one is read every day", async () => {
  const { readsIn } = await summer(false);
  expect(await readsIn(DAY + 60_000)).toBe(30);
});

test("a change at the lock that nobody told shows in the checksum, and is put right", async () => {
  const { rig, readsIn } = await summer();
  rig.simulator.isQuiet = true;
  rig.simulator.changeSlotAtLock("lock-1", 1, "9999");
  expect(await readsIn(DAY + 60_000)).toBeGreaterThanOrEqual(30);
  expect(rig.held("lock-1")).toEqual({ 1: "4711" });
  expect(await readsIn(DAY + 60_000)).toBe(0);
});

test("a lock that says of a change only that there was one is read, all of it", async () => {
  const { rig, readsIn } = await summer(false);
  rig.simulator.tellsNoSlots = true;
  rig.simulator.changeSlotAtLock("lock-1", 1, "9999");
  rig.simulator.changeSlotAtLock("lock-1", 7, "8888");
  expect(await readsIn(1_000)).toBeGreaterThanOrEqual(30);
  expect(rig.held("lock-1")).toEqual({ 1: "4711", 7: "8888" });
  expect(rig.eventsOf(A)).toContain("modified_external_to_seam");
});

test("one that does not answer for its checksum is read", async () => {
  const { rig, readsIn } = await summer();
  rig.simulator.refusesSums = true;
  expect(await readsIn(DAY + 60_000)).toBe(30);
  expect(rig.status(A)).toBe("set");
});
