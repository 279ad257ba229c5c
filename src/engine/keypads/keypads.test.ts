import { describe, expect, test } from "vitest";
import { isoInstant } from "#src/domain/seam/instant";
import { Secret } from "#src/lib/secret";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";

const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("a code is put on the lock, verified, told, and taken off again", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedCode(A, "4711");
  expect(rig.observed(A)).toMatchObject({ status: "setting", pending: [{ mutation: "creating" }] });
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({ 1: "4711" });
  expect(rig.status(A)).toBe("set");
  rig.feedCode(A, null, { state: "deleted" });
  expect(rig.status(A)).toBe("removing");
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({});
  expect(rig.store.objects.get("access_code", A)).toMatchObject({ gone: true, code: null });
  expect(rig.eventsOf(A)).toEqual([
    "created",
    "set_on_device",
    "mutations_requested",
    "removed_from_device",
    "deleted",
  ]);
  expect(rig.simulator.changes).toBe(2);
  expect(rig.journal()).toEqual(expect.arrayContaining(["slot_set", "slot_removed", "deleted"]));
});

test("a changed PIN replaces the old one in its slot; a changed name changes nothing at the lock", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedCode(A, "4711");
  await rig.settle();
  rig.feedCode(A, "4712");
  expect(rig.observed(A)?.pending).toMatchObject([{ mutation: "updating_code" }]);
  await rig.settle();
  rig.feedCode(A, "4712", { name: "Ada" });
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({ 1: "4712" });
  expect(rig.simulator.changes).toBe(2);
  expect(rig.eventsOf(A).slice(2)).toEqual([
    "mutations_requested",
    "changed",
    "set_on_device",
    "code_changed",
    "mutations_requested",
    "changed",
    "name_changed",
  ]);
});

test("two changes in one turn are both carried out", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedCode(A, "4711");
  await rig.settle();
  rig.feedCode(A, "4711", { name: "Ada" });
  rig.feedCode(A, null, { state: "deleted" });
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({});
});

describe("nothing is written twice", () => {
  test.each(["lock-1", "lock-2"])("a restart writes nothing, whatever the lock shows (%s)", async (unit) => {
    const rig = await new KeypadRig().ready();
    const device_id = unit === "lock-1" ? LOCK.plain : LOCK.masked;
    rig.feedCode(A, "4711", { device_id });
    rig.feedCode(B, "4712", { device_id });
    await rig.settle();
    const { changes } = rig.simulator;
    expect(changes).toBe(2);
    const told = rig.store.journal.lastSeq();
    for (let times = 0; times < 3; times++) {
      rig.crash();
      await rig.settle();
    }
    expect(rig.simulator.changes).toBe(changes);
    expect(rig.store.journal.lastSeq()).toBe(told);
    expect([rig.status(A), rig.status(B)]).toEqual(["set", "set"]);
  });

  test("a lock that was away for long gets the newest wish and no other", async () => {
    const rig = await new KeypadRig().ready();
    rig.feedCode(A, "1111");
    await rig.settle();
    rig.unplug();
    await rig.settle();
    for (const pin of ["2222", "3333", "4444"]) {
      rig.feedCode(A, pin);
      await rig.settle(HOUR);
    }
    rig.feedCode(B, "5555");
    rig.feedCode(B, null, { state: "deleted" });
    await rig.settle(3 * HOUR);
    expect(rig.status(A)).toBe("setting");
    const { changes } = rig.simulator;
    await rig.plug();
    expect(rig.held("lock-1")).toEqual({ 1: "4444" });
    expect(rig.simulator.changes).toBe(changes + 1);
    expect(rig.status(A)).toBe("set");
  });

  test("a wish that is stored and not yet acted on is not written in the older one's place, nor waited for in a circle", async () => {
    const rig = await new KeypadRig().ready();
    rig.unplug();
    await rig.settle();
    rig.feedCode(A, "1111");
    await rig.settle();
    const { changes } = rig.simulator;
    const row = rig.store.objects.get("access_code", A);
    if (row === undefined) throw new Error("no code");
    rig.store.objects.put({ ...row, code: new Secret("2222"), dirty: true });
    await rig.plug();
    expect(rig.held("lock-1")).toEqual({});
    rig.engine.stepDirty();
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "2222" });
    expect(rig.simulator.changes).toBe(changes + 1);
  });

  test("what was changed at the lock while the gateway was down is noticed, and put back", async () => {
    const rig = await new KeypadRig().ready();
    rig.feedCode(A, "4711");
    await rig.settle();
    rig.simulator.isQuiet = true;
    rig.simulator.changeSlotAtLock("lock-1", 1, "9999");
    rig.simulator.changeSlotAtLock("lock-1", 7, "8888");
    rig.simulator.isQuiet = false;
    rig.crash();
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711", 7: "8888" });
    expect(rig.eventsOf(A)).toContain("modified_external_to_seam");
    const unmanaged = rig.store.objects.list("access_code", { isManaged: false, limit: 9 });
    expect(unmanaged.map(({ code }) => code?.reveal())).toEqual(["8888"]);
  });

  test("a day's reading of every slot writes nothing", async () => {
    const rig = await new KeypadRig().ready();
    rig.feedCode(A, "4711");
    await rig.settle();
    const { changes, done } = rig.simulator;
    await rig.settle(25 * HOUR);
    await rig.settle();
    expect(rig.simulator.changes).toBe(changes);
    expect(rig.simulator.done).toBeGreaterThan(done + 30);
  });
});

