import { expect, test } from "vitest";
import { randomUUID } from "node:crypto";
import { KEYS, memoryApi } from "#test/support/memory-api";
import { allEndpoints, healthRoutes } from "./all-routes.js";
import { errorAnswer } from "./schemas/endpoint.js";

/** Whatever is served needs a key, but for the questions whether this is alive. */
const KEYED = allEndpoints.filter(({ role }) => role !== null);
/** A stream of events would not end: this is refused there, and means nothing to other routes. */
const NO_STREAM_QUERY = "event_types=a&event_types=";
/** For requests that leave no trace. */
const shared = memoryApi();
const asAdmin = { authorization: `Bearer ${KEYS.admin}` };
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/;

test("a success carries its object, ok, and an id of its own", async () => {
  const { app, post, site } = memoryApi();
  const first = await post("/acs/systems/get", { acs_system_id: site.systemId });
  expect(first.statusCode).toBe(200);
  expect(first.json()).toMatchObject({ acs_system: { acs_system_id: site.systemId }, ok: true });
  expect(first.headers["content-type"]).toMatch(/^application\/json/);
  expect(first.headers["cache-control"]).toBe("no-store");
  expect(first.headers["seam-request-id"]).toMatch(UUID);
  const second = await app.inject({ url: "/workspaces/get", headers: asAdmin });
  expect(second.headers["seam-request-id"]).not.toBe(first.headers["seam-request-id"]);
});

test("an error carries type, message and the id of the header", async () => {
  const { post } = memoryApi();
  const response = await post("/acs/credentials/get", { acs_credential_id: randomUUID() });
  expect(response.statusCode).toBe(404);
  const body = errorAnswer.parse(response.json());
  expect(body.error.type).toBe("acs_credential_not_found");
  expect(body.error.request_id).toBe(response.headers["seam-request-id"]);
});

test("a rule that is broken names its parameter in the sentence too", async () => {
  const { post, site } = memoryApi();
  const wish = { access_method: "card", acs_system_id: site.systemId, ends_at: "2020-01-01T00:00:00Z" };
  const body = errorAnswer.parse((await post("/acs/credentials/create", wish)).json());
  expect(body.error.message).toBe('"ends_at" must be later than now');
});

test.each([
  ["no header", undefined],
  ["another scheme", `Basic ${KEYS.admin}`],
  ["an unknown key", "Bearer seam_test_nobody"],
  ["a longer key", `Bearer ${KEYS.admin}x`],
  ["no key", "Bearer "],
  ["a client session", "Bearer seam_cst_admin"],
  ["a publishable key", "Bearer seam_pk_admin"],
  ["an access token", "Bearer seam_at_admin"],
  ["two keys", `Bearer ${KEYS.admin} ${KEYS.viewer}`],
])("401 before everything else: %s", async (_, authorization) => {
  const { app } = shared;
  const headers = { ...(authorization === undefined ? {} : { authorization }), "content-type": "text/plain" };
  for (const url of ["/acs/users/create", "/no/such/route", "/acs/users/create?x=%zz", "/%zz"]) {
    const response = await app.inject({ method: "PUT", url, headers, payload: "{" });
    expect([url, response.statusCode]).toEqual([url, 401]);
    expect(errorAnswer.parse(response.json()).error.type).toBe("unauthorized");
    expect(response.headers["seam-request-id"]).toMatch(UUID);
  }
});

test("the scheme's name may be written in any case", async () => {
  const { app } = memoryApi();
  const headers = { authorization: `bearer ${KEYS.viewer}` };
  expect((await app.inject({ url: "/workspaces/get", headers })).statusCode).toBe(200);
});

test("unknown routes are 404 in JSON, whatever the body", async () => {
  const { app } = memoryApi();
  for (const url of ["/", "/acs/nothing/get", "/acs/users/get/", "/ACS/users/get", "/acs%2Fusers/get"]) {
    const response = await app.inject({ method: "POST", url, headers: asAdmin, payload: "{" });
    expect([url, response.statusCode]).toEqual([url, 404]);
    expect(errorAnswer.parse(response.json()).error.type).toBe("not_found");
  }
});

