import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { renderCredential } from "#src/domain/seam/credential";
import type { Observed } from "#src/domain/observed";
import { acsCredentialSpec } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import { SITE } from "#test/support/engine-rig";
import { KEYPAD_INVENTORY, KeypadRig, LOCK } from "#test/support/keypad-rig";
import { rigApi } from "#test/support/rig-api";
import { accessCodesUpdate } from "./schemas/access-codes.js";
import { issuedObserved } from "#test/support/issued-observed";

/**
 * Our objects held against Seam's own schemas, as `@seamapi/types` publishes them (the `seam` package brings it along):
 * each answered object fits, and each member of a credential or code that Seam knows is answered in some case, or it is
 * said here why not.
 */
interface Schema {
  safeParse(value: unknown): { readonly success: boolean; readonly error?: unknown };
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly _def: { readonly innerType?: Schema; readonly schema?: Schema };
}
const published = createRequire(createRequire(import.meta.url).resolve("seam"))("@seamapi/types/connect") as {
  readonly schemas: Readonly<Record<string, Schema>>;
};

function shapeOf(schema: Schema | undefined): Readonly<Record<string, Schema>> {
  const inner = schema?._def.innerType ?? schema?._def.schema;
  return schema?.shape ?? (inner === undefined ? {} : shapeOf(inner));
}

/** Members that are never answered, and why. */
const NEVER: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  acs_credential: {
    user_identity_id: "there are no user identities here",
    acs_credential_pool_id: "there are no pools of credentials here",
    parent_acs_credential_id: "only multi-phone credentials have a parent",
  },
  visionline_metadata: {},
  assa_abloy_vostio_metadata: { endpoint_id: "only mobile keys have an endpoint" },
  access_code: {},
  unmanaged_access_code: {},
  acs_encoder: {},
};

function expectFits(kind: string, ...objects: readonly JsonObject[]): void {
  for (const object of objects) {
    const { error } = published.schemas[kind]?.safeParse(object) ?? { error: "no such kind" };
    expect({ object, error }).toEqual({ object, error: undefined });
  }
}

function expectSeams(kind: string, objects: readonly JsonObject[]): void {
  expectFits(kind, ...objects);
  expectMembers(kind, shapeOf(published.schemas[kind]), objects);
}

function expectMembers(
  kind: string,
  shape: Readonly<Record<string, Schema>>,
  objects: readonly JsonObject[],
): void {
  const answered = new Set(objects.flatMap((object) => Object.keys(object)));
  const wanted = Object.keys(shape);
  expect(wanted.length).toBeGreaterThan(5);
  expect(wanted.filter((member) => !answered.has(member)).sort()).toEqual(
    Object.keys(NEVER[kind] ?? {}).sort(),
  );
}

const NOW = Date.parse("2026-11-22T14:00:00Z");

/** Of each brand, and of none; on a card that was written, and as a PIN. */
test("acs_credential", () => {
  const inventory = {
    ...KEYPAD_INVENTORY,
    systems: KEYPAD_INVENTORY.systems.flatMap((system) => [
      system,
      { ...system, id: "visionline", externalType: "visionline_system" },
      { ...system, id: "vostio", externalType: "assa_abloy_vostio" },
    ]),
  };
  const observed = issuedObserved(NOW, { cardNumber: "164d29dc4a09b65f" });
  const id = "eeeeeeee-0000-4000-8000-00000000000a";
  const render = (changes: JsonObject, seen: Observed | null = observed): JsonObject => {
    const spec = acsCredentialSpec.parse({
      acs_credential_id: id,
      acs_system_id: SITE.system,
      acs_user_id: SITE.user,
      access_method: "card",
      allowed_acs_entrance_ids: [SITE.room101, SITE.pool],
      starts_at: "2026-11-22T10:00:00Z",
      ends_at: "2026-11-30T10:00:00Z",
      is_one_time_use: false,
      has_code: false,
      state: "active",
      created_at: "2026-11-22T10:00:00Z",
      ...changes,
    });
    const code = spec.has_code ? new Secret("0471") : null;
    return renderCredential({ spec, code, observed: seen, inventory, now: NOW });
  };
  const options = { auto_join: true, joiner_acs_credential_ids: [id] };
  const visionline = render({ acs_system_id: "visionline", visionline_metadata: options });
  const overriding = { auto_join: true, override_all_guest_acs_entrances: true };
  const vostio = render({ acs_system_id: "vostio", assa_abloy_vostio_metadata: overriding });
  const pin = render({ access_method: "code", has_code: true }, { ...observed, isIssued: null });
  // The published schema wants UUIDs where the brands' systems have short names here.
  const withIds = [visionline, vostio].map((object) => ({ ...object, acs_system_id: SITE.system }));
  expectSeams("acs_credential", [render({}), render({}, null), pin, ...withIds]);
  const shape = shapeOf(published.schemas["acs_credential"]);
  for (const [kind, object] of [
    ["visionline_metadata", visionline],
    ["assa_abloy_vostio_metadata", vostio],
  ] as const) {
    expectMembers(kind, shapeOf(shape[kind]), [object[kind] as JsonObject]);
  }
});