test("the process dies while the lock writes: the slot is read, and the code is there once", async () => {
  const rig = await new KeypadRig().ready();
  rig.simulator.faults.isSilent = true;
  rig.feedCode(A, "4711");
  await rig.clock.advance(100);
  expect(rig.slots()[0]?.sent?.state).toBe("open");
  rig.crash();
  rig.simulator.faults.isSilent = false;
  await rig.settle(60_000);
  expect(rig.held("lock-1")).toEqual({ 1: "4711" });
  expect(rig.status(A)).toBe("set");
  expect(rig.simulator.changes).toBe(1);
});

describe("time-bound codes", () => {
  test("lie on the lock from shortly before the start until the end", async () => {
    const rig = await new KeypadRig().ready();
    const startsAt = rig.clock.now() + 3 * HOUR;
    const endsAt = startsAt + 2 * HOUR;
    const dates = { type: "time_bound", starts_at: isoInstant(startsAt), ends_at: isoInstant(endsAt) };
    rig.feedCode(A, "4711", dates);
    await rig.settle();
    expect(rig.observed(A)).toMatchObject({
      status: "unset",
      pending: [{ mutation: "deferring_creation", scheduledAt: startsAt - 5 * MINUTE }],
    });
    await rig.settle(startsAt - rig.clock.now() - 6 * MINUTE);
    expect(rig.held("lock-1")).toEqual({});
    await rig.settle(2 * MINUTE);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.status(A)).toBe("set");
    await rig.settle(endsAt - rig.clock.now());
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({});
    expect(rig.store.objects.get("access_code", A)?.gone).toBe(true);
    expect(rig.eventsOf(A)).toEqual(["created", "set_on_device", "removed_from_device", "deleted"]);
  });

  test("a clock that is not trusted takes no code off", async () => {
    const start = Date.parse("2026-11-22T14:00:00Z");
    const rig = await new KeypadRig({ certain: start }).ready();
    rig.feedCode(A, "4711", { type: "time_bound", ends_at: isoInstant(start + HOUR) });
    await rig.settle();
    rig.clock.jumpTo(start + 400 * 24 * HOUR);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.status(A)).toBe("set");
  });

  test("an end that is moved while the code lies on the lock writes nothing", async () => {
    const rig = await new KeypadRig().ready();
    const endsAt = rig.clock.now() + HOUR;
    rig.feedCode(A, "4711", { type: "time_bound", ends_at: isoInstant(endsAt) });
    await rig.settle();
    rig.feedCode(A, "4711", { type: "time_bound", ends_at: isoInstant(endsAt + HOUR) });
    await rig.settle(HOUR);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.simulator.changes).toBe(1);
    expect(rig.eventsOf(A).slice(2)).toEqual(["mutations_requested", "changed", "time_frame_changed"]);
  });

  test("suspended and active again", async () => {
    const rig = await new KeypadRig().ready();
    rig.feedCode(A, "4711");
    await rig.settle();
    rig.feedCode(A, "4711", { state: "suspended" });
    await rig.settle();
    expect([rig.held("lock-1"), rig.status(A)]).toEqual([{}, "unset"]);
    rig.feedCode(A, "4711");
    await rig.settle();
    expect([rig.held("lock-1"), rig.status(A)]).toEqual([{ 1: "4711" }, "set"]);
  });
});