test.each(KEYED.map((endpoint) => [endpoint.path, endpoint.methods] as const))(
  "%s takes POST and what HTTP calls the act, and nothing else",
  async (path, methods) => {
    const { app } = shared;
    expect(methods[0]).toBe("POST");
    const url = `${path.replace(":id", randomUUID())}?${NO_STREAM_QUERY}`;
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"] as const) {
      const response = await app.inject({ method, url, headers: asAdmin });
      expect([method, response.statusCode === 405]).toEqual([method, !methods.includes(method as never)]);
      if (response.statusCode !== 405) continue;
      expect(errorAnswer.parse(response.json()).error.type).toBe("method_not_allowed");
      expect(response.headers["allow"]).toBe(methods.join(", "));
    }
  },
);

test("the method is looked at before the body", async () => {
  const { app } = memoryApi();
  const response = await app.inject({
    method: "DELETE",
    url: "/acs/users/create",
    headers: { ...asAdmin, "content-type": "application/json" },
    payload: "{",
  });
  expect(response.statusCode).toBe(405);
});

const RANK = ["viewer", "technician", "admin"] as const;
test.each(KEYED.map((endpoint) => [endpoint.path, endpoint.role] as const))(
  "%s needs at least %s",
  async (path, needed) => {
    const { app, post } = shared;
    const url = path.replace(":id", randomUUID());
    const nobody = await app.inject({ method: "POST", url, payload: {} });
    expect(nobody.statusCode).toBe(401);
    expect(errorAnswer.parse(nobody.json()).error.type).toBe("unauthorized");
    for (const role of RANK) {
      const response = await post(url, { acs_encoder_id: 1, event_types: [""] }, role);
      const isAllowed = needed !== null && RANK.indexOf(role) >= RANK.indexOf(needed);
      expect([role, response.statusCode !== 403]).toEqual([role, isAllowed]);
      if (!isAllowed) expect(errorAnswer.parse(response.json()).error.type).toBe("insufficient_role");
    }
  },
);

test("a viewer may change nothing; secrets, the audit, clock and configuration are the administrator's", () => {
  for (const { path, methods, role } of KEYED) {
    const isRead = methods.includes("GET");
    const isAdmins = /^\/(webhooks|lockbridge\/(keys|tokens|config|clock\/reset_floor|audit|webhooks))(\/|$)/;
    if (isAdmins.test(path)) {
      expect([path, role]).toEqual([path, "admin"]);
    } else {
      expect([path, role]).toEqual([path, isRead ? "viewer" : "technician"]);
    }
  }
});

test("the local socket needs no key and is an administrator", async () => {
  const { app } = memoryApi({ isLocal: true });
  expect((await app.inject({ url: "/lockbridge/tokens/list" })).statusCode).toBe(200);
});

test("no header makes a TCP caller local", async () => {
  const { app } = memoryApi();
  const headers = { host: "localhost", "x-forwarded-for": "127.0.0.1", forwarded: "for=unix:" };
  expect((await app.inject({ url: "/lockbridge/tokens/list", headers })).statusCode).toBe(401);
});

test("health needs no key; ready says when it is not", async () => {
  const ready = { is: true };
  const { app } = memoryApi({ isReady: () => ready.is });
  for (const { endpoint } of healthRoutes) {
    for (const method of ["GET", "POST"] as const) {
      const response = await app.inject({ method, url: endpoint.path });
      expect(response.statusCode).toBe(200);
      endpoint.output.parse(response.json());
    }
    expect((await app.inject({ method: "HEAD", url: endpoint.path })).body).toBe("");
  }
  ready.is = false;
  expect((await app.inject("/readyz")).statusCode).toBe(503);
  expect((await app.inject("/healthz")).statusCode).toBe(200);
  expect((await app.inject("/health")).json()).toMatchObject({
    service_health_statuses: [{ status: "down" }],
  });
});

