import { expect } from "vitest";
import { type Client, codeOf, type Sdk, SOON } from "./sdks.js";

/** Users, groups and entrances, told by Seam's SDK: what somebody may open, and how it comes and goes. */
export interface AccessSite {
  readonly systemId: string;
  /** A guest door, a shared zone, and an entrance with a keypad and no number on cards. */
  readonly doorId: string;
  readonly zoneId: string;
  readonly keypadId: string;
  /** A group of the system that grants the zone. */
  readonly groupId: string;
}

export async function playAccessStory(sdk: Sdk, seam: Client, site: AccessSite): Promise<void> {
  const { acs_user_id } = await seam.acs.users.create({
    acs_system_id: site.systemId,
    full_name: "Grace Hopper",
  });
  const card = await seam.acs.credentials.create({
    acs_user_id,
    access_method: "card",
    allowed_acs_entrance_ids: [site.doorId],
  });
  const { acs_credential_id } = card;
  const opened = async () => {
    const entrances = await seam.acs.credentials.listAccessibleEntrances({ acs_credential_id });
    return entrances.map(({ acs_entrance_id }) => acs_entrance_id).sort();
  };
  expect(await opened()).toEqual([site.doorId]);

  await joinGroup(seam, site, acs_user_id);
  expect(await opened()).toEqual([site.doorId, site.zoneId].sort());
  const holders = await seam.acs.entrances.listCredentialsWithAccess({ acs_entrance_id: site.zoneId });
  expect(holders.map((held) => held.acs_credential_id)).toContain(acs_credential_id);
  await seam.acs.users.removeFromAccessGroup({ acs_user_id, acs_access_group_id: site.groupId });
  expect(await opened()).toEqual([site.doorId]);

  await seam.acs.entrances.grantAccess({ acs_user_id, acs_entrance_id: site.zoneId });
  expect(await opened()).toEqual([site.doorId, site.zoneId].sort());
  const ofUser = await seam.acs.users.listAccessibleEntrances({ acs_user_id });
  expect(ofUser.map(({ acs_entrance_id }) => acs_entrance_id).sort()).toEqual(
    [site.doorId, site.zoneId].sort(),
  );

  await seam.acs.users.suspend({ acs_user_id });
  expect(await seam.acs.users.get({ acs_user_id })).toMatchObject({ is_suspended: true });
  await seam.acs.users.unsuspend({ acs_user_id });
  expect(await seam.acs.users.get({ acs_user_id })).toMatchObject({ is_suspended: false });

  await pinOnTwoDoors(sdk, seam, site, acs_user_id);

  await seam.acs.users.revokeAccessToAllEntrances({ acs_user_id });
  expect(await seam.acs.users.listAccessibleEntrances({ acs_user_id })).toEqual([]);
  const again = seam.acs.credentials.update({ acs_credential_id, ends_at: "2040-01-01T00:00:00Z" });
  expect(await codeOf(sdk.errors.api, again)).toBe("credential_revoked");
  await seam.acs.users.delete({ acs_user_id });
}

async function joinGroup(seam: Client, { groupId, systemId, zoneId }: AccessSite, acs_user_id: string) {
  const acs_access_group_id = groupId;
  const groups = await seam.acs.accessGroups.list({ acs_system_id: systemId });
  expect(groups.map((group) => group.acs_access_group_id)).toContain(groupId);
  expect(await seam.acs.accessGroups.get({ acs_access_group_id })).toMatchObject({ acs_system_id: systemId });
  await seam.acs.accessGroups.addUser({ acs_access_group_id, acs_user_id });
  await seam.acs.users.addToAccessGroup({ acs_access_group_id, acs_user_id });
  const users = await seam.acs.accessGroups.listUsers({ acs_access_group_id });
  expect(users.map((user) => user.acs_user_id)).toContain(acs_user_id);
  const mine = await seam.acs.accessGroups.list({ acs_user_id });
  expect(mine.map((group) => group.acs_access_group_id)).toEqual([groupId]);
  const entrances = await seam.acs.accessGroups.listAccessibleEntrances({ acs_access_group_id });
  expect(entrances.map(({ acs_entrance_id }) => acs_entrance_id)).toEqual([zoneId]);
}

/** The owner's sample: a PIN credential; here with the entrances that have keypads. */
async function pinOnTwoDoors(sdk: Sdk, seam: Client, site: AccessSite, acs_user_id: string): Promise<void> {
  const code = String(Math.floor(100_000 + Math.random() * 800_000));
  const pin = await seam.acs.credentials.create({
    acs_user_id,
    access_method: "code",
    code,
    allowed_acs_entrance_ids: [site.doorId, site.keypadId],
  });
  expect(pin).toMatchObject({ access_method: "code", code, is_one_time_use: false, is_managed: true });
  const { acs_credential_id } = pin;
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id }), SOON)
    .toMatchObject({ is_latest_desired_state_synced_with_provider: true, errors: [], warnings: [] });
  const found = await seam.acs.credentials.list({ acs_user_id, search: code });
  expect(found.map((one) => one.acs_credential_id)).toEqual([acs_credential_id]);
  await unlock(seam, { acs_entrance_id: site.doorId, acs_credential_id });
  await seam.acs.credentials.delete({ acs_credential_id });
  await expect
    .poll(() => codeOf(sdk.errors.api, seam.acs.credentials.get({ acs_credential_id })), SOON)
    .toBe("acs_credential_not_found");
}

/** The earlier SDK has no method for it, so it goes through the SDK's own HTTP client. */
async function unlock(
  seam: Client,
  body: { acs_entrance_id: string; acs_credential_id: string },
): Promise<void> {
  const { data } = await seam.client.post<{ action_attempt: { action_attempt_id: string } }>(
    "/acs/entrances/unlock",
    body,
  );
  const { action_attempt_id } = data.action_attempt;
  const ended = await seam.actionAttempts.get(
    { action_attempt_id },
    { waitForActionAttempt: { timeout: 10_000 } },
  );
  expect(ended).toMatchObject({ action_type: "UNLOCK_DOOR", status: "success" });
}
