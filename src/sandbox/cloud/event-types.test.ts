import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { NEVER_TOLD, SEAM_EVENT_TYPES } from "#src/domain/seam/event";
import { APP, CloudedRig } from "#test/support/clouded-rig";
import { KEYPAD_INVENTORY, LOCK } from "#test/support/keypad-rig";
import { SITE } from "#test/support/engine-rig";
import { noteLockEvent } from "#src/engine/keypads/lock-facts";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";

/** Of Seam's newest SDK. */
const types = readFileSync(
  createRequire(import.meta.url)
    .resolve("@seamapi/http")
    .replace("index.js", "lib/resources/event.d.ts"),
  "utf8",
);
const SEAMS: readonly string[] = [
  ...new Set([...types.matchAll(/event_type: '([a-z_.]+)'/g)].map(([, type = ""]) => type)),
];

/** Seam's own schema, as the older generation of its SDK brings it along. */
const published = createRequire(createRequire(import.meta.url).resolve("seam"))("@seamapi/types/connect") as {
  readonly schemas: { readonly seam_event: { safeParse(value: unknown): { readonly error?: SchemaError } } };
};
interface SchemaError {
  readonly issues: readonly { readonly code: string; readonly path: readonly unknown[] }[];
}

/** It knows neither the newest types, nor the method `remote`, nor that a code which is gone has no PIN any more. */
const ALLOWED = ["invalid_union_discriminator event_type", "invalid_enum_value method", "invalid_type code"];

function expectSeams(event: JsonObject): void {
  const { error } = published.schemas.seam_event.safeParse(event);
  const faults = (error?.issues ?? []).map(({ code, path }) => `${code} ${path.join(".")}`);
  const unexpected = faults.filter((fault) => !ALLOWED.includes(fault));
  expect({ event, unexpected }).toEqual({ event, unexpected: [] });
}

test("every type of Seam's is told here, or it is said why it never is", () => {
  expect(SEAMS.length).toBeGreaterThan(100);
  const known: readonly string[] = [...SEAM_EVENT_TYPES, ...Object.keys(NEVER_TOLD)];
  expect([...known].sort()).toEqual([...SEAMS].sort());
});

test("docs/api.md has the same two lists", () => {
  const text = readFileSync("docs/api.md", "utf8");
  const section = /## Events\n(.*?)\n## /s.exec(text)?.[1] ?? "";
  const [told = "", never = ""] = section.split("Never told");
  const named = (part: string) =>
    [...part.matchAll(/^\| (.*?) \|/gm)]
      .flatMap(([, cell = ""]) => [...cell.matchAll(/`([a-z_.]+)`/g)])
      .map(([, type = ""]) => type);
  expect(named(told).sort()).toEqual([...SEAM_EVENT_TYPES].sort());
  expect(named(never).sort()).toEqual(Object.keys(NEVER_TOLD).sort());
});

describe("a site's life", () => {
  test("tells every type, on the gateway and in the cloud", { timeout: 60_000 }, async () => {
    const rig = new CloudedRig();
    rig.simulator.schedulers.add("lock-2");
    await rig.ready();
    await liveOn(rig);
    const seen = (list: readonly JsonObject[]) => {
      for (const event of list) expectSeams(event);
      return [...new Set(list.map(({ event_type }) => event_type))];
    };
    const everything = { where: {}, limit: 5_000 };
    const atGateway = seen(rig.desk.events.list(everything, APP));
    const inCloud = seen(rig.cloud.events.list(everything, APP));
    const missing = (told: readonly unknown[]) => SEAM_EVENT_TYPES.filter((type) => !told.includes(type));
    expect({ gateway: missing(atGateway), cloud: missing(inCloud) }).toEqual({ gateway: [], cloud: [] });
  });
});

async function liveOn(rig: CloudedRig): Promise<void> {
  await guestComesAndGoes(rig);
  await codesComeAndGo(rig);
  await codesAreChangedAtTheLock(rig);
  await aLockRefuses(rig);
  await doorsAreUsed(rig);
  await theSiteIsRebuilt(rig);
}

const HOUR = 3_600_000;

async function guestComesAndGoes(rig: CloudedRig): Promise<void> {
  const { cloud } = rig;
  const user = cloud.users.create({ systemId: SITE.system, fullName: "Ada" }, APP);
  const group = rig.desk.accessGroups.create(
    { systemId: SITE.system, name: "Staff", entranceIds: [SITE.pool] },
    APP,
  );
  await rig.settle();
  const made = cloud.credentials.create(
    {
      accessMethod: "card",
      userId: idOf(user, "acs_user_id"),
      entranceIds: [SITE.room101],
      endsAt: rig.clock.now() + 24 * HOUR,
      isOneTimeUse: false,
      isMultiPhoneSync: false,
      brandMetadata: [],
    },
    APP,
  );
  const credentialId = idOf(made, "acs_credential_id");
  rig.put();
  for (const times of [1, 2]) {
    await rig.settle();
    cloud.encoders.encode({ encoderId: SITE.desk, credentialId }, APP);
    await rig.settle();
    cloud.credentials.update(credentialId, { endsAt: rig.clock.now() + (24 + times) * HOUR }, APP);
  }
  await rig.settle();
  cloud.credentials.delete(credentialId, APP);
  await rig.settle();
  await rig.job("erase");
  cloud.users.delete(idOf(user, "acs_user_id"), APP);
  cloud.accessGroups.delete(idOf(group, "acs_access_group_id"), APP);
  await rig.settle();
}

