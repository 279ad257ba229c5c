import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { type MemoryApi, memoryApi } from "#test/support/memory-api";
import { errorAnswer } from "./schemas/endpoint.js";

/** Bad input to the routes of codes, locks and groups: status, type and parameter; and nothing half-written. */
const at = (api: MemoryApi, days: number) => new Date(api.clock.now() + days * 86_400_000).toISOString();

interface Case {
  readonly api: MemoryApi;
  readonly gate: string;
  readonly suite: string;
  readonly codeId: string;
}

async function site(): Promise<Case> {
  const api = memoryApi();
  const [gate, suite] = api.site.inventory.locks.map(({ id }) => id);
  const made = await api.post("/access_codes/create", { device_id: gate, name: "Ada", code: "4711" });
  const { access_code: code } = made.json<{ access_code: { access_code_id: string } }>();
  return { api, gate: gate!, suite: suite!, codeId: code.access_code_id };
}

async function refusal(api: MemoryApi, path: string, body: object) {
  const response = await api.post(path, body);
  const { error } = errorAnswer.parse(response.json());
  return [response.statusCode, error.type, ...Object.keys(error.validation_errors ?? {}).slice(1)].join(" ");
}

/** Parameters of a new code, and what they are answered. */
const refused: [what: string, body: (world: Case) => object, answer: string][] = [
  ["no lock", () => ({ code: "1234" }), "400 invalid_input device_id"],
  ["a lock that is none", () => ({ device_id: "x" }), "400 invalid_input device_id"],
  ["a lock that is not there", () => ({ device_id: randomUUID() }), "404 device_not_found"],
  ["an encoder", ({ api }) => ({ device_id: api.site.encoderId }), "404 device_not_found"],
  ["a PIN of letters", ({ gate }) => ({ device_id: gate, code: "12a4" }), "400 invalid_input code"],
  ["a PIN as a number", ({ gate }) => ({ device_id: gate, code: 1234 }), "400 invalid_input code"],
  ["a PIN of other digits", ({ gate }) => ({ device_id: gate, code: "١٢٣٤" }), "400 invalid_input code"],
  ["a PIN with a newline", ({ gate }) => ({ device_id: gate, code: "1234\n" }), "400 invalid_input code"],
  ["too short a PIN", ({ gate }) => ({ device_id: gate, code: "123" }), "400 invalid_input code"],
  ["too long a PIN", ({ gate }) => ({ device_id: gate, code: "1".repeat(13) }), "400 invalid_input code"],
  [
    "a length of another lock",
    ({ gate }) => ({ device_id: gate, code: "1234567" }),
    "400 invalid_input code",
  ],
  ["a PIN that is taken", ({ gate }) => ({ device_id: gate, code: "4711" }), "409 duplicate_access_code"],
  ["a past end", ({ api, gate }) => ({ device_id: gate, ends_at: at(api, -1) }), "400 invalid_input ends_at"],
  [
    "an end before its start",
    ({ api, gate }) => ({ device_id: gate, starts_at: at(api, 3), ends_at: at(api, 2) }),
    "400 invalid_input ends_at",
  ],
  ["a bare date", ({ gate }) => ({ device_id: gate, ends_at: "2040-01-01" }), "400 invalid_input ends_at"],
  ["an empty name", ({ gate }) => ({ device_id: gate, name: "" }), "400 invalid_input name"],
  [
    "an offline code",
    ({ gate }) => ({ device_id: gate, is_offline_access_code: true }),
    "400 invalid_input is_offline_access_code",
  ],
  [
    "one-time use",
    ({ gate }) => ({ device_id: gate, is_one_time_use: true }),
    "400 invalid_input is_one_time_use",
  ],
  [
    "a pool that the lock has not",
    ({ api, gate }) => ({ device_id: gate, ends_at: at(api, 1), use_backup_access_code_pool: true }),
    "400 invalid_input use_backup_access_code_pool",
  ],
  [
    "a pool for an ongoing code",
    ({ suite }) => ({ device_id: suite, use_backup_access_code_pool: true }),
    "400 invalid_input use_backup_access_code_pool",
  ],
  [
    "twins that differ",
    ({ gate }) => ({
      device_id: gate,
      allow_external_modification: true,
      is_external_modification_allowed: false,
    }),
    "400 invalid_input is_external_modification_allowed",
  ],
  [
    "a made-up rounding",
    ({ gate }) => ({ device_id: gate, max_time_rounding: "1week" }),
    "400 invalid_input max_time_rounding",
  ],
];
test.each(refused)("a new code with %s leaves no trace", async (_, body, answer) => {
  const world = await site();
  expect(await refusal(world.api, "/access_codes/create", body(world))).toBe(answer);
  for (const device_id of [world.gate, world.suite]) {
    const listed = (await world.api.post("/access_codes/list", { device_id })).json<{
      access_codes: unknown[];
    }>();
    expect(listed.access_codes).toHaveLength(device_id === world.gate ? 1 : 0);
  }
});