test("no page of another origin may read anything, unless its origin is named", async () => {
  const ask = async (allowedOrigins: readonly string[] | undefined, method: "OPTIONS" | "GET") => {
    const { app } = memoryApi({ allowedOrigins });
    const headers = { ...asAdmin, origin: "https://app.example" };
    const response = await app.inject({ method, url: "/workspaces/get", headers });
    expect(response.statusCode).toBe(method === "GET" ? 200 : 204);
    return response.headers;
  };
  for (const origins of [undefined, [], ["https://other.example"]]) {
    for (const method of ["OPTIONS", "GET"] as const) {
      const names = Object.keys(await ask(origins, method));
      expect(names.filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  }
  const named = await ask(["https://other.example", "https://app.example"], "OPTIONS");
  expect(named).toMatchObject({ "access-control-allow-origin": "https://app.example", vary: "origin" });
  expect(named["access-control-allow-headers"]).toContain("authorization");
  expect(named["access-control-allow-methods"]).toContain("PATCH");
  const read = await ask(["*"], "GET");
  expect(read).toMatchObject({ "access-control-allow-origin": "*" });
  expect(read["access-control-expose-headers"]).toContain("seam-request-id");
});

test("a key that asks too often waits, and no other waits with it", async () => {
  const { app, clock } = memoryApi({ rate: { perSecond: 2, burst: 3 } });
  const ask = async (role: "viewer" | "admin", url = "/workspaces/get") => {
    const response = await app.inject({ url, headers: { authorization: `Bearer ${KEYS[role]}` } });
    return [response.statusCode, response.headers["retry-after"]];
  };
  for (let n = 0; n < 3; n += 1) expect(await ask("viewer")).toEqual([200, undefined]);
  expect(await ask("viewer")).toEqual([429, "1"]);
  expect(await ask("viewer", "/no/such/route")).toEqual([429, "1"]);
  expect(await ask("admin")).toEqual([200, undefined]);
  expect((await app.inject("/health")).statusCode).toBe(200);
  await clock.advance(500);
  expect(await ask("viewer")).toEqual([200, undefined]);
  expect(await ask("viewer")).toEqual([429, "1"]);
  await clock.advance(60_000);
  for (let n = 0; n < 3; n += 1) expect(await ask("viewer")).toEqual([200, undefined]);
  expect(await ask("viewer")).toEqual([429, "1"]);
});

test("a change whose act writes nothing down is in the audit all the same; reading is not, nor what failed", async () => {
  const { post, site, audit } = memoryApi();
  await post("/acs/users/list");
  await post("/acs/users/create", { acs_system_id: randomUUID(), full_name: "Ann" });
  expect(audit).toEqual([]);
  const wish = { acs_system_id: site.systemId, full_name: "Ann" };
  await post("/acs/users/create", wish, "technician");
  expect(audit).toMatchObject([
    { who: "the technician", from: "127.0.0.1", what: "/acs/users/create", target: site.systemId },
  ]);
});

test("without a desk there is nothing under /lockbridge", async () => {
  const { post } = memoryApi({ isGateway: false });
  for (const path of ["/lockbridge/status", "/lockbridge/simulate/card", "/lockbridge/keys/list"]) {
    expect((await post(path)).statusCode).toBe(404);
  }
});

test("what fails inside is answered without details and logged with its id", async () => {
  const { app, site, failures } = memoryApi();
  (site.model.users as { get: unknown }).get = () => {
    throw new Error("canary 4711");
  };
  const response = await app.inject({
    url: `/acs/users/get?acs_user_id=${randomUUID()}&code=4711`,
    headers: asAdmin,
  });
  expect(response.statusCode).toBe(500);
  expect(response.body).not.toContain("4711");
  expect(errorAnswer.parse(response.json()).error.type).toBe("internal_server_error");
  expect(failures).toMatchObject([
    { fields: { request_id: response.headers["seam-request-id"], route: "/acs/users/get" } },
  ]);
  expect(JSON.stringify(failures)).not.toContain("4711");
});

test("a full queue says when to come again", async () => {
  const { post, site } = memoryApi();
  const { SeamError } = await import("./model.js");
  (site.model.encoders as { scan: unknown }).scan = () => {
    throw new SeamError(429, "too_many_requests", "Eight jobs wait at this encoder already.");
  };
  const response = await post("/acs/encoders/scan_credential", { acs_encoder_id: site.encoderId });
  expect(response.statusCode).toBe(429);
  expect(response.headers["retry-after"]).toBe("5");
});
