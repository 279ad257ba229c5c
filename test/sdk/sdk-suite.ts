import { expect } from "vitest";
import { type Client, codeOf, DAY_MS, errorOf, FOR_A_PERSON, INSTANT, type Sdk, SOON } from "./sdks.js";

export { SDKS } from "./sdks.js";

/**
 * One story, told by Seam's official SDK in both generations: a guest gets a card, stays longer, gets it anew, leaves.
 * Whatever claims to be compatible plays it: the gateway, and the stand-in cloud with a gateway attached. What a far
 * side learns a moment later is polled for.
 */
export interface SdkSite {
  readonly endpoint: string;
  readonly apiKey: string;
  readonly systemId: string;
  /** A guest door and another entrance that one card may open together. */
  readonly entranceIds: readonly string[];
  readonly encoderId: string;
  /** Puts the story's card on the encoder: a blank one the first time, the same one after. */
  putCard(): void | Promise<void>;
  takeCard(): void | Promise<void>;
}

interface InvalidInput {
  readonly getValidationErrorMessages: (parameter: string) => string[];
}

export async function playSdkStory(sdk: Sdk, site: SdkSite): Promise<void> {
  const seam = sdk.connect(site);
  await seeSite(seam, site);
  const userId = await createUser(seam, site);
  const { credentialId, endsAt } = await createCard(seam, site, userId);
  const since = new Date(Date.parse(endsAt) - 365 * DAY_MS).toISOString();

  await encodeCard(seam, site, credentialId);
  await scanCard(seam, site, credentialId);
  await stayLonger(seam, site, credentialId, endsAt);
  await seeLists(seam, userId, credentialId);
  await leave(seam, sdk, userId, credentialId);
  await expect
    .poll(() => eventTypes(seam, credentialId, since), SOON)
    .toEqual(
      expect.arrayContaining(["acs_credential.issued", "acs_credential.reissued", "acs_credential.deleted"]),
    );
  await meetErrors(seam, sdk, site);
}

async function seeSite(seam: Client, site: SdkSite): Promise<void> {
  const workspace = await seam.workspaces.get();
  const systems = await seam.acs.systems.list();
  expect(systems.map((system) => system.acs_system_id)).toContain(site.systemId);
  expect(await seam.acs.systems.get({ acs_system_id: site.systemId })).toMatchObject({
    workspace_id: workspace.workspace_id,
  });
  const entrances = await seam.acs.entrances.list({ acs_system_id: site.systemId });
  expect(entrances.map((entrance) => entrance.acs_entrance_id)).toEqual(
    expect.arrayContaining([...site.entranceIds]),
  );
  const encoders = await seam.acs.encoders.list({ acs_system_ids: [site.systemId] });
  expect(encoders.map((encoder) => encoder.acs_encoder_id)).toContain(site.encoderId);
  expect(await seam.acs.encoders.get({ acs_encoder_id: site.encoderId })).toMatchObject({
    acs_system_id: site.systemId,
  });
}

async function createUser(seam: Client, site: SdkSite): Promise<string> {
  const made = await seam.acs.users.create({
    acs_system_id: site.systemId,
    full_name: "Ada Lovelace",
    email_address: "ada@example.com",
  });
  expect(made).toMatchObject({ display_name: "Ada Lovelace", is_managed: true, errors: [], warnings: [] });
  await seam.acs.users.update({ acs_user_id: made.acs_user_id, full_name: "Ada King" });
  expect(await seam.acs.users.get({ acs_user_id: made.acs_user_id })).toMatchObject({
    full_name: "Ada King",
    email_address: "ada@example.com",
  });
  return made.acs_user_id;
}

async function createCard(seam: Client, site: SdkSite, userId: string) {
  const endsAt = new Date(Math.floor(Date.now() / 1000) * 1000 + 2 * DAY_MS).toISOString();
  const card = await seam.acs.credentials.create({
    acs_user_id: userId,
    access_method: "card",
    allowed_acs_entrance_ids: [...site.entranceIds],
    ends_at: endsAt,
  });
  expect(card).toMatchObject({
    acs_user_id: userId,
    acs_system_id: site.systemId,
    access_method: "card",
    ends_at: endsAt,
    is_issued: false,
    is_managed: true,
    is_multi_phone_sync_credential: false,
    errors: [],
    warnings: [{ warning_code: "waiting_to_be_issued" }],
  });
  expect(card).not.toHaveProperty("card_number");
  expect(card.created_at).toMatch(INSTANT);
  return { credentialId: card.acs_credential_id, endsAt };
}

