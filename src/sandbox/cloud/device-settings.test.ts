import { expect, test } from "vitest";
import { APP, CloudedRig } from "#test/support/clouded-rig";
import { LOCK } from "#test/support/keypad-rig";

const at = (rig: CloudedRig) => [rig.cloud, rig.desk] as const;

test("what is set on a lock in the cloud takes effect at the gateway, and the other way round", async () => {
  const rig = await new CloudedRig().ready();
  rig.cloud.accessCodes.reportConstraints(LOCK.plain, [6], APP);
  rig.cloud.devices.update(LOCK.plain, { name: "Kitchen", customMetadata: { wing: "west" } }, APP);
  await rig.settle();
  for (const model of at(rig)) {
    expect(model.devices.get(LOCK.plain)).toMatchObject({
      display_name: "Kitchen",
      custom_metadata: { wing: "west" },
      properties: { supported_code_lengths: [6] },
    });
    expect(model.accessCodes.generate(LOCK.plain).reveal()).toHaveLength(6);
  }
  expect(rig.site.events.list({ types: ["device.name_changed"], where: {}, limit: 9 })).toMatchObject([
    { device_id: LOCK.plain, device_name: "Kitchen" },
  ]);

  rig.desk.accessCodes.reportConstraints(LOCK.plain, [4, 5], APP);
  rig.desk.devices.update(LOCK.plain, { name: null }, APP);
  await rig.settle();
  for (const model of at(rig)) {
    expect(model.devices.get(LOCK.plain)).toMatchObject({
      display_name: "Back door",
      properties: { supported_code_lengths: [4, 5] },
    });
  }
});

test("the pool is filled, and emptied, at the word of the cloud", async () => {
  const rig = await new CloudedRig().ready();
  rig.cloud.devices.update(LOCK.plain, { backupPoolEnabled: true }, APP);
  await rig.settle();
  await rig.settle();
  expect(Object.keys(rig.held("lock-1"))).toHaveLength(3);
  rig.cloud.devices.update(LOCK.plain, { backupPoolEnabled: false }, APP);
  await rig.settle();
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({});
  expect(rig.desk.devices.get(LOCK.plain)).toMatchObject({
    properties: { backup_access_code_pool_enabled: false },
  });
});

test("both sides change a lock while they do not hear each other: the cloud's settings stand", async () => {
  const rig = await new CloudedRig().ready();
  rig.cloud.devices.update(LOCK.plain, { name: "Kitchen" }, APP);
  await rig.settle();
  await rig.disconnect();
  rig.cloud.devices.update(LOCK.plain, { name: "Cook" }, APP);
  rig.desk.devices.update(LOCK.plain, { name: "Chef" }, APP);
  await rig.settle();
  expect(rig.desk.devices.get(LOCK.plain)).toMatchObject({ display_name: "Chef" });
  await rig.connect();
  for (const model of at(rig)) {
    expect(model.devices.get(LOCK.plain)).toMatchObject({ display_name: "Cook" });
  }
});

test("a code that asks for the pool turns it on on both sides", async () => {
  const rig = await new CloudedRig().ready();
  const endsAt = rig.clock.now() + 86_400_000;
  rig.desk.accessCodes.create({ deviceId: LOCK.plain, endsAt, useBackupPool: true }, APP);
  await rig.settle();
  for (const model of at(rig)) {
    expect(model.devices.get(LOCK.plain)).toMatchObject({
      properties: { backup_access_code_pool_enabled: true },
    });
  }
});