const badChanges: [what: string, change: (world: Case) => object, answer: string][] = [
  ["another lock", ({ suite }) => ({ device_id: suite }), "400 invalid_input device_id"],
  ["a bad PIN beside a good name", () => ({ name: "Grace", code: "12" }), "400 invalid_input code"],
  [
    "a past end beside a good PIN",
    ({ api }) => ({ code: "9876", ends_at: at(api, -1) }),
    "400 invalid_input ends_at",
  ],
  [
    "an end that the type drops",
    ({ api }) => ({ type: "ongoing", ends_at: at(api, 1) }),
    "400 invalid_input type",
  ],
  ["a window without an end", () => ({ type: "time_bound" }), "400 invalid_input ends_at"],
  ["no such type", () => ({ type: "weekly" }), "400 invalid_input type"],
  ["offline", () => ({ is_offline_access_code: true }), "400 invalid_input is_offline_access_code"],
  [
    "the deprecated name of offline",
    () => ({ use_offline_access_code: true }),
    "400 invalid_input is_offline_access_code",
  ],
  ["one-time use", () => ({ is_one_time_use: true }), "400 invalid_input is_one_time_use"],
];
test.each(badChanges)("an update with %s changes nothing", async (_, change, answer) => {
  const world = await site();
  const which = { access_code_id: world.codeId };
  const before = (await world.api.post("/access_codes/get", which)).json<object>();
  expect(await refusal(world.api, "/access_codes/update", { ...which, ...change(world) })).toBe(answer);
  expect((await world.api.post("/access_codes/get", which)).json()).toEqual(before);
});

test("a code is deleted once: the second time it is not found", async () => {
  const { api, codeId } = await site();
  expect((await api.post("/access_codes/delete", { access_code_id: codeId })).statusCode).toBe(200);
  for (const path of ["delete", "get", "update", "unmanaged/delete", "unmanaged/get"]) {
    expect(await refusal(api, `/access_codes/${path}`, { access_code_id: codeId })).toBe(
      "404 access_code_not_found",
    );
  }
});

test.each([
  ["nothing", {}, "400 invalid_input access_code_id"],
  ["a PIN without its lock", { code: "4711" }, "400 invalid_input access_code_id"],
  ["something unknown", { access_code_id: randomUUID() }, "404 access_code_not_found"],
])("get by %s", async (_, body, answer) => {
  const { api } = await site();
  expect(await refusal(api, "/access_codes/get", body)).toBe(answer);
});

test("lists want one subject, and know it", async () => {
  const { api, gate, codeId } = await site();
  expect(await refusal(api, "/access_codes/list", {})).toBe("400 invalid_input device_id");
  expect(await refusal(api, "/access_codes/list", { device_id: randomUUID() })).toBe("404 device_not_found");
  const both = { device_id: gate, access_code_ids: [codeId] };
  expect(await refusal(api, "/access_codes/list", both)).toBe("400 invalid_input access_code_ids");
  const foreign = { device_id: gate, access_grant_id: randomUUID() };
  expect(await refusal(api, "/access_codes/list", foreign)).toBe("400 invalid_input access_grant_id");
});

test.each([
  ["nothing", {}, "400 invalid_input supported_code_lengths"],
  [
    "both forms",
    { supported_code_lengths: [4], min_code_length: 4 },
    "400 invalid_input supported_code_lengths",
  ],
  ["a reversed range", { min_code_length: 8, max_code_length: 6 }, "400 invalid_input max_code_length"],
  ["a length that no lock has", { supported_code_lengths: [3] }, "400 invalid_input supported_code_lengths"],
])("constraints reported as %s are refused", async (_, body, answer) => {
  const { api, gate } = await site();
  expect(await refusal(api, "/access_codes/report_device_constraints", { device_id: gate, ...body })).toBe(
    answer,
  );
});

test("reported lengths count from then on", async () => {
  const { api, gate } = await site();
  const report = { device_id: gate, min_code_length: 6, max_code_length: 7 };
  expect((await api.post("/access_codes/report_device_constraints", report)).statusCode).toBe(200);
  expect(await refusal(api, "/access_codes/create", { device_id: gate, code: "1234" })).toBe(
    "400 invalid_input code",
  );
  const made = await api.post("/access_codes/create", { device_id: gate, preferred_code_length: 9 });
  expect(made.json()).toMatchObject({ access_code: { code: expect.stringMatching(/^\d{6}$/) as string } });
});

