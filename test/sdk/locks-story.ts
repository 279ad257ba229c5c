import { expect } from "vitest";
import { type Client, codeOf, DAY_MS, type Sdk, SOON } from "./sdks.js";

/**
 * A guest's PIN on a lock, told by Seam's SDK: set, changed, changed with the guest's plans, deleted; a code that
 * somebody set at the lock, taken over; a backup handed out; a door opened from afar.
 */
export interface LocksSite {
  /** A lock with a pool of backup codes, and another one. */
  readonly lockIds: readonly [string, string];
  /** What lies on a lock now. */
  readonly codesOnLock: (lockId: string) => readonly string[];
  /** What people and time do to the first lock. */
  readonly openDoor: (isOpen: boolean) => void;
  readonly drainTo: (percent: number) => void;
  readonly jam: () => void;
  readonly lockByHand: () => void;
  /** Somebody sets a PIN at the first lock. */
  readonly setAtLock: (pin: string) => void;
}

const at = (days: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + days * DAY_MS).toISOString();

export async function playLocksStory(sdk: Sdk, seam: Client, site: LocksSite): Promise<void> {
  await seeLocks(seam, site);
  const codeId = await setCode(sdk, seam, site);
  await changeCode(sdk, seam, site, codeId);
  await takeCodeAway(sdk, seam, site, codeId);
  await linkCodes(seam, site);
  await takeOver(sdk, seam, site);
  await handOutBackup(sdk, seam, site);
  await openDoor(seam, site);
  await seeHowItStands(seam, site);
}

async function freePin(seam: Client, device_id: string): Promise<string> {
  const { code } = await seam.accessCodes.generateCode({ device_id });
  if (code === null) throw new Error("no PIN came");
  return code;
}

async function seeLocks(seam: Client, { lockIds: [first, second] }: LocksSite): Promise<void> {
  const devices = await seam.devices.list();
  expect(devices.map(({ device_id }) => device_id)).toEqual(expect.arrayContaining([first, second]));
  const locks = await seam.locks.list();
  expect(locks.map(({ device_id }) => device_id)).toEqual(expect.arrayContaining([first, second]));
  await expect
    .poll(() => seam.devices.get({ device_id: first }), SOON)
    .toMatchObject({
      can_program_online_access_codes: true,
      can_remotely_lock: true,
      can_remotely_unlock: true,
      properties: {
        online: true,
        supports_backup_access_code_pool: true,
        supported_code_lengths: expect.arrayContaining([4]) as number[],
      },
    });
  const name = `Front door ${Math.random()}`;
  await seam.devices.update({ device_id: first, name, custom_metadata: { wing: "west", vip: true } });
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- apps of both generations call it
  expect(await seam.locks.get({ name })).toMatchObject({
    device_id: first,
    display_name: name,
    nickname: name,
    custom_metadata: { wing: "west", vip: true },
  });
  const west = await seam.devices.list({ custom_metadata_has: { wing: "west" } });
  expect(west.map(({ device_id }) => device_id)).toEqual([first]);
  // Both generations send null to restore the device's own name; their types do not know it.
  const restored = { device_id: first, name: null, custom_metadata: { wing: null } };
  await seam.devices.update(restored as unknown as Parameters<Client["devices"]["update"]>[0]);
  expect(await seam.devices.get({ device_id: first })).not.toHaveProperty("nickname");
}

async function setCode(
  sdk: Sdk,
  seam: Client,
  { lockIds: [lockId], codesOnLock }: LocksSite,
): Promise<string> {
  const code = await freePin(seam, lockId);
  expect(code).toMatch(/^\d+$/);
  const made = await seam.accessCodes.create({ device_id: lockId, name: "Ada", code: code });
  expect(made).toMatchObject({
    device_id: lockId,
    name: "Ada",
    code,
    type: "ongoing",
    is_managed: true,
    is_external_modification_allowed: false,
    is_offline_access_code: false,
    is_one_time_use: false,
    is_backup_access_code_available: false,
    common_code_key: null,
    errors: [],
    warnings: [],
  });
  const { access_code_id } = made;
  await expect.poll(() => seam.accessCodes.get({ access_code_id }), SOON).toMatchObject({ status: "set" });
  expect(codesOnLock(lockId)).toContain(code);
  expect(await seam.accessCodes.get({ device_id: lockId, code })).toMatchObject({ access_code_id });
  const listed = await seam.accessCodes.list({ device_id: lockId, search: "ada" });
  expect(listed.map((one) => one.access_code_id)).toContain(access_code_id);
  const twice = seam.accessCodes.create({ device_id: lockId, name: "Grace", code });
  expect(await codeOf(sdk.errors.api, twice)).toBe("duplicate_access_code");
  return access_code_id;
}

