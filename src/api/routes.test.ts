import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import type { JsonObject } from "#src/lib/json";
import { KEYS, type MemoryApi, memoryApi } from "#test/support/memory-api";
import { gatewayRoutes, seamRoutes, simulationRoutes } from "./all-routes.js";

/** The body of a successful POST, which keeps the endpoint's own output schema. */
async function ok(api: MemoryApi, path: string, body: object = {}, role: keyof typeof KEYS = "admin") {
  const response = await api.post(path, body, role);
  expect([path, response.statusCode, response.body]).toEqual([path, 200, expect.anything()]);
  const route = [...seamRoutes, ...gatewayRoutes, ...simulationRoutes].find(
    ({ endpoint }) => endpoint.path === path || endpoint.path.endsWith(`:id/${path.split("/").at(-1)}`),
  );
  route?.endpoint.output.parse(response.json());
  return response.json<Record<string, JsonObject & JsonObject[]>>();
}
const textOf = (object: JsonObject | undefined, property: string) => object?.[property] as string;

test("reading: the same by POST and by GET", async () => {
  const api = memoryApi();
  const { systemId, entranceId, encoderId } = api.site;
  const reads: [string, Record<string, string>][] = [
    ["/workspaces/get", {}],
    ["/acs/systems/get", { acs_system_id: systemId }],
    ["/acs/systems/list", { search: "harbour" }],
    ["/acs/entrances/get", { acs_entrance_id: entranceId }],
    ["/acs/entrances/list", { acs_system_id: systemId, search: "10" }],
    ["/acs/encoders/get", { acs_encoder_id: encoderId }],
    ["/acs/encoders/list", { acs_system_id: systemId }],
    ["/acs/users/list", {}],
    ["/acs/credentials/list", {}],
    ["/action_attempts/list", {}],
    ["/events/list", { since: "2026-01-01T00:00:00Z" }],
    ["/lockbridge/status", {}],
    ["/lockbridge/devices", {}],
    ["/lockbridge/keys/list", {}],
    ["/lockbridge/tokens/list", {}],
  ];
  for (const [path, parameters] of reads) {
    const byPost = await ok(api, path, parameters);
    const query = new URLSearchParams({ ...parameters, _strict: "true" }).toString();
    const headers = { authorization: `Bearer ${KEYS.admin}` };
    const byGet = await api.app.inject({ url: `${path}?${query}`, headers });
    expect(byGet.json()).toEqual(byPost);
  }
});

test("a list narrowed to another account is empty", async () => {
  const api = memoryApi();
  const own = { connected_account_id: api.site.inventory.connectedAccountId };
  expect((await ok(api, "/acs/systems/list", own))["acs_systems"]).toHaveLength(1);
  expect((await ok(api, "/acs/entrances/list", own))["acs_entrances"]).toHaveLength(4);
  const other = { connected_account_id: randomUUID() };
  expect((await ok(api, "/acs/systems/list", other))["acs_systems"]).toEqual([]);
  expect((await ok(api, "/acs/entrances/list", other))["acs_entrances"]).toEqual([]);
});

test("a user: created, read, renamed, deleted with the credentials", async () => {
  const api = memoryApi();
  const { acs_user: user } = await ok(api, "/acs/users/create", {
    acs_system_id: api.site.systemId.toUpperCase(),
    full_name: "  Ada Lovelace ",
    email_address: "ada@example.com",
    access_schedule: { ends_at: null },
  });
  expect(user).toMatchObject({
    full_name: "Ada Lovelace",
    access_schedule: { starts_at: new Date(api.clock.now()).toISOString(), ends_at: null },
  });
  const who = { acs_user_id: textOf(user, "acs_user_id") };
  expect(await ok(api, "/acs/users/update", { ...who, full_name: "Ada King" })).toEqual({ ok: true });
  expect((await ok(api, "/acs/users/get", who))["acs_user"]).toMatchObject({ full_name: "Ada King" });
  await ok(api, "/acs/credentials/create", { ...who, access_method: "card" });
  expect(await ok(api, "/acs/users/delete", who)).toEqual({ ok: true });
  expect((await api.post("/acs/users/get", who)).statusCode).toBe(404);
  expect((await ok(api, "/acs/credentials/list"))["acs_credentials"]).toEqual([]);
  expect((await ok(api, "/events/list", { since: "2026-01-01T00:00:00Z" }))["events"]).toMatchObject([
    { event_type: "acs_credential.deleted" },
  ]);
});

