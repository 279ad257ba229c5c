import { randomUUID } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { KEYS, type MemoryApi, memoryApi } from "#test/support/memory-api";
import { errorAnswer } from "./schemas/endpoint.js";

const DAY = 86_400_000;
/** For requests that leave no trace. */
const shared = memoryApi();
const opened: MemoryApi[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ app }) => app.close()));
});

/** POSTs raw bytes. */
async function send(api: MemoryApi, payload: string | Buffer, contentType = "application/json") {
  return api.app.inject({
    method: "POST",
    url: "/acs/users/create",
    headers: { authorization: `Bearer ${KEYS.admin}`, "content-type": contentType },
    payload,
  });
}

test.each([
  ["half a body", "{"],
  ["an array", "[]"],
  ["a string", '"x"'],
  ["a number", "3"],
  ["null", "null"],
  ["a word", "hello"],
  ["two objects", "{}{}"],
  ["bytes that are no UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
  ["deep nesting", `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ["33 levels", `{"a":${"[".repeat(33)}${"]".repeat(33)}}`],
  ["__proto__", '{"__proto__":{"isAdmin":true},"full_name":"x"}'],
  ["__proto__ deep inside", '{"a":[{"b":{"__proto__":1}}]}'],
])("%s is 400 invalid_json", async (_, payload) => {
  const response = await send(shared, payload);
  expect(response.statusCode).toBe(400);
  expect(errorAnswer.parse(response.json()).error.type).toBe("invalid_json");
  expect(({} as Record<string, unknown>)["isAdmin"]).toBeUndefined();
});

test.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "nonsense"])(
  "content type %s is 400 invalid_content_type",
  async (contentType) => {
    const response = await send(shared, "full_name=x", contentType);
    expect(response.statusCode).toBe(400);
    expect(errorAnswer.parse(response.json()).error.type).toBe("invalid_content_type");
  },
);

test("names that mean something to objects are only unknown parameters", async () => {
  const { post, site } = memoryApi();
  const body = JSON.parse(
    `{"acs_system_id":"${site.systemId}","full_name":"x","constructor":{"prototype":{}},"toString":1,"hasOwnProperty":2}`,
  ) as object;
  expect((await post("/acs/users/create", body)).statusCode).toBe(200);
  expect((await post("/acs/credentials/create", { ...body, access_method: "card" })).statusCode).toBe(200);
});

test.each(["application/json", "application/x-www-form-urlencoded", "text/plain"])(
  "no body is an empty one, also under %s",
  async (contentType) => {
    const headers = { authorization: `Bearer ${KEYS.admin}`, "content-type": contentType };
    for (const method of ["POST", "GET"] as const) {
      const response = await shared.app.inject({ method, url: "/acs/systems/list", headers });
      expect(response.statusCode).toBe(200);
    }
  },
);

test("a missing parameter is named and Required; several are counted", async () => {
  const { post } = memoryApi();
  const one = errorAnswer.parse((await post("/acs/users/get")).json()).error;
  expect(one).toMatchObject({
    type: "invalid_input",
    message: '"acs_user_id" is required',
    validation_errors: { _errors: [], acs_user_id: { _errors: ["Required"] } },
  });
  const two = errorAnswer.parse((await post("/acs/users/create")).json()).error;
  expect(two.message).toMatch(/^2 Input Errors: "acs_system_id" is required; "full_name" is required$/);
});

test("errors inside an object are nested as the input is", async () => {
  const { post, site } = memoryApi();
  const response = await post("/acs/users/create", {
    acs_system_id: site.systemId,
    full_name: "Ada",
    access_schedule: { starts_at: "tomorrow" },
  });
  expect(errorAnswer.parse(response.json()).error.validation_errors).toMatchObject({
    access_schedule: { _errors: [], starts_at: { _errors: [expect.stringContaining("ISO 8601")] } },
  });
});

/** Each line: a parameter of a new card that is refused, and by which name. */
const refusals: [parameter: string, value: unknown][] = [
  ...["824a59", "", "12 34", "-1", "١٢٣٤", "1234\n", "1".repeat(17), 824759, null, true, ["1"]].map(
    (code): [string, unknown] => ["code", code],
  ),
  ...[
    "2030-01-01",
    "1893456000",
    1893456000,
    "tomorrow",
    "2030-01-01T00:00:00",
    "2030-02-30T00:00:00Z",
    "",
  ].map((instant): [string, unknown] => ["ends_at", instant]),
  ["ends_at", "2020-01-01T00:00:00Z"],
  ["access_method", "magic"],
  ["access_method", "mobile_key"],
  ["acs_user_id", "not-a-uuid"],
  ["acs_user_id", 7],
  ["allowed_acs_entrance_ids", "all"],
  ["allowed_acs_entrance_ids", [7]],
  ["is_one_time_use", "true"],
  ["is_multi_phone_sync_credential", true],
  ["user_identity_id", randomUUID()],
  ["visionline_metadata", { override: true }],
  ["made_up_metadata", {}],
];
test.each(refusals)("a card with %s %j is refused by that name", async (parameter, value) => {
  const { post } = shared;
  const response = await post("/acs/credentials/create", { access_method: "card", [parameter]: value });
  expect(response.statusCode).toBe(400);
  const { error } = errorAnswer.parse(response.json());
  expect(error.type).toBe("invalid_input");
  expect(Object.keys(error.validation_errors ?? {})).toEqual(["_errors", parameter]);
  expect((await post("/acs/credentials/list")).json()).toMatchObject({ acs_credentials: [] });
});

test("no refusal repeats a PIN", async () => {
  const { post, failures } = memoryApi();
  for (const code of ["canary4711", "4711canary", ["4711"], { canary: "4711" }]) {
    const response = await post("/acs/credentials/create", { access_method: "code", code });
    expect(response.statusCode).toBe(400);
    expect(response.body).not.toMatch(/canary|4711/);
  }
  const response = await post("/acs/credentials/create", { access_method: "code", code: "4711" });
  expect(response.statusCode).toBe(400);
  expect(response.body).not.toContain("4711");
  expect(failures).toEqual([]);
});

test("ends_at must be later than starts_at, stored ones too, and a refused update changes nothing", async () => {
  const { post, clock } = memoryApi();
  const at = (days: number) => new Date(clock.now() + days * DAY).toISOString();
  const bad = await post("/acs/credentials/create", {
    access_method: "card",
    starts_at: at(2),
    ends_at: at(2),
  });
  expect(errorAnswer.parse(bad.json()).error.validation_errors).toHaveProperty("ends_at");

  const made = await post("/acs/credentials/create", {
    access_method: "card",
    starts_at: at(2),
    ends_at: at(4),
  });
  const before = made.json<{ acs_credential: { acs_credential_id: string } }>().acs_credential;
  const { acs_credential_id } = before;
  for (const ends_at of [at(-1), at(1), at(2)]) {
    expect((await post("/acs/credentials/update", { acs_credential_id, ends_at })).statusCode).toBe(400);
  }
  const after = await post("/acs/credentials/get", { acs_credential_id });
  expect(after.json()).toEqual({ acs_credential: before, ok: true });
});

test("instants with an offset or fractions are answered in UTC", async () => {
  const { post } = memoryApi();
  const response = await post("/acs/credentials/create", {
    access_method: "card",
    starts_at: "2027-01-01T00:30:00.1234567+01:00",
    ends_at: "2027-01-02T00:00:00Z",
  });
  expect(response.json()).toMatchObject({
    acs_credential: { starts_at: "2026-12-31T23:30:00.123Z", ends_at: "2027-01-02T00:00:00.000Z" },
  });
});

test("schema before look-up: a bad PIN for an unknown credential is 400", async () => {
  const { post } = memoryApi();
  const response = await post("/acs/credentials/update", { acs_credential_id: randomUUID(), code: "x" });
  expect(errorAnswer.parse(response.json()).error.type).toBe("invalid_input");
});

test.each([
  ["/acs/systems/get", "acs_system_id", "acs_system_not_found"],
  ["/acs/entrances/get", "acs_entrance_id", "acs_entrance_not_found"],
  ["/acs/encoders/get", "acs_encoder_id", "acs_encoder_not_found"],
  ["/acs/encoders/scan_credential", "acs_encoder_id", "acs_encoder_not_found"],
  ["/acs/users/get", "acs_user_id", "acs_user_not_found"],
  ["/acs/users/delete", "acs_user_id", "acs_user_not_found"],
  ["/acs/credentials/delete", "acs_credential_id", "acs_credential_not_found"],
  ["/action_attempts/get", "action_attempt_id", "action_attempt_not_found"],
  ["/events/get", "event_id", "event_not_found"],
  ["/lockbridge/credentials/revoke", "acs_credential_id", "acs_credential_not_found"],
  ["/lockbridge/jobs/:id/cancel", ":id", "action_attempt_not_found"],
  ["/lockbridge/jobs/:id/stream", ":id", "action_attempt_not_found"],
])("%s of something unknown is 404, of no UUID 400", async (path, parameter, type) => {
  const { post } = shared;
  const unknown = randomUUID();
  const response = await post(path.replace(parameter, unknown), { [parameter]: unknown });
  expect(response.statusCode).toBe(404);
  expect(errorAnswer.parse(response.json()).error.type).toBe(type);
  const bad = await post(path.replace(parameter, "x"), { [parameter]: "x" });
  expect(bad.statusCode).toBe(400);
});

test.each([
  ["nothing", {}],
  [
    "since and between",
    { since: "2026-01-01T00:00:00Z", between: ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"] },
  ],
  ["half an interval", { between: ["2026-01-01T00:00:00Z"] }],
  ["a bare date", { since: "2026-01-01" }],
  ["a system that is no UUID", { since: "2026-01-01T00:00:00Z", acs_system_ids: ["main"] }],
])("events/list with %s is 400", async (_, body) => {
  const response = await shared.post("/events/list", body);
  expect(errorAnswer.parse(response.json()).error.type).toBe("invalid_input");
});

test.each(["nonsense", "AAAA", "e30=", "../../etc", "", "💥", "A".repeat(10_000)])(
  "page_cursor %j is 400",
  async (page_cursor) => {
    const response = await shared.post("/acs/users/list", { page_cursor });
    expect(response.statusCode).toBe(400);
    expect(errorAnswer.parse(response.json()).error.validation_errors).toHaveProperty("page_cursor");
  },
);

test.each([0, -1, 1.5, 1001, "5", null, []])("limit %j is 400", async (limit) => {
  expect((await shared.post("/acs/users/list", { limit })).statusCode).toBe(400);
});

test("a listening server survives ten megabytes, noise and endless headers", async () => {
  const api = memoryApi();
  opened.push(api);
  const endpoint = await api.app.listen({ host: "127.0.0.1", port: 0 });
  const big = await fetch(`${endpoint}/acs/users/create`, {
    method: "POST",
    headers: { authorization: `Bearer ${KEYS.admin}`, "content-type": "application/json" },
    body: JSON.stringify({ full_name: "x".repeat(10_000_000) }),
  });
  expect(big.status).toBe(413);
  expect(errorAnswer.parse(await big.json()).error.type).toBe("payload_too_large");

  const long = await fetch(`${endpoint}/acs/users/list?search=${"x".repeat(20_000)}`);
  expect(long.status).toBe(431);
  expect(errorAnswer.parse(await long.json()).error.request_id).toBe(long.headers.get("seam-request-id"));

  const noise = await rawExchange(new URL(endpoint), "\u0016\u0003\u0001 hello\r\n\r\n");
  expect(noise).toMatch(/^HTTP\/1\.1 400 /);
  expect(errorAnswer.parse(JSON.parse(noise.split("\r\n\r\n")[1] ?? "")).error.type).toBe("invalid_request");

  expect((await fetch(`${endpoint}/healthz`)).status).toBe(200);
});

/** Sends bytes and gives back all that is answered until the server closes. */
async function rawExchange({ hostname, port }: URL, bytes: string): Promise<string> {
  const { connect } = await import("node:net");
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(bytes, "latin1");
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}