/** The owner's sample: name, window and PIN at once. */
async function changeCode(sdk: Sdk, seam: Client, site: LocksSite, access_code_id: string): Promise<void> {
  const {
    lockIds: [lockId, other],
    codesOnLock,
  } = site;
  const code = await freePin(seam, lockId);
  const [starts_at, ends_at] = [at(-1), at(2)];
  await seam.accessCodes.update({ access_code_id, name: "My Updated Access Code", starts_at, ends_at, code });
  await expect
    .poll(() => seam.accessCodes.get({ access_code_id }), SOON)
    .toMatchObject({
      name: "My Updated Access Code",
      code,
      type: "time_bound",
      starts_at,
      ends_at,
      status: "set",
      pending_mutations: [],
    });
  await expect.poll(() => codesOnLock(lockId), SOON).toContain(code);
  for (const refused of [
    { device_id: other },
    { ends_at: at(-2) },
    { code: "12a4" },
    { is_offline_access_code: true },
    { is_one_time_use: true },
    { type: "ongoing", ends_at: at(3) } as const,
  ]) {
    expect(
      await codeOf(sdk.errors.invalidInput, seam.accessCodes.update({ access_code_id, ...refused })),
    ).toBe("invalid_input");
  }
  await seam.accessCodes.update({ access_code_id, type: "ongoing" });
  await expect
    .poll(() => seam.accessCodes.get({ access_code_id }), SOON)
    .toMatchObject({ type: "ongoing", code, status: "set" });
  // Far ahead: it waits here, not on the lock.
  await seam.accessCodes.update({ access_code_id, starts_at: at(5), ends_at: at(6) });
  await expect.poll(() => codesOnLock(lockId), SOON).not.toContain(code);
  await expect
    .poll(() => seam.accessCodes.get({ access_code_id }), SOON)
    .toMatchObject({ status: "unset", pending_mutations: [{ mutation_code: "deferring_creation" }] });
}

async function takeCodeAway(sdk: Sdk, seam: Client, site: LocksSite, access_code_id: string): Promise<void> {
  const since = at(-1);
  await seam.accessCodes.delete({ access_code_id });
  await expect
    .poll(() => codeOf(sdk.errors.api, seam.accessCodes.get({ access_code_id })), SOON)
    .toBe("access_code_not_found");
  await expect
    .poll(async () => {
      const events = await seam.events.list({ since, access_code_id });
      return events.map(({ event_type }) => event_type);
    }, SOON)
    .toEqual(
      expect.arrayContaining([
        "access_code.created",
        "access_code.set_on_device",
        "access_code.removed_from_device",
        "access_code.deleted",
      ]),
    );
  const attempts = await seam.actionAttempts.list({ device_id: site.lockIds[0] });
  expect(attempts.map(({ action_type }) => action_type)).toEqual(
    expect.arrayContaining(["CREATE_ACCESS_CODE", "UPDATE_ACCESS_CODE", "DELETE_ACCESS_CODE"]),
  );
}

async function linkCodes(seam: Client, { lockIds }: LocksSite): Promise<void> {
  const linked = await seam.accessCodes.createMultiple({ device_ids: [...lockIds], name: "Cleaners" });
  expect(linked).toHaveLength(2);
  const [one, two] = linked;
  expect(one?.code).toBe(two?.code);
  expect(one?.common_code_key).toEqual(expect.any(String));
  const ends_at = at(4);
  await seam.accessCodes.updateMultiple({ common_code_key: one?.common_code_key ?? "", ends_at });
  for (const { access_code_id } of linked) {
    await expect
      .poll(() => seam.accessCodes.get({ access_code_id }), SOON)
      .toMatchObject({ ends_at, status: "set" });
    await seam.accessCodes.delete({ access_code_id });
  }
}

