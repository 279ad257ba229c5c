import { expect, test } from "vitest";
import { isoInstant } from "#src/domain/seam/instant";
import { SITE } from "#test/support/engine-rig";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";
import { takenPins } from "./lock-rules.js";

/** A PIN credential of the access system. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const A = "11111111-0000-4000-8000-000000000001";
const C = "22222222-0000-4000-8000-000000000001";

test("is on every keypad of its entrances before it counts as issued, and leaves them all", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedPin(C, "4711");
  expect(rig.state(C)).toBe("issuing");
  await rig.settle();
  expect([rig.held("lock-1"), rig.held("lock-2")]).toEqual([{ 1: "4711" }, { 1: "4711" }]);
  expect(rig.state(C)).toBe("issued");
  rig.feedPin(C, "4711", { state: "revoked" });
  expect(rig.state(C)).toBe("invalidating");
  await rig.settle();
  expect([rig.held("lock-1"), rig.held("lock-2")]).toEqual([{}, {}]);
  expect(rig.state(C)).toBe("invalidated");
  expect(rig.events().filter((type) => type.startsWith("acs_"))).toEqual([
    "acs_credential.issued",
    "acs_credential.invalidated",
  ]);
});

test("leaves the locks while its user is suspended, and comes back", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedUser();
  rig.feedPin(C, "4711", { acs_user_id: SITE.user });
  await rig.settle();
  rig.feedUser({ state: "suspended" });
  await rig.settle();
  expect([rig.held("lock-1"), rig.state(C)]).toEqual([{}, "waiting_to_be_issued"]);
  rig.feedUser();
  await rig.settle();
  expect([rig.held("lock-1"), rig.state(C)]).toEqual([{ 1: "4711" }, "issued"]);
});

test("a lock that is away is one error an entrance, and gone once it has the code", async () => {
  const rig = await new KeypadRig().ready();
  rig.unplug();
  await rig.settle();
  rig.feedPin(C, "4711");
  const observed = () => rig.engine.observe(rig.row(C));
  expect(observed()?.errors.map(({ code }) => code)).toEqual([
    "failed_to_set_on_device",
    "failed_to_set_on_device",
  ]);
  await rig.plug();
  expect(observed()).toMatchObject({ state: "issued", isSynced: true, errors: [] });
});

test("is changed at a lock: it is put back, and counts as reissued", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedPin(C, "4711");
  await rig.settle();
  rig.simulator.changeSlotAtLock("lock-1", 1, "9999");
  await rig.settle();
  expect([rig.held("lock-1"), rig.state(C)]).toEqual([{ 1: "4711" }, "issued"]);
});

test("opens its window shortly before the start, and ends", async () => {
  const rig = await new KeypadRig().ready();
  const startsAt = rig.clock.now() + HOUR;
  rig.feedPin(C, "4711", { starts_at: isoInstant(startsAt), ends_at: isoInstant(startsAt + HOUR) });
  await rig.settle();
  expect([rig.held("lock-1"), rig.state(C)]).toEqual([{}, "waiting_to_be_issued"]);
  await rig.settle(HOUR - 4 * MINUTE);
  await rig.settle();
  expect([rig.held("lock-1"), rig.state(C)]).toEqual([{ 1: "4711" }, "issued"]);
  await rig.settle(HOUR + 5 * MINUTE);
  await rig.settle();
  expect([rig.held("lock-1"), rig.state(C)]).toEqual([{}, "invalidated"]);
});

test("a restart writes nothing", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedPin(C, "4711");
  await rig.settle();
  rig.crash();
  await rig.settle();
  expect([rig.simulator.changes, rig.state(C)]).toEqual([2, "issued"]);
});

test("its PIN is taken before its window opens", async () => {
  const rig = await new KeypadRig().ready();
  const starts_at = isoInstant(rig.clock.now() + 24 * HOUR);
  rig.feedPin(C, "4711", { starts_at });
  expect(takenPins(rig.engine.deps, LOCK.plain)).toEqual([{ id: C, digits: "4711", isManaged: true }]);
  rig.feedPin(C, "4711", { starts_at, state: "revoked" });
  expect(takenPins(rig.engine.deps, LOCK.plain)).toEqual([]);
});

test("its PIN is not given to an access code, nor an access code's to it", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedPin(C, "4711");
  await rig.settle();
  rig.feedCode(A, "4711");
  await rig.settle();
  expect(rig.observed(A)?.errors).toMatchObject([{ code: "duplicate_code_on_device" }]);
  expect(rig.held("lock-1")).toEqual({ 1: "4711" });
});
