import { expect, test } from "vitest";
import { gatewayModel } from "#src/api/gateway-model";
import { RESERVE_BYTES } from "#src/engine/reserve";
import { Secret } from "#src/lib/secret";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";
import { SITE } from "#test/support/engine-rig";

const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const C = "22222222-0000-4000-8000-000000000001";
const BY = { name: "desk", role: "technician", seesPins: true } as const;
const HOUR = 3_600_000;

async function nearlyFull() {
  const disk = { freeBytes: RESERVE_BYTES };
  const rig = await new KeypadRig({ freeBytes: () => disk.freeBytes }).ready();
  rig.feedCode(A, "4711");
  await rig.settle();
  disk.freeBytes = RESERVE_BYTES - 1;
  return { rig, disk, model: gatewayModel(rig.engine, { isSandbox: false }) };
}

test("a nearly full disk refuses whatever puts a PIN on a lock, and changes nothing", async () => {
  const { rig, model } = await nearlyFull();
  const { accessCodes, credentials } = model;
  const before = rig.store.journal.lastSeq();
  const code = new Secret("5555");
  const asks: readonly (() => unknown)[] = [
    () => accessCodes.create({ deviceId: LOCK.plain, code }, BY),
    () => accessCodes.createMultiple({ deviceIds: [LOCK.plain, LOCK.masked], whenNotShared: "throw" }, BY),
    () => accessCodes.update(A, { code }, BY),
    () => accessCodes.update(A, { code, name: "Ada" }, BY),
    () =>
      credentials.create(
        {
          accessMethod: "code",
          code,
          systemId: SITE.system,
          entranceIds: [LOCK.plainEntrance],
          isOneTimeUse: false,
          isMultiPhoneSync: false,
          brandMetadata: [],
        },
        BY,
      ),
  ];
  for (const ask of asks) expect(ask).toThrow(expect.objectContaining({ status: 503, type: "storage_full" }));
  expect(rig.store.journal.lastSeq()).toBe(before);
  expect(rig.held("lock-1")).toEqual({ 1: "4711" });
});

test("what only takes away is done on a nearly full disk, and names are changed", async () => {
  const { rig, model } = await nearlyFull();
  model.accessCodes.update(A, { name: "Ada", endsAt: rig.clock.now() + HOUR }, BY);
  expect(() => model.accessCodes.update(A, { endsAt: rig.clock.now() + 2 * HOUR }, BY)).toThrow(
    expect.objectContaining({ type: "storage_full" }),
  );
  model.accessCodes.delete(A, undefined, BY);
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({});
});

test("a code of the cloud waits until there is room, while others are taken off", async () => {
  const { rig, disk } = await nearlyFull();
  rig.feedCode(B, "5555");
  rig.feedCode(A, null, { state: "deleted" });
  await rig.settle();
  expect(rig.held("lock-1")).toEqual({});
  expect(rig.status(B)).toBe("setting");
  expect(rig.observed(B)).toMatchObject({
    errors: [
      { code: "failed_to_set_on_device", message: expect.stringContaining("less than 64 MB left") as string },
    ],
  });
  expect(rig.eventsOf(B)).toContain("failed_to_set_on_device");
  disk.freeBytes = RESERVE_BYTES;
  await rig.settle();
  expect(rig.observed(B)).toMatchObject({ status: "set", errors: [] });
  expect(Object.values(rig.held("lock-1"))).toEqual(["5555"]);
});

test("a code that waits for its lock says so when the disk fills up meanwhile", async () => {
  const { rig, disk } = await nearlyFull();
  disk.freeBytes = RESERVE_BYTES;
  rig.unplug();
  await rig.settle();
  rig.feedCode(B, "5555");
  rig.feedPin(C, "6666");
  await rig.settle();
  expect(rig.observed(B)?.errors).toMatchObject([{ code: "device_offline" }]);
  disk.freeBytes = 0;
  await rig.plug();
  expect(rig.observed(B)?.errors).toMatchObject([
    { code: "failed_to_set_on_device", message: expect.stringContaining("less than 64 MB left") as string },
  ]);
  expect(JSON.stringify(rig.store.objects.get("acs_credential", C)?.record)).toContain(
    "less than 64 MB left",
  );
  disk.freeBytes = RESERVE_BYTES;
  await rig.settle();
  expect([rig.status(B), rig.state(C)]).toEqual(["set", "issued"]);
});
