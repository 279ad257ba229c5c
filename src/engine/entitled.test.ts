import { expect, test } from "vitest";
import { gatewayModel } from "#src/api/gateway-model";
import { EngineRig, INVENTORY, SITE } from "#test/support/engine-rig";

const A = "eeeeeeee-0000-4000-8000-00000000000a";
const GROUP = "ffffffff-0000-4000-8000-000000000001";
const BY = { name: "test", role: "admin", seesPins: true } as const;

function feedGroup(rig: EngineRig, entrances: readonly string[], state = "active"): void {
  rig.feed("acs_access_group", GROUP, {
    acs_access_group_id: GROUP,
    acs_system_id: SITE.system,
    name: "Swimmers",
    acs_entrance_ids: [...entrances],
    state,
    created_at: "2026-11-22T10:00:00.000Z",
  });
}

/** A card that was encoded for a user who is in the group, which grants nothing yet. */
async function memberWithCard(): Promise<EngineRig> {
  const rig = await new EngineRig().ready();
  feedGroup(rig, []);
  rig.feedUser({ acs_access_group_ids: [GROUP] });
  rig.feedCredential(A, { acs_user_id: SITE.user });
  rig.put();
  expect((await rig.job("encode", A)).status).toBe("success");
  expect(rig.state(A)).toBe("issued");
  return rig;
}

test("what a group grants is on the cards of its users: granting and taking away make them stale", async () => {
  const rig = await memberWithCard();
  feedGroup(rig, [SITE.pool]);
  expect(rig.state(A)).toBe("needs_to_be_reissued");
  expect((await rig.job("encode", A)).status).toBe("success");
  expect(rig.state(A)).toBe("issued");
  rig.feedUser();
  expect(rig.state(A)).toBe("needs_to_be_reissued");
  rig.feedUser({ acs_access_group_ids: [GROUP] });
  expect(rig.state(A)).toBe("issued");
  feedGroup(rig, [SITE.pool], "deleted");
  expect(rig.state(A)).toBe("needs_to_be_reissued");
  expect(rig.events()).toContain("acs_access_group.deleted");
});

test("an entrance granted to a user is on the user's cards too", async () => {
  const rig = await memberWithCard();
  const model = gatewayModel(rig.engine, { isSandbox: false });
  model.entrances.grantAccess({ entranceId: SITE.pool, userId: SITE.user }, BY);
  expect(rig.state(A)).toBe("needs_to_be_reissued");
  expect(model.entrances.credentialsWithAccess(SITE.pool, BY)).toMatchObject([{ acs_credential_id: A }]);
  model.users.revokeAccess(SITE.user, BY);
  expect(rig.state(A)).toBe("invalidating");
  expect(model.users.accessibleEntrances(SITE.user)).toEqual([]);
});

test("the credential on a card is handed to whom the scan names, and a blank card hands over nothing", async () => {
  const rig = await new EngineRig().ready();
  rig.feedUser();
  rig.feedCredential(A);
  const card = rig.put();
  await rig.job("encode", A);
  const assign = async () => {
    const request = {
      kind: "scan_to_assign",
      encoderId: SITE.desk,
      credentialId: null,
      userId: SITE.user,
    } as const;
    const started = rig.engine.startJob({ ...request, overwrite: false, cause: { opBy: "test" } });
    if (!started.ok) throw new Error(started.why);
    const job = rig.engine.jobs.get(started.attempt.id);
    await rig.clock.until(job!.ended, { msMax: 200_000 });
    return rig.store.attempts.get(started.attempt.id);
  };
  rig.put();
  expect(await assign()).toMatchObject({ status: "error", error: { type: "no_credential_on_encoder" } });
  expect(rig.row(A).userId).toBeNull();
  rig.put(card);
  expect(await assign()).toMatchObject({
    actionType: "SCAN_TO_ASSIGN_CREDENTIAL",
    status: "success",
    result: { acs_credential_id: A, acs_user_id: SITE.user },
  });
  expect(rig.row(A).userId).toBe(SITE.user);
  expect(rig.state(A)).toBe("issued");
});

const BRANDED = [
  {
    brand: "Visionline",
    externalType: "visionline_system",
    metadata: {
      visionline: { card_function_type: "guest" as const, override: true, card_format: "rfid48" as const },
    },
    made: {
      external_type: "visionline_card",
      visionline_metadata: { card_function_type: "guest", is_valid: false },
    },
    shown: (id: string, number: unknown) => ({
      visionline_metadata: { is_valid: true, card_id: number, credential_id: id },
    }),
  },
  {
    brand: "Vostio",
    externalType: "assa_abloy_vostio",
    metadata: { vostio: { override_guest_acs_entrance_ids: [SITE.vaultRoom] } },
    made: {
      external_type: "assa_abloy_vostio_key",
      assa_abloy_vostio_metadata: { door_names: ["Vault 1"] },
    },
    shown: (id: string, number: unknown) => ({
      assa_abloy_vostio_metadata: {
        key_id: number,
        key_issuing_request_id: `${id}/1`,
        override_guest_acs_entrance_ids: [SITE.vaultRoom],
      },
    }),
  },
];

test.each(BRANDED)(
  "a $brand system makes its cards itself, takes its own metadata and shows what it told",
  async ({ externalType, metadata, made: expected, shown }) => {
    const systems = INVENTORY.systems.map((system) =>
      system.id === SITE.issuerSystem ? { ...system, externalType } : system,
    );
    const rig = await new EngineRig({ inventory: { ...INVENTORY, systems } }).ready();
    const model = gatewayModel(rig.engine, { isSandbox: false });
    const made = model.credentials.create(
      {
        systemId: SITE.issuerSystem,
        accessMethod: "card",
        entranceIds: [SITE.vaultRoom],
        isOneTimeUse: false,
        isMultiPhoneSync: false,
        brandMetadata: [],
        ...metadata,
      },
      BY,
    );
    const id = made["acs_credential_id"] as string;
    expect(made).toMatchObject(expected);
    rig.simulator.hopper.push(Buffer.from("04a1b2c3", "hex"));
    expect((await rig.job("encode", id, false, SITE.issuer)).status).toBe("success");
    const now = model.credentials.get(id, BY);
    expect(now).toMatchObject({ is_issued: true, ...shown(id, now["card_number"]) });
  },
);

test("without simulated hardware there are no simulate routes to serve", () => {
  const rig = new EngineRig();
  expect(gatewayModel(rig.engine, { isSandbox: false }).simulation).toBeUndefined();
});