async function takeOver(sdk: Sdk, seam: Client, site: LocksSite): Promise<void> {
  const [device_id] = site.lockIds;
  const pin = String(Math.floor(100_000 + Math.random() * 800_000));
  site.setAtLock(pin);
  await expect
    .poll(async () => {
      const codes = await seam.accessCodes.unmanaged.list({ device_id });
      return codes.map(({ code }) => code);
    }, SOON)
    .toContain(pin);
  const unmanaged = await seam.accessCodes.unmanaged.get({ device_id, code: pin });
  const { access_code_id } = unmanaged;
  expect(unmanaged).toMatchObject({ is_managed: false, status: "set" });
  expect(await codeOf(sdk.errors.api, seam.accessCodes.get({ access_code_id }))).toBe(
    "access_code_not_found",
  );
  await seam.accessCodes.unmanaged.convertToManaged({ access_code_id, allow_external_modification: true });
  await expect
    .poll(() => seam.accessCodes.get({ access_code_id }), SOON)
    .toMatchObject({ is_managed: true, code: pin, is_external_modification_allowed: true, status: "set" });
  expect(site.codesOnLock(device_id)).toContain(pin);
  await seam.accessCodes.delete({ access_code_id });
  await expect.poll(() => site.codesOnLock(device_id), SOON).not.toContain(pin);
}

async function handOutBackup(
  sdk: Sdk,
  seam: Client,
  { lockIds: [device_id, without] }: LocksSite,
): Promise<void> {
  const none = { device_id: without, ends_at: at(1), use_backup_access_code_pool: true };
  expect(await codeOf(sdk.errors.invalidInput, seam.accessCodes.create(none))).toBe("invalid_input");
  const ends_at = at(1);
  const { access_code_id } = await seam.accessCodes.create({
    device_id,
    ends_at,
    use_backup_access_code_pool: true,
  });
  await expect
    .poll(() => seam.accessCodes.get({ access_code_id }), SOON)
    .toMatchObject({ status: "set", is_backup_access_code_available: true });
  const backup = await seam.accessCodes.pullBackupAccessCode({ access_code_id });
  expect(backup).toMatchObject({ device_id, ends_at });
  expect(backup.access_code_id).not.toBe(access_code_id);
  const again = await seam.accessCodes.pullBackupAccessCode({ access_code_id });
  expect(again.access_code_id).toBe(backup.access_code_id);
  expect(await seam.accessCodes.get({ access_code_id })).toMatchObject({
    pulled_backup_access_code_id: backup.access_code_id,
  });
  for (const id of [backup.access_code_id, access_code_id])
    await seam.accessCodes.delete({ access_code_id: id });
}

async function openDoor(seam: Client, { lockIds: [device_id] }: LocksSite): Promise<void> {
  const unlocked = await seam.locks.unlockDoor({ device_id });
  expect(unlocked).toMatchObject({ action_type: "UNLOCK_DOOR", status: "success", error: null });
  await expect
    .poll(() => seam.devices.get({ device_id }), SOON)
    .toMatchObject({ properties: { locked: false } });
  await seam.locks.lockDoor({ device_id });
  await expect
    .poll(() => seam.devices.get({ device_id }), SOON)
    .toMatchObject({ properties: { locked: true } });
}

/** Bolt, door, battery and a jam, as the lock itself tells them. */
async function seeHowItStands(seam: Client, site: LocksSite): Promise<void> {
  const [device_id] = site.lockIds;
  const lock = () => seam.devices.get({ device_id });
  for (const isOpen of [true, false]) {
    site.openDoor(isOpen);
    await expect.poll(lock, SOON).toMatchObject({ properties: { online: true, door_open: isOpen } });
  }
  for (const [percent, status] of [
    [15, "low"],
    [95, "full"],
  ] as const) {
    site.drainTo(percent);
    const battery = { level: percent / 100, status };
    await expect.poll(lock, SOON).toMatchObject({ properties: { battery, battery_level: battery.level } });
  }
  site.jam();
  await expect
    .poll(lock, SOON)
    .toMatchObject({ warnings: [{ message: expect.stringContaining("jammed") as string }] });
  site.lockByHand();
  await expect.poll(lock, SOON).toMatchObject({ warnings: [], properties: { locked: true } });
}