test("several locks share a code or none has it", async () => {
  const { api, gate, suite } = await site();
  const path = "/access_codes/create_multiple";
  expect(await refusal(api, path, { device_ids: [] })).toBe("400 invalid_input device_ids");
  expect(await refusal(api, path, { device_ids: [suite, randomUUID()] })).toBe("404 device_not_found");
  expect(await refusal(api, path, { device_ids: [suite, gate], code: "4711" })).toBe(
    "409 duplicate_access_code",
  );
  const listed = await api.post("/access_codes/list", { device_id: suite });
  expect(listed.json()).toMatchObject({ access_codes: [] });
  const chosen = await api.post(path, { device_ids: [suite, gate], code: "8642" });
  expect(chosen.json()).toMatchObject({
    access_codes: [{ common_code_key: null }, { common_code_key: null }],
  });
  const unknown = { common_code_key: randomUUID(), name: "x" };
  expect(await refusal(api, "/access_codes/update_multiple", unknown)).toBe("404 common_code_key_not_found");
});

test("a viewer sees codes without their PINs", async () => {
  const { api, codeId } = await site();
  const response = await api.post("/access_codes/get", { access_code_id: codeId }, "viewer");
  expect(response.json()).toMatchObject({ access_code: { code: null, name: "Ada" } });
  expect((await api.post("/access_codes/create", {}, "viewer")).statusCode).toBe(403);
});

test("devices are updated whole or not at all", async () => {
  const { api, gate } = await site();
  const path = "/devices/update";
  const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`key${index}`, "x"]));
  expect(await refusal(api, path, { device_id: gate, custom_metadata: many })).toBe(
    "400 invalid_input custom_metadata",
  );
  expect(await refusal(api, path, { device_id: gate, custom_metadata: { n: 7 } })).toMatch(
    /^400 invalid_input custom_/,
  );
  expect(await refusal(api, path, { device_id: gate, is_managed: false })).toBe(
    "400 invalid_input is_managed",
  );
  const pool = { device_id: gate, name: "Gate 2", backup_access_code_pool_enabled: true };
  expect(await refusal(api, path, pool)).toBe("400 invalid_input backup_access_code_pool_enabled");
  const shown = await api.post("/devices/get", { device_id: gate });
  expect(shown.json()).toMatchObject({ device: { display_name: "Gate", custom_metadata: {} } });
  expect(await refusal(api, "/devices/get", { name: "Nowhere" })).toBe("404 device_not_found");
  expect(await refusal(api, "/locks/unlock_door", { device_id: randomUUID() })).toBe("404 device_not_found");
});

test("what this gateway has not is a typed refusal", async () => {
  const { api } = await site();
  for (const path of ["/client_sessions/create", "/client_sessions/get", "/locks/configure_auto_lock"]) {
    expect(await refusal(api, path, {})).toBe("400 not_supported_by_gateway");
  }
});

test("groups and grants keep to one guest door on a card, and change nothing when they cannot", async () => {
  const { api } = await site();
  const { systemId, inventory } = api.site;
  const [room, other, pool] = inventory.entrances.map(({ id }) => id);
  const user = (await api.post("/acs/users/create", { acs_system_id: systemId, full_name: "Ada" })).json<{
    acs_user: { acs_user_id: string };
  }>().acs_user.acs_user_id;
  await api.post("/acs/credentials/create", {
    acs_user_id: user,
    access_method: "card",
    allowed_acs_entrance_ids: [room],
  });
  const grant = (entrance?: string) => ({ acs_user_id: user, acs_entrance_id: entrance });
  expect(await refusal(api, "/acs/entrances/grant_access", grant(other))).toBe(
    "400 invalid_input allowed_acs_entrance_ids",
  );
  expect((await api.post("/acs/entrances/grant_access", grant(pool))).statusCode).toBe(200);
  const group = (
    await api.post("/lockbridge/access_groups/create", {
      acs_system_id: systemId,
      name: "Rooms",
      acs_entrance_ids: [other],
    })
  ).json<{ acs_access_group: { acs_access_group_id: string } }>().acs_access_group.acs_access_group_id;
  const join = { acs_user_id: user, acs_access_group_id: group };
  expect(await refusal(api, "/acs/access_groups/add_user", join)).toBe(
    "400 invalid_input allowed_acs_entrance_ids",
  );
  expect(
    (await api.post("/acs/access_groups/list_users", { acs_access_group_id: group })).json(),
  ).toMatchObject({
    acs_users: [],
  });
  expect(await refusal(api, "/acs/access_groups/add_user", { ...join, acs_user_id: randomUUID() })).toBe(
    "404 acs_user_not_found",
  );
  expect(
    await refusal(api, "/acs/access_groups/add_user", { ...join, acs_access_group_id: randomUUID() }),
  ).toBe("404 acs_access_group_not_found");
  // Leaving what one is not in is harmless, and so is leaving twice.
  expect((await api.post("/acs/access_groups/remove_user", join)).statusCode).toBe(200);
});