async function encodeCard(seam: Client, site: SdkSite, credentialId: string): Promise<void> {
  const encoding = seam.acs.encoders.encodeCredential(
    { acs_encoder_id: site.encoderId, acs_credential_id: credentialId },
    { waitForActionAttempt: FOR_A_PERSON },
  );
  await site.putCard();
  const attempt = await encoding;
  expect(attempt).toMatchObject({
    action_type: "ENCODE_CREDENTIAL",
    status: "success",
    error: null,
    result: { acs_credential_id: credentialId, is_issued: true },
  });
  const sameAttempt = await seam.actionAttempts.get(
    { action_attempt_id: attempt.action_attempt_id },
    { waitForActionAttempt: false },
  );
  expect(sameAttempt).toEqual(attempt);
  await site.takeCard();
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id: credentialId }), SOON)
    .toMatchObject({
      is_issued: true,
      issued_at: expect.stringMatching(INSTANT) as string,
      card_number: expect.stringMatching(/./) as string,
      is_latest_desired_state_synced_with_provider: true,
      warnings: [],
    });
}

async function scanCard(seam: Client, site: SdkSite, credentialId: string): Promise<void> {
  const scanning = seam.acs.encoders.scanCredential(
    { acs_encoder_id: site.encoderId },
    { waitForActionAttempt: FOR_A_PERSON },
  );
  await site.putCard();
  const { action_type, result } = await scanning;
  expect(action_type).toBe("SCAN_CREDENTIAL");
  expect(result).toMatchObject({
    acs_credential_on_encoder: { is_issued: true, card_number: expect.stringMatching(/./) as string },
    acs_credential_on_seam: { acs_credential_id: credentialId },
    warnings: [],
  });
  await site.takeCard();
}

/** A later end makes the card in the hand stale; writing it again mends that. */
async function stayLonger(seam: Client, site: SdkSite, credentialId: string, endsAt: string): Promise<void> {
  const later = new Date(Date.parse(endsAt) + DAY_MS).toISOString();
  await seam.acs.credentials.update({ acs_credential_id: credentialId, ends_at: later });
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id: credentialId }), SOON)
    .toMatchObject({
      ends_at: later,
      is_issued: true,
      is_latest_desired_state_synced_with_provider: false,
      warnings: [{ warning_code: "needs_to_be_reissued" }],
    });
  await encodeCard(seam, site, credentialId);
}

async function seeLists(seam: Client, userId: string, credentialId: string): Promise<void> {
  const held = await seam.acs.credentials.list({ acs_user_id: userId });
  expect(held.map((credential) => credential.acs_credential_id)).toEqual([credentialId]);
  const pages = seam.createPaginator(seam.acs.users.list({ limit: 1 }));
  const users = await pages.flattenToArray();
  expect(users.map((user) => user.acs_user_id)).toContain(userId);
  const attempts = await seam.actionAttempts.list({ limit: 3 });
  expect(attempts).toHaveLength(3);
  await seam.acs.credentials.unassign({ acs_credential_id: credentialId, acs_user_id: userId });
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id: credentialId }), SOON)
    .not.toHaveProperty("acs_user_id");
  await seam.acs.credentials.assign({ acs_credential_id: credentialId, acs_user_id: userId });
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id: credentialId }), SOON)
    .toMatchObject({ acs_user_id: userId });
}

async function leave(seam: Client, sdk: Sdk, userId: string, credentialId: string): Promise<void> {
  await seam.acs.credentials.delete({ acs_credential_id: credentialId });
  await expect
    .poll(() => codeOf(sdk.errors.api, seam.acs.credentials.get({ acs_credential_id: credentialId })), SOON)
    .toBe("acs_credential_not_found");
  await seam.acs.users.delete({ acs_user_id: userId });
  await expect
    .poll(() => codeOf(sdk.errors.api, seam.acs.users.get({ acs_user_id: userId })), SOON)
    .toBe("acs_user_not_found");
}

async function eventTypes(seam: Client, credentialId: string, since: string): Promise<string[]> {
  const events = await seam.events.list({ since, acs_credential_id: credentialId });
  return events.map((event) => event.event_type);
}

/** The SDK must recognise what went wrong, by its own classes. */
async function meetErrors(seam: Client, sdk: Sdk, site: SdkSite): Promise<void> {
  const past = seam.acs.credentials.create({
    access_method: "card",
    acs_system_id: site.systemId,
    ends_at: "2020-01-01T00:00:00Z",
  });
  const invalid = await errorOf(sdk.errors.invalidInput, past);
  expect(invalid).toMatchObject({
    code: "invalid_input",
    statusCode: 400,
    requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
  });
  // Both generations have the method, on classes of their own.
  const { getValidationErrorMessages } = invalid as unknown as InvalidInput;
  expect(getValidationErrorMessages.call(invalid, "ends_at")).toHaveLength(1);

  const stranger = sdk.connect({ ...site, apiKey: "seam_not_a_key_of_this_site" });
  await errorOf(sdk.errors.unauthorized, stranger.workspaces.get());
}