describe("somebody changes our code at the lock", () => {
  test("it is told, and put back", async () => {
    const rig = await new KeypadRig().ready();
    rig.feedCode(A, "4711");
    await rig.settle();
    rig.simulator.changeSlotAtLock("lock-1", 1, "9999");
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    rig.simulator.changeSlotAtLock("lock-1", 1, null);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4711" });
    expect(rig.eventsOf(A)).toEqual([
      "created",
      "set_on_device",
      "modified_external_to_seam",
      "deleted_external_to_seam",
    ]);
    expect(rig.journal().filter((kind) => kind === "slot_changed_outside")).toHaveLength(2);
    expect(rig.observed(A)).toMatchObject({ status: "set", errors: [], warnings: [] });
  });

  test("where that is allowed it stays, with a warning, until there is a new wish", async () => {
    const rig = await new KeypadRig().ready();
    const allowed = { is_external_modification_allowed: true };
    rig.feedCode(A, "4711", allowed);
    await rig.settle();
    rig.simulator.changeSlotAtLock("lock-1", 1, "9999");
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "9999" });
    expect(rig.observed(A)).toMatchObject({
      status: "set",
      warnings: [{ code: "external_modification_in_effect" }],
    });
    rig.feedCode(A, "4712", allowed);
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "4712" });
    expect(rig.observed(A)?.warnings).toEqual([]);
  });

  test("a lock that masks its PINs is written anew with the same PIN", async () => {
    const rig = await new KeypadRig().ready();
    rig.feedCode(A, "4711", { device_id: LOCK.masked });
    await rig.settle();
    rig.simulator.changeSlotAtLock("lock-2", 1, "9999");
    await rig.settle();
    expect(rig.held("lock-2")).toEqual({ 1: "4711" });
  });
});

describe("codes that somebody else put on the lock", () => {
  /** The one unmanaged code of the lock. */
  const unmanaged = (rig: KeypadRig) => {
    const [row, ...more] = rig.store.objects
      .list("access_code", { systemId: LOCK.plain, limit: 9 })
      .filter(({ spec }) => spec["is_managed"] === false);
    expect(more).toEqual([]);
    return row;
  };

  test("are seen, followed, and gone when they go", async () => {
    const rig = await new KeypadRig().ready();
    rig.simulator.changeSlotAtLock("lock-1", 5, "8080");
    await rig.settle();
    const row = unmanaged(rig);
    expect(row).toMatchObject({ spec: { is_managed: false, device_id: LOCK.plain } });
    expect(row?.code?.reveal()).toBe("8080");
    rig.simulator.changeSlotAtLock("lock-1", 5, "8081");
    await rig.settle();
    expect(unmanaged(rig)?.id).toBe(row?.id);
    expect(unmanaged(rig)?.code?.reveal()).toBe("8081");
    rig.simulator.changeSlotAtLock("lock-1", 5, null);
    await rig.settle();
    expect(unmanaged(rig)).toBeUndefined();
    expect(rig.eventsOf(row?.id ?? "")).toEqual(["unmanaged.created", "unmanaged.removed"]);
    rig.simulator.changeSlotAtLock("lock-1", 5, "8082");
    await rig.settle();
    expect(unmanaged(rig)?.code?.reveal()).toBe("8082");
    expect(rig.simulator.changes).toBe(0);
  });

  test("one that lies there before the gateway comes is seen, once, and its slot is not used", async () => {
    const rig = new KeypadRig();
    rig.simulator.changeSlotAtLock("lock-1", 1, "8080");
    await rig.ready();
    rig.crash();
    await rig.settle();
    expect(unmanaged(rig)?.code?.reveal()).toBe("8080");
    rig.feedCode(A, "4711");
    await rig.settle();
    expect(rig.held("lock-1")).toEqual({ 1: "8080", 2: "4711" });
  });

  test("converting writes nothing; letting go writes nothing; deleting empties the slot", async () => {
    const rig = await new KeypadRig().ready();
    rig.simulator.changeSlotAtLock("lock-1", 5, "8080");
    await rig.settle();
    const { id = "", spec } = unmanaged(rig) ?? {};
    rig.feedCode(id, "8080", { ...spec, is_managed: true });
    await rig.settle();
    expect([rig.status(id), rig.simulator.changes]).toEqual(["set", 0]);
    rig.feedCode(id, "8080", { ...spec, is_managed: false });
    await rig.settle();
    expect(unmanaged(rig)?.id).toBe(id);
    expect([rig.held("lock-1"), rig.simulator.changes]).toEqual([{ 5: "8080" }, 0]);
    rig.feedCode(id, null, { ...spec, is_managed: false, state: "deleted" });
    await rig.settle();
    expect([rig.held("lock-1"), rig.simulator.changes]).toEqual([{}, 1]);
    expect(rig.eventsOf(id)).toEqual([
      "unmanaged.created",
      "unmanaged.converted_to_managed",
      "unmanaged.removed",
    ]);
  });
});

