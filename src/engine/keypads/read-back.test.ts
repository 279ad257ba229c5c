import { expect, test, vi } from "vitest";
import type { OnDeviceKeypad, SlotContent } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { Connection } from "#src/store/connection";
import { KeypadRig } from "#test/support/keypad-rig";

/** A driver that reads back by itself what it has written or cleared: its reading is not made a second time. */
const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const LOCK_1 = "bench/lock-1";

interface Habits {
  /** What happens between its reading and its answer. */
  readonly meanwhile?: () => Promise<void>;
  /** What it says to have read, by the number of the order. */
  readonly tells?: (order: number, read: SlotContent) => SlotContent;
}

/** Lock 1 of the rig behind such a driver, and how often its slots were read since the last look. */
async function readingBack(habits: (rig: KeypadRig) => Habits = () => ({}), hasSchedule = false) {
  const rig = new KeypadRig();
  if (hasSchedule) rig.simulator.schedulers.add("lock-1");
  const { meanwhile, tells } = habits(rig);
  let orders = 0;
  const readsBack = (keypad: OnDeviceKeypad): OnDeviceKeypad => {
    const after = async (
      slot: number,
      ordered: Promise<unknown>,
      call: Parameters<typeof keypad.readSlot>[1],
    ) => {
      await ordered;
      const read = await keypad.readSlot(slot, call);
      await meanwhile?.();
      orders++;
      return tells?.(orders, read) ?? read;
    };
    return {
      ...keypad,
      writeSlot: (slot, code, call) => after(slot, keypad.writeSlot(slot, code, call), call),
      clearSlot: (slot, call) => after(slot, keypad.clearSlot(slot, call), call),
    };
  };
  const use = rig.devices.use.bind(rig.devices);
  rig.devices.use = (key, signal, work) =>
    use(key, signal, (unit) => {
      const keypad = unit.keypadLock;
      const isOurs = key === LOCK_1 && keypad?.codes === "on_device";
      return work(isOurs ? { ...unit, keypadLock: readsBack(keypad) } : unit);
    });
  await rig.ready();
  let seen = 0;
  const reads = (): number => {
    const before = seen;
    seen = rig.simulator.slotReads.get("lock-1") ?? 0;
    return seen - before;
  };
  reads();
  return { rig, reads };
}

test("a code costs one order and one reading, also when it is changed and when it is removed", async () => {
  const { rig, reads } = await readingBack();
  rig.feedCode(A, "4711");
  rig.feedCode(B, "4712");
  await rig.settle();
  expect([rig.status(A), rig.status(B)]).toEqual(["set", "set"]);
  expect([rig.simulator.changes, reads()]).toEqual([2, 2]);
  rig.feedCode(A, "4713");
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({ 1: "4713", 2: "4712" });
  expect([rig.simulator.changes, reads()]).toEqual([3, 1]);
  rig.feedCode(A, null, { state: "deleted" });
  await rig.settle();
  expect(rig.store.objects.get("access_code", A)).toMatchObject({ gone: true });
  expect([rig.simulator.changes, reads()]).toEqual([4, 1]);
  expect(
    rig.eventsOf(A).filter((type) => type.endsWith("on_device") || type === "removed_from_device"),
  ).toEqual(["set_on_device", "set_on_device", "removed_from_device"]);
});

test("what somebody does to the slot between the reading and the answer is seen, and put right", async () => {
  for (const tellsNoSlots of [false, true]) {
    let isDone = false;
    const { rig } = await readingBack((of) => ({
      async meanwhile() {
        if (isDone) return;
        isDone = true;
        of.simulator.tellsNoSlots = tellsNoSlots;
        of.simulator.changeSlotAtLock("lock-1", 1, "9999");
        await new Promise<void>((resolve) => of.clock.startTimer(500, resolve));
      },
    }));
    rig.feedCode(A, "4711");
    await rig.settle();
    expect(isDone).toBe(true);
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.status(A)).toBe("set");
  }
});

test("a driver that read something else has not put it there", async () => {
  const other = { is: "code", code: new Secret("9999") } as const;
  const { rig } = await readingBack(() => ({ tells: (order, read) => (order === 1 ? other : read) }));
  rig.feedCode(A, "4711");
  await rig.settle();
  expect(rig.simulator.changes).toBe(2);
  expect(rig.status(A)).toBe("set");
});

test("a code that the driver still reads after it was to go is not gone", async () => {
  const still = { is: "code", code: new Secret("4711") } as const;
  const { rig } = await readingBack(() => ({ tells: (order, read) => (order > 1 ? still : read) }));
  rig.feedCode(A, "4711");
  await rig.settle();
  rig.feedCode(A, null, { state: "deleted" });
  await rig.settle();
  expect(rig.status(A)).toBe("removing");
});

test("a lock that keeps windows is asked for them too before a code counts as opening always", async () => {
  const { rig, reads } = await readingBack(() => ({}), true);
  rig.feedCode(A, "4711");
  await rig.settle();
  expect(rig.status(A)).toBe("set");
  expect(reads()).toBe(2);
});

test("a code costs one commit: its outcome is on disk with the intent of the next, before that leaves", async () => {
  const { rig } = await readingBack();
  const codes = 6;
  for (let index = 1; index <= codes; index++) rig.feedCode(`${A.slice(0, -2)}${10 + index}`, `470${index}`);
  const run = vi.spyOn(Connection.prototype, "run");
  const atOrders: string[][] = [];
  const use = rig.devices.use.bind(rig.devices);
  rig.devices.use = (key, signal, work) => {
    atOrders.push(rig.slots().flatMap(({ sent }) => (sent === null ? [] : [sent.state])));
    return use(key, signal, work);
  };
  await rig.clock.advance(20_000);
  const commits = run.mock.calls.filter(([sql]) => sql === "COMMIT").length;
  run.mockRestore();
  expect(Object.keys(rig.held("lock-1"))).toHaveLength(codes);
  // The first order was on disk before; the last outcome has no other beside it.
  expect(commits).toBe(codes);
  expect(atOrders.slice(0, 2)).toEqual([
    ["verified", "open"],
    ["verified", "verified", "open"],
  ]);
});
