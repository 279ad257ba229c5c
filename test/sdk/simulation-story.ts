import { expect } from "vitest";
import { type Client, codeOf, DAY_MS, type Sdk, SOON } from "./sdks.js";

/** A sandbox without hands: Seam's `simulate` routes move cards, fingers and plugs, and the gateway meets them. */
export interface SimulationSite {
  readonly systemId: string;
  readonly doorId: string;
  readonly encoderId: string;
  readonly lockId: string;
  /** A keypad that only reports. */
  readonly gateId: string;
}

const WAITED_FOR = { waitForActionAttempt: { timeout: 30_000, pollingInterval: 100 } };

export async function playSimulationStory(sdk: Sdk, seam: Client, site: SimulationSite): Promise<void> {
  const acs_credential_id = await encode(sdk, seam, site);
  await scan(sdk, seam, site, acs_credential_id);
  await interrupt(sdk, seam, site);
  await useLock(sdk, seam, site);
  await befallLock(sdk, seam, site);
}

async function newCard(seam: Client, { systemId, doorId }: SimulationSite): Promise<string> {
  const { acs_credential_id } = await seam.acs.credentials.create({
    acs_system_id: systemId,
    access_method: "card",
    allowed_acs_entrance_ids: [doorId],
    ends_at: new Date(Math.floor(Date.now() / 1000) * 1000 + DAY_MS).toISOString(),
  });
  return acs_credential_id;
}

async function encode(sdk: Sdk, seam: Client, site: SimulationSite): Promise<string> {
  const acs_encoder_id = site.encoderId;
  const acs_credential_id = await newCard(seam, site);
  const encoding = () =>
    seam.acs.encoders.encodeCredential({ acs_encoder_id, acs_credential_id }, WAITED_FOR);
  for (const error_code of [
    "no_credential_on_encoder",
    "action_attempt_expired",
    "uncategorized_error",
  ] as const) {
    await seam.acs.encoders.simulate.nextCredentialEncodeWillFail({ acs_encoder_id, error_code });
    expect(await codeOf(sdk.errors.attemptFailed, encoding())).toBe(error_code);
  }
  // Noise on its line made the gateway open the encoder anew.
  await expect.poll(() => seam.acs.encoders.get({ acs_encoder_id }), SOON).toMatchObject({ errors: [] });
  await seam.acs.encoders.simulate.nextCredentialEncodeWillSucceed({ acs_encoder_id });
  expect(await encoding()).toMatchObject({
    status: "success",
    result: { acs_credential_id, is_issued: true },
  });
  return acs_credential_id;
}

async function scan(sdk: Sdk, seam: Client, site: SimulationSite, acs_credential_id: string): Promise<void> {
  const acs_encoder_id = site.encoderId;
  const { simulate } = seam.acs.encoders;
  const scanning = () => seam.acs.encoders.scanCredential({ acs_encoder_id }, WAITED_FOR);
  const known = { acs_encoder_id, acs_credential_id_on_seam: acs_credential_id };
  await simulate.nextCredentialScanWillSucceed({ ...known, scenario: "credential_exists_on_seam" });
  expect((await scanning()).result).toMatchObject({
    acs_credential_on_seam: { acs_credential_id },
    warnings: [],
  });
  await simulate.nextCredentialScanWillSucceed({
    acs_encoder_id,
    scenario: "credential_on_encoder_is_empty",
  });
  expect((await scanning()).result).toMatchObject({
    acs_credential_on_encoder: null,
    acs_credential_on_seam: null,
  });
  await simulate.nextCredentialScanWillSucceed({
    acs_encoder_id,
    scenario: "credential_does_not_exist_on_seam",
  });
  expect((await scanning()).result).toMatchObject({
    acs_credential_on_seam: null,
    warnings: [{ warning_code: "acs_credential_on_seam_not_found" }],
  });
  await simulate.nextCredentialScanWillFail({ acs_encoder_id, error_code: "no_credential_on_encoder" });
  expect(await codeOf(sdk.errors.attemptFailed, scanning())).toBe("no_credential_on_encoder");
  const ends_at = new Date(Math.floor(Date.now() / 1000) * 1000 + 2 * DAY_MS).toISOString();
  await seam.acs.credentials.update({ acs_credential_id, ends_at });
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id }), SOON)
    .toMatchObject({ warnings: [{ warning_code: "needs_to_be_reissued" }] });
  await simulate.nextCredentialScanWillSucceed({ ...known, scenario: "credential_on_encoder_needs_update" });
  expect((await scanning()).result).toMatchObject({
    acs_credential_on_seam: { acs_credential_id },
    warnings: [{ warning_code: "acs_credential_on_encoder_out_of_sync" }],
  });
  await scanToAssign(seam, site, acs_credential_id);
}

async function scanToAssign(seam: Client, site: SimulationSite, acs_credential_id: string): Promise<void> {
  const acs_encoder_id = site.encoderId;
  const { acs_user_id } = await seam.acs.users.create({
    acs_system_id: site.systemId,
    full_name: "Katherine Johnson",
  });
  await seam.acs.encoders.simulate.nextCredentialScanWillSucceed({
    acs_encoder_id,
    acs_credential_id_on_seam: acs_credential_id,
    scenario: "credential_on_encoder_needs_update",
  });
  // The earlier SDK has no method for it, so it goes through the SDK's own HTTP client.
  const { data } = await seam.client.post<{ action_attempt: { action_attempt_id: string } }>(
    "/acs/encoders/scan_to_assign_credential",
    { acs_encoder_id, acs_user_id },
  );
  const { action_attempt_id } = data.action_attempt;
  expect(await seam.actionAttempts.get({ action_attempt_id }, WAITED_FOR)).toMatchObject({
    action_type: "SCAN_TO_ASSIGN_CREDENTIAL",
    status: "success",
    result: { acs_credential_id, acs_user_id },
  });
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id }), SOON)
    .toMatchObject({ acs_user_id });
}

