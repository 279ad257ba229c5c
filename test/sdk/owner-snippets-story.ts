import { expect } from "vitest";
import { runSnippet, snippets } from "./owner-snippets.js";
import { type Client, codeOf, DAY_MS, type Sdk, SOON } from "./sdks.js";

/** Every sample of Seam's documentation that docs/api.md shows, in one guest's stay. */
export async function playSnippets(
  sdk: Sdk,
  seam: Client,
  site: { readonly systemId: string; readonly keypadId: string; readonly lockId: string },
): Promise<void> {
  const samples = snippets();
  const { acs_user_id } = await seam.acs.users.create({ acs_system_id: site.systemId, full_name: "Ada" });
  await seam.acs.entrances.grantAccess({ acs_user_id, acs_entrance_id: site.keypadId });
  const at = (days: number) => new Date(Math.floor(Date.now() / 1000) * 1000 + days * DAY_MS).toISOString();
  const names: Record<string, unknown> = {
    ACS_USER_ID: acs_user_id,
    IN_TWO_DAYS: at(2),
    AN_HOUR_AGO: at(-1 / 24),
  };
  const run = (title: string): Promise<unknown> => {
    const code = samples.get(title);
    if (code === undefined) throw new Error(`docs/api.md has no sample "${title}"`);
    return runSnippet(code, seam, names);
  };

  const pin = await run("Create a PIN code-based credential");
  expect(pin).toMatchObject({ acs_user_id, code: "824759", access_method: "code" });
  const { acs_credential_id } = pin as { acs_credential_id: string };
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id }), SOON)
    .toMatchObject({ is_latest_desired_state_synced_with_provider: true, errors: [] });
  names["ACS_CREDENTIAL_ID"] = acs_credential_id;
  await run("Update a credential");
  await expect
    .poll(() => seam.acs.credentials.get({ acs_credential_id }), SOON)
    .toMatchObject({ code: "7890", is_latest_desired_state_synced_with_provider: true });
  await run("Delete a credential");
  await expect
    .poll(() => codeOf(sdk.errors.api, seam.acs.credentials.get({ acs_credential_id })), SOON)
    .toBe("acs_credential_not_found");

  const card = await run("Create a key card-based credential");
  expect(card).toMatchObject({ acs_user_id, access_method: "card", is_issued: false });
  expect(await codeOf(sdk.errors.invalidInput, run("Create a Seam mobile key"))).toBe("invalid_input");

  const { access_code_id } = await seam.accessCodes.create({ device_id: site.lockId, name: "Ada" });
  names["ACCESS_CODE_ID"] = access_code_id;
  await run("Update an access code");
  await expect
    .poll(() => seam.accessCodes.get({ access_code_id }), SOON)
    .toMatchObject({ name: "My Updated Access Code", code: "4444", type: "time_bound", status: "set" });
  await seam.accessCodes.delete({ access_code_id });
  await seam.acs.users.delete({ acs_user_id });
}