async function codesComeAndGo(rig: CloudedRig): Promise<void> {
  const { desk, cloud } = rig;
  const endsAt = rig.clock.now() + 4 * HOUR;
  const wish = { deviceId: LOCK.plain, endsAt, useBackupPool: true, code: new Secret("4711") };
  const id = idOf(cloud.accessCodes.create(wish, APP).accessCode, "access_code_id");
  await rig.settle();
  cloud.accessCodes.update(id, { name: "Ada", code: new Secret("4712"), endsAt: endsAt + HOUR }, APP);
  await rig.settle();
  cloud.accessCodes.pullBackup(id, APP);
  await rig.settle();
  desk.accessCodes.delete(id, undefined, APP);
  const later = {
    deviceId: LOCK.masked,
    startsAt: rig.clock.now() + 30 * HOUR,
    endsAt: rig.clock.now() + 32 * HOUR,
  };
  desk.accessCodes.create(later, APP);
  await rig.settle();
  cloud.devices.update(LOCK.plain, { name: "Kitchen" }, APP);
  await rig.settle();
}

async function codesAreChangedAtTheLock(rig: CloudedRig): Promise<void> {
  const { accessCode } = rig.desk.accessCodes.create({ deviceId: LOCK.plain, code: new Secret("5511") }, APP);
  await rig.settle();
  const [slot] = Object.entries(rig.held("lock-1")).find(([, pin]) => pin === "5511") ?? [];
  rig.simulator.changeSlotAtLock("lock-1", Number(slot), "9999");
  await rig.settle();
  rig.simulator.changeSlotAtLock("lock-1", Number(slot), null);
  await rig.settle();
  rig.simulator.changeSlotAtLock("lock-1", 20, "8080");
  rig.simulator.changeSlotAtLock("lock-1", 21, "8081");
  await rig.settle();
  const page = rig.desk.accessCodes.unmanaged.list({ deviceId: LOCK.plain, limit: 9 }, APP);
  rig.cloud.accessCodes.unmanaged.convert(idOf(page.items[0]!, "access_code_id"), { force: false }, APP);
  rig.desk.accessCodes.unmanaged.delete(idOf(page.items[1]!, "access_code_id"), APP);
  rig.desk.accessCodes.delete(idOf(accessCode, "access_code_id"), undefined, APP);
  await rig.settle();
}

async function aLockRefuses(rig: CloudedRig): Promise<void> {
  const { accessCode } = rig.desk.accessCodes.create({ deviceId: LOCK.plain, code: new Secret("6611") }, APP);
  await rig.settle();
  rig.simulator.refusesCodes = true;
  rig.desk.accessCodes.create({ deviceId: LOCK.plain, code: new Secret("6612") }, APP);
  rig.desk.accessCodes.delete(idOf(accessCode, "access_code_id"), undefined, APP);
  for (let turns = 0; turns < 8; turns++) await rig.settle(3 * 60_000);
  rig.simulator.refusesCodes = false;
  await rig.settle(3 * HOUR);
}

async function doorsAreUsed(rig: CloudedRig): Promise<void> {
  const { cloud, simulator } = rig;
  const simulation = cloud.simulation!;
  for (const isThere of [true, false]) {
    if (!isThere) {
      rig.unplug();
      await rig.settle();
    }
    cloud.locks.lockDoor(LOCK.plain, APP);
    cloud.locks.unlockDoor(LOCK.plain, APP);
    await rig.settle();
    simulation.lockByHand(LOCK.plain, APP);
    simulation.enterCode({ deviceId: LOCK.plain, code: new Secret("0000") }, APP);
    await rig.settle(200_000);
  }
  // What the cloud asks of a gateway that is away nobody carries out.
  await rig.disconnect();
  simulation.lockByHand(LOCK.plain, APP);
  simulation.enterCode({ deviceId: LOCK.plain, code: new Secret("0000") }, APP);
  await rig.clock.advance(200_000);
  rig.site.expire();
  rig.engine.transact({}, (tx) => {
    for (const act of ["KEYPAD_CODE_ENTRY", "MANUAL_LOCK_VIA_KEYPAD"]) {
      const id = `ffffffff-0000-4000-8000-0000000000${act.length}`;
      rig.store.attempts.create({
        id,
        actionType: `SIMULATE_${act}`,
        status: "pending",
        result: null,
        error: null,
        credentialId: null,
        encoderId: null,
        deviceId: LOCK.plain,
        isCommand: false,
        createdAt: tx.now,
        finishedAt: null,
      });
    }
  });
  await rig.plug();
  simulator.reportBattery("lock-1", 12);
  await rig.settle();
  const lock = KEYPAD_INVENTORY.locks[0]!;
  rig.engine.transact({}, (tx) => noteLockEvent(rig.engine.deps, tx, lock, { type: "tampered" }));
}

async function theSiteIsRebuilt(rig: CloudedRig): Promise<void> {
  rig.crash({ ...KEYPAD_INVENTORY, entrances: [], encoders: [], locks: [] });
  await rig.connect();
}

function idOf(object: JsonObject, member: string): string {
  const id = object[member];
  if (typeof id !== "string") throw new Error(`no ${member}`);
  return id;
}