test("access_code, managed and not; acs_encoder", async () => {
  const rig = await new KeypadRig().ready();
  const api = rigApi(rig);
  const get = async (path: string, input: object, member: string): Promise<JsonObject> => {
    const { body } = await api.post(path, input);
    return body[member] as JsonObject;
  };
  const isoIn = (hours: number) => new Date(rig.clock.now() + hours * 3_600_000).toISOString();
  const device_id = LOCK.plain;
  const make = (input: object) => get("/access_codes/create", { device_id, ...input }, "access_code");
  const made = [await make({ name: "Ada" }), await make({ starts_at: isoIn(2), ends_at: isoIn(4) })];
  rig.simulator.changeSlotAtLock("lock-1", 20, "8080");
  await rig.settle();
  const read = await Promise.all(
    made.map(({ access_code_id }) => get("/access_codes/get", { access_code_id }, "access_code")),
  );
  expectSeams("access_code", [...made, ...read]);
  const { body } = await api.post("/access_codes/unmanaged/list", { device_id });
  const [unmanaged] = body["access_codes"] as JsonObject[];
  // One that somebody set at the lock has no dates there.
  const dated = { ...unmanaged, starts_at: null, ends_at: null };
  expectSeams("unmanaged_access_code", [dated]);
  const acs_encoder_id = SITE.desk;
  expectSeams("acs_encoder", [await get("/acs/encoders/get", { acs_encoder_id }, "acs_encoder")]);
});

test("the rest of a site", async () => {
  const rig = await new KeypadRig().ready();
  const api = rigApi(rig);
  const ask = async (path: string, input: object, member: string): Promise<JsonObject> => {
    const { status, body } = await api.post(path, input);
    expect({ path, status, error: body["error"] }).toEqual({ path, status: 200, error: undefined });
    return body[member] as JsonObject;
  };
  const acs_system_id = SITE.system;
  const access_schedule = { starts_at: "2026-11-22T10:00:00Z", ends_at: "2026-11-30T10:00:00Z" };
  const person = { full_name: "Ada", email_address: "ada@example.com", phone_number: "+351911111111" };
  const user = await ask("/acs/users/create", { acs_system_id, ...person, access_schedule }, "acs_user");
  rig.simulator.reportBattery("lock-1", 50);
  rig.engine.keypads.turn();
  await rig.settle();
  await ask("/devices/update", { device_id: LOCK.plain, name: "Kitchen" }, "ok");
  expectFits("acs_user", user);
  expectFits(
    "acs_entrance",
    await ask("/acs/entrances/get", { acs_entrance_id: SITE.room101 }, "acs_entrance"),
    await ask("/acs/entrances/get", { acs_entrance_id: LOCK.plainEntrance }, "acs_entrance"),
  );
  expectFits("acs_system", await ask("/acs/systems/get", { acs_system_id }, "acs_system"));
  // Seam knows no such type of device.
  const device = await ask("/devices/get", { device_id: LOCK.plain }, "device");
  expectFits("device", { ...device, device_type: "schlage_lock" });
  expectFits("workspace", await ask("/workspaces/get", {}, "workspace"));
});

test("access_codes/update takes every parameter of Seam's, and no other", () => {
  expect(Object.keys(accessCodesUpdate.input.shape).sort()).toEqual([
    "access_code_id",
    "allow_external_modification",
    "attempt_for_offline_device",
    "code",
    "device_id",
    "ends_at",
    "is_external_modification_allowed",
    "is_managed",
    "is_offline_access_code",
    "is_one_time_use",
    "max_time_rounding",
    "name",
    "prefer_native_scheduling",
    "preferred_code_length",
    "starts_at",
    "sync",
    "type",
    "use_backup_access_code_pool",
    "use_offline_access_code",
  ]);
});