describe("what the lock cannot take", () => {
  test("a PIN that is taken: the error names who has it", async () => {
    const rig = await new KeypadRig().ready();
    rig.feedCode(A, "4711");
    await rig.settle();
    rig.feedCode(B, "4711");
    await rig.settle();
    expect(rig.observed(B)).toMatchObject({
      status: "setting",
      errors: [{ code: "duplicate_code_on_device", more: { managed_access_code_id: A } }],
    });
    rig.feedCode(A, null, { state: "deleted" });
    await rig.settle();
    expect(rig.observed(B)).toMatchObject({ status: "set", errors: [] });
  });

  test("a lock that refuses is left in peace for two seconds before it is asked again", async () => {
    const rig = await new KeypadRig().ready();
    rig.simulator.refusesCodes = true;
    rig.feedCode(A, "4711");
    await rig.settle(3_500);
    const [first = 0, second = 0] = rig.slots()[0]?.tries ?? [];
    expect(first).toBeGreaterThan(0);
    expect(second - first).toBeGreaterThanOrEqual(2_000);
  });

  test("a lock that refuses: three tries, an hour's rest, and it says so; a word of a person tries again", async () => {
    const rig = await new KeypadRig().ready();
    rig.simulator.refusesCodes = true;
    rig.feedCode(A, "4711");
    await rig.settle(60_000);
    expect(rig.observed(A)).toMatchObject({
      status: "setting",
      errors: [{ code: "failed_to_set_on_device", message: expect.stringContaining("refuses") as string }],
    });
    const { done } = rig.simulator;
    await rig.settle(30 * MINUTE);
    expect(rig.simulator.done - done).toBeLessThan(300); // Signs of life, no orders.
    expect(rig.slots()[0]?.rest).toMatchObject({ level: 1 });
    const now = rig.clock.now();
    expect(rig.store.keypads.trouble({ now, late: now - 10 * MINUTE })).toEqual({ late: 1, resting: 1 });
    rig.simulator.refusesCodes = false;
    expect(rig.engine.keypads.retry(LOCK.plain)).toBe(1);
    await rig.settle();
    expect(rig.observed(A)).toMatchObject({ status: "set", errors: [] });
    expect(rig.eventsOf(A)).toEqual([
      "created",
      "failed_to_set_on_device",
      "delay_in_setting_on_device",
      "set_on_device",
    ]);
  });
});

test("no PIN is in the journal, in events, in slots and in what is known of codes", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedCode(A, "471147");
  await rig.settle();
  rig.simulator.changeSlotAtLock("lock-1", 9, "808080");
  await rig.settle();
  const { journal, events, keypads } = rig.store;
  const text = JSON.stringify([
    journal.read(1, 1_000),
    events.list({ limit: 1_000 }),
    keypads.slots(LOCK.plain),
    keypads.wishes(LOCK.plain),
    keypads.life(A),
  ]);
  expect(text).not.toContain("471147");
  expect(text).not.toContain("808080");
});