async function interrupt(sdk: Sdk, seam: Client, site: SimulationSite): Promise<void> {
  const acs_encoder_id = site.encoderId;
  const acs_credential_id = await newCard(seam, site);
  await seam.acs.encoders.simulate.nextCredentialEncodeWillFail({
    acs_encoder_id,
    error_code: "encoding_interrupted",
  });
  const encoding = seam.acs.encoders.encodeCredential({ acs_encoder_id, acs_credential_id }, WAITED_FOR);
  expect(await codeOf(sdk.errors.attemptFailed, encoding)).toBe("encoding_interrupted");
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id }), SOON)
    .toMatchObject({ warnings: [{ warning_code: "unknown_issue_with_acs_credential" }] });
  await seam.acs.credentials.delete({ acs_credential_id });
}

async function useLock(sdk: Sdk, seam: Client, { lockId: device_id }: SimulationSite): Promise<void> {
  const since = new Date(Date.now() - 1_000).toISOString();
  const code = String(Math.floor(100_000 + Math.random() * 800_000));
  const unmanaged = await seam.accessCodes.simulate.createUnmanagedAccessCode({
    device_id,
    code,
    name: "Plumber",
  });
  expect(unmanaged).toMatchObject({ device_id, code, name: "Plumber", is_managed: false });
  const entered = await seam.locks.simulate.keypadCodeEntry({ device_id, code });
  expect(entered).toMatchObject({ action_type: "SIMULATE_KEYPAD_CODE_ENTRY", status: "success" });
  await seam.locks.simulate.manualLockViaKeypad({ device_id });
  await expect
    .poll(async () => {
      const events = await seam.events.list({ since, device_id });
      return events.map((event) => [event.event_type, "method" in event ? event.method : undefined]);
    }, SOON)
    .toEqual(
      expect.arrayContaining([
        ["lock.unlocked", "keycode"],
        ["lock.locked", "manual"],
      ]),
    );
  await seam.accessCodes.unmanaged.delete({ access_code_id: unmanaged.access_code_id });
  await expect
    .poll(
      () =>
        codeOf(sdk.errors.api, seam.accessCodes.unmanaged.get({ access_code_id: unmanaged.access_code_id })),
      SOON,
    )
    .toBe("access_code_not_found");

  await seam.devices.simulate.disconnect({ device_id });
  await expect
    .poll(() => seam.devices.get({ device_id }), SOON)
    .toMatchObject({ properties: { online: false }, errors: [{ error_code: "device_offline" }] });
  await seam.devices.simulate.connect({ device_id });
  await expect
    .poll(() => seam.devices.get({ device_id }), SOON)
    .toMatchObject({ properties: { online: true }, errors: [] });
}

/** Seam has no route for these, so they go through the SDK's own HTTP client. */
async function befallLock(
  sdk: Sdk,
  seam: Client,
  { lockId: device_id, gateId }: SimulationSite,
): Promise<void> {
  const since = new Date(Date.now() - 1_000).toISOString();
  const befall = (what: object, device_id_of = device_id) =>
    seam.client.post("/lockbridge/simulate/lock", { device_id: device_id_of, ...what });
  const lock = () => seam.devices.get({ device_id });
  for (const level of [0.95, 0.12]) {
    await befall({ battery_level: level });
    await expect.poll(lock, SOON).toMatchObject({ properties: { battery_level: level } });
  }
  for (const door_open of [true, false]) {
    await befall({ door_open });
    await expect.poll(lock, SOON).toMatchObject({ properties: { door_open } });
  }
  await befall({ jam: true });
  await expect
    .poll(lock, SOON)
    .toMatchObject({ warnings: [{ message: expect.stringContaining("jammed") as string }] });
  await seam.locks.simulate.manualLockViaKeypad({ device_id });
  await expect.poll(lock, SOON).toMatchObject({ warnings: [], properties: { locked: true } });
  await befall({ tamper: true });
  await befall({ tamper: true }, gateId);
  const told = async (id: string) =>
    (await seam.events.list({ since, device_id: id })).map(({ event_type }) => event_type);
  await expect
    .poll(() => told(device_id), SOON)
    .toEqual(expect.arrayContaining(["device.low_battery", "device.tampered"]));
  await expect.poll(() => told(gateId), SOON).toContain("device.tampered");

  for (const wrong of [{}, { jam: true, tamper: true }, { jam: false }, { battery_level: 1.01 }])
    expect(await codeOf(sdk.errors.invalidInput, befall(wrong))).toBe("invalid_input");
  expect(await codeOf(sdk.errors.api, befall({ jam: true }, gateId))).toBe("invalid_input");
  const nobody = "eeeeeeee-0000-4000-8000-00000000000f";
  expect(await codeOf(sdk.errors.api, befall({ jam: true }, nobody))).toBe("device_not_found");
}
