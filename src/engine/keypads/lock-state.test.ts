import { expect, test } from "vitest";
import { type DeviceFacts, renderDevice } from "#src/domain/seam/device";
import { KEYPAD_INVENTORY, KeypadRig, LOCK } from "#test/support/keypad-rig";

/** Seam's `device` of the first lock, as an app sees it. */
function deviceOf(rig: KeypadRig) {
  const lock = KEYPAD_INVENTORY.locks.find(({ id }) => id === LOCK.plain);
  const known = rig.store.keypads.lock(LOCK.plain);
  if (lock === undefined || known === undefined) throw new Error("no lock");
  const facts: DeviceFacts = { lock, ...known, inventory: KEYPAD_INVENTORY, isSandbox: false };
  return renderDevice(facts) as {
    properties: Record<string, unknown>;
    warnings: { message: string }[];
    capabilities_supported: string[];
  };
}

test("what happens at a lock shows in its properties", async () => {
  const rig = await new KeypadRig().ready();
  expect(deviceOf(rig).properties).toMatchObject({ online: true });
  expect(deviceOf(rig).properties).not.toHaveProperty("door_open");
  rig.simulator.openDoor("lock-1", true);
  rig.simulator.reportBattery("lock-1", 15);
  rig.simulator.lockByHand("lock-1");
  await rig.settle();
  expect(deviceOf(rig).properties).toMatchObject({
    door_open: true,
    locked: true,
    battery: { level: 0.15, status: "low" },
    battery_level: 0.15,
  });
  expect(deviceOf(rig).capabilities_supported).toContain("battery");
  rig.simulator.openDoor("lock-1", false);
  rig.simulator.jam("lock-1");
  await rig.settle();
  expect(deviceOf(rig)).toMatchObject({
    properties: { door_open: false },
    warnings: [{ message: expect.stringContaining("jammed") as string }],
  });
  rig.simulator.lockByHand("lock-1");
  await rig.settle();
  expect(deviceOf(rig).warnings).toEqual([]);
  expect(rig.events().filter((type) => type.startsWith("device."))).toEqual([
    "device.connected",
    "device.connected",
    "device.connected",
    "device.battery_status_changed",
    "device.low_battery",
  ]);
});

test("a lock that comes back is asked how it stands, and nobody is told that it just happened", async () => {
  const rig = await new KeypadRig().ready();
  rig.simulator.lockByHand("lock-1");
  await rig.settle();
  rig.unplug();
  await rig.settle();
  rig.simulator.locked.set("lock-1", false);
  const told = rig.events().filter((type) => type.startsWith("lock.")).length;
  await rig.plug();
  expect(deviceOf(rig).properties).toMatchObject({ online: true, locked: false });
  expect(rig.events().filter((type) => type.startsWith("lock."))).toHaveLength(told);
});

test("a battery that ran low while the lock was away is told when it is back, and once", async () => {
  const rig = await new KeypadRig().ready();
  const batteryNews = () => rig.events().filter((type) => /battery/.test(type));
  rig.simulator.reportBattery("lock-1", 80);
  await rig.settle();
  expect(batteryNews()).toEqual(["device.battery_status_changed"]);
  rig.unplug();
  await rig.settle();
  rig.simulator.reportBattery("lock-1", 12);
  await rig.plug();
  expect(deviceOf(rig).properties).toMatchObject({ battery: { level: 0.12, status: "low" } });
  const low = ["device.battery_status_changed", "device.battery_status_changed", "device.low_battery"];
  expect(batteryNews()).toEqual(low);
  rig.unplug();
  await rig.settle();
  await rig.plug();
  expect(batteryNews()).toEqual(low);
});

test.each([
  [80, []],
  [12, ["device.battery_status_changed", "device.low_battery"]],
])("a lock that is seen for the first time with %i %% tells %j", async (percent, news) => {
  const rig = new KeypadRig();
  rig.simulator.reportBattery("lock-1", percent);
  await rig.ready();
  expect(deviceOf(rig).properties).toMatchObject({ battery_level: percent / 100 });
  expect(rig.events().filter((type) => /battery/.test(type))).toEqual(news);
});