test("a credential: held by one, then by nobody; only the holder is unassigned", async () => {
  const api = memoryApi();
  const person = { acs_system_id: api.site.systemId, full_name: "Ada" };
  const { acs_user: user } = await ok(api, "/acs/users/create", person);
  const who = { acs_user_id: textOf(user, "acs_user_id") };
  const { acs_credential: card } = await ok(api, "/acs/credentials/create", { access_method: "card" });
  const which = { acs_credential_id: textOf(card, "acs_credential_id") };
  expect(card).not.toHaveProperty("acs_user_id");
  const assigned = await ok(api, "/acs/credentials/assign", { ...which, ...who });
  expect(assigned["acs_credential"]).toMatchObject(who);
  const both = { ...which, ...who, user_identity_id: randomUUID() };
  expect((await api.post("/acs/credentials/unassign", both)).statusCode).toBe(400);
  const { acs_user: other } = await ok(api, "/acs/users/create", { ...person, full_name: "Grace" });
  const stranger = { ...which, acs_user_id: textOf(other, "acs_user_id") };
  expect((await api.post("/acs/credentials/unassign", stranger)).statusCode).toBe(400);
  const nobody = { ...which, acs_user_id: randomUUID() };
  expect((await api.post("/acs/credentials/unassign", nobody)).statusCode).toBe(404);
  const free = await ok(api, "/acs/credentials/unassign", { ...which, ...who });
  expect(free["acs_credential"]).not.toHaveProperty("acs_user_id");
});

test("a viewer sees that there is a PIN, and not which", async () => {
  const api = memoryApi();
  const { acs_credential: made } = await ok(
    api,
    "/acs/credentials/create",
    { access_method: "card", code: "0042" },
    "technician",
  );
  expect(made).toMatchObject({ code: "0042" });
  const which = { acs_credential_id: textOf(made, "acs_credential_id") };
  for (const role of ["technician", "admin"] as const) {
    expect((await ok(api, "/acs/credentials/get", which, role))["acs_credential"]).toMatchObject({
      code: "0042",
    });
  }
  expect((await ok(api, "/acs/credentials/get", which, "viewer"))["acs_credential"]).toMatchObject({
    code: null,
  });
  const list = await api.post("/acs/credentials/list", {}, "viewer");
  expect(list.body).not.toContain("0042");
});

test("a viewer cannot try PINs one after the other", async () => {
  const api = memoryApi();
  const device_id = api.site.inventory.locks[0]?.id ?? "";
  await ok(api, "/access_codes/create", { device_id, code: "4711" });
  for (const path of ["/access_codes/get", "/access_codes/unmanaged/get"]) {
    for (const code of ["4711", "4712"]) {
      const { statusCode, body } = await api.post(path, { device_id, code }, "viewer");
      expect([statusCode, body.includes("insufficient_role")]).toEqual([403, true]);
    }
  }
  await ok(api, "/access_codes/get", { device_id, code: "4711" }, "technician");
});

test("encoding answers at once; the attempt ends when the card has come", async () => {
  const api = memoryApi();
  const { acs_credential: card } = await ok(api, "/acs/credentials/create", {
    access_method: "card",
    allowed_acs_entrance_ids: [api.site.entranceId],
  });
  const { action_attempt: attempt } = await ok(api, "/acs/encoders/encode_credential", {
    acs_encoder_id: api.site.encoderId,
    acs_credential_id: textOf(card, "acs_credential_id"),
  });
  expect(attempt).toMatchObject({ status: "pending", action_type: "ENCODE_CREDENTIAL" });
  api.site.putCard();
  const which = { action_attempt_id: textOf(attempt, "action_attempt_id") };
  expect((await ok(api, "/action_attempts/get", which))["action_attempt"]).toMatchObject({
    status: "success",
    result: { is_issued: true, display_name: "101" },
  });
  const listed = await ok(api, "/action_attempts/list", {
    action_attempt_ids: [which.action_attempt_id, randomUUID()],
  });
  expect(listed["action_attempts"]).toHaveLength(1);
});

test("the cursor's walk shows every user once, whatever the limit", async () => {
  const api = memoryApi();
  for (let number = 0; number < 7; number++) {
    await ok(api, "/acs/users/create", { acs_system_id: api.site.systemId, full_name: `User ${number}` });
    if (number % 3 === 0) await api.clock.advance(1_000);
  }
  for (const limit of [1, 2, 3, 7, 8]) {
    const seen: unknown[] = [];
    let page_cursor: unknown = null;
    do {
      const page = await ok(api, "/acs/users/list", { limit, page_cursor });
      const users = page["acs_users"] ?? [];
      expect(users.length).toBeLessThanOrEqual(limit);
      seen.push(...users.map((user) => user["acs_user_id"]));
      page_cursor = page["pagination"]?.["next_page_cursor"];
      expect(page["pagination"]?.["has_next_page"]).toBe(page_cursor !== null);
    } while (page_cursor !== null);
    expect(seen).toHaveLength(7);
    expect(new Set(seen).size).toBe(7);
  }
});

test("events are narrowed by type, subject and interval, and offset", async () => {
  const api = memoryApi();
  const ids: string[] = [];
  for (let number = 0; number < 3; number++) {
    await api.clock.advance(1_000);
    const { acs_credential: card } = await ok(api, "/acs/credentials/create", { access_method: "card" });
    ids.push(textOf(card, "acs_credential_id"));
    await ok(api, "/acs/credentials/delete", { acs_credential_id: ids[number] });
  }
  const start = api.clock.now() - 3_000;
  const at = (ms: number) => new Date(start + ms).toISOString();
  const idsOf = async (body: object) =>
    ((await ok(api, "/events/list", body))["events"] ?? []).map((event) => event["acs_credential_id"]);
  expect(await idsOf({ since: at(0) })).toEqual(ids);
  expect(await idsOf({ since: at(1_000) })).toEqual(ids.slice(1));
  expect(await idsOf({ between: [at(1_000), at(3_000)] })).toEqual([ids[1]]);
  expect(await idsOf({ since: at(0), acs_credential_id: ids[2] })).toEqual([ids[2]]);
  expect(await idsOf({ since: at(0), event_type: "acs_credential.issued" })).toEqual([]);
  expect(await idsOf({ since: at(0), limit: 1, unstable_offset: 1 })).toEqual([ids[1]]);
  const all = await ok(api, "/events/list", { since: at(0) });
  const event_id = textOf(all["events"]?.[0], "event_id");
  expect((await ok(api, "/events/get", { event_id }))["event"]).toMatchObject({ event_id });
  expect((await ok(api, "/events/list", { event_ids: [event_id] }))["events"]).toHaveLength(1);
});

test("desk work", async () => {
  const api = memoryApi();
  const { acs_credential: card } = await ok(api, "/acs/credentials/create", { access_method: "card" });
  const which = { acs_credential_id: textOf(card, "acs_credential_id") };
  const where = { acs_encoder_id: api.site.encoderId };
  const desk = "/lockbridge";
  const { action_attempt: attempt } = await ok(api, `${desk}/encoders/encode_credential`, {
    ...which,
    ...where,
  });
  const cancelled = await ok(api, `${desk}/jobs/${textOf(attempt, "action_attempt_id")}/cancel`);
  expect(cancelled["outcome"]).toMatchObject({ state: "error" });
  await ok(api, `${desk}/encoders/erase`, where);
  expect((await ok(api, `${desk}/credentials/get`, which))["credential"]).toHaveProperty("acs_credential");
  expect((await ok(api, `${desk}/credentials/revoke`, which))["credential"]).toMatchObject({
    state: "invalidating",
  });
  await ok(api, `${desk}/credentials/settle`, { ...which, generation: 1 });
});

test("keys and tokens", async () => {
  const api = memoryApi();
  await ok(api, "/lockbridge/keys/create");
  await ok(api, "/lockbridge/keys/rotate");
  const set = { issuer: "0a0b0c0d", card_master: "00112233445566778899AABBCCDDEEFF" };
  await ok(api, "/lockbridge/keys/import", set);
  for (const bad of [{ ...set, issuer: "0a" }, { ...set, card_master: "zz".repeat(16) }, { issuer: 1 }]) {
    const response = await api.post("/lockbridge/keys/import", bad);
    expect(response.statusCode).toBe(400);
    expect(response.body).not.toMatch(/zz|0011/);
  }
  expect((await ok(api, "/lockbridge/keys/list"))["key_sets"]).toHaveLength(3);

  const { token } = await ok(api, "/lockbridge/tokens/create", { name: "kiosk", role: "viewer" });
  expect(textOf(token, "token")).toMatch(/^seam_/);
  const list = await api.post("/lockbridge/tokens/list");
  expect(list.body).not.toContain(textOf(token, "token"));
  await ok(api, "/lockbridge/tokens/delete", { token_id: textOf(token, "token_id") });
  const again = await api.post("/lockbridge/tokens/delete", { token_id: textOf(token, "token_id") });
  expect(again.statusCode).toBe(404);
});

test("the simulated card: put, put back, taken; exactly one at a time", async () => {
  const api = memoryApi();
  const act = (body: object) =>
    ok(api, "/lockbridge/simulate/card", { acs_encoder_id: api.site.encoderId, ...body });
  expect((await act({ put: "classic" }))["card"]).toEqual({ uid: "04a1b2c3" });
  expect((await act({ uid: "04A1B2C3" }))["card"]).toEqual({ uid: "04a1b2c3" });
  expect((await act({ take: true }))["card"]).toBeNull();
  for (const bad of [{}, { put: "classic", take: true }, { put: "gold" }, { uid: "04" }, { take: false }]) {
    const body = { acs_encoder_id: api.site.encoderId, ...bad };
    expect((await api.post("/lockbridge/simulate/card", body)).statusCode).toBe(400);
  }
});
