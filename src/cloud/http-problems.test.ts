import { expect, test } from "vitest";
import { problemOfAnswer } from "./http-problems.js";

const NOW = Date.parse("2026-11-22T14:00:00Z");
const problem = (
  status: number,
  headers: Record<string, string> = {},
  key: "cloud.http" | "cloud.url" = "cloud.http",
) => problemOfAnswer({ status, headers, now: NOW, key });
const PAGE = { "content-type": "text/html; charset=utf-8" };

test.each([
  [302, {}, "carrier.redirected", /never followed; correct cloud\.http, or sign in to the network's portal/],
  [401, {}, "carrier.unauthorized", /does not accept this gateway's token/],
  [403, PAGE, "carrier.unauthorized", /with a web page: a proxy on the way may refuse it/],
  [404, {}, "carrier.not_found", /no such gateway there; check cloud\.http/],
  [407, {}, "carrier.unexpected_answer", /a proxy on the way wants credentials/],
  [409, {}, "carrier.session_lost", /no longer knows this session/],
  [410, {}, "carrier.session_lost", /no longer knows this session/],
  [413, {}, "carrier.batch_too_big", /too big/],
  [429, {}, "carrier.busy", /busy/],
  [500, {}, "carrier.server_error", /^the cloud answered 500$/],
  [502, PAGE, "carrier.server_error", /answered 502 with a web page$/],
  [511, PAGE, "carrier.redirected", /sign in to the network's portal/],
  [418, {}, "carrier.unexpected_answer", /^the cloud answered 418$/],
] as const)("%i is told as what it is", (status, headers, code, says) => {
  const told = problem(status, headers);
  expect(told.code).toBe(code);
  expect(told.message).toMatch(says);
});

test.each([
  ["30", 30_000],
  ["Sun, 22 Nov 2026 14:02:00 GMT", 120_000],
  ["Sun, 22 Nov 2026 13:00:00 GMT", 0],
  ["9999999", 3_600_000],
  ["-5", 0],
  ["soon", 0],
])("Retry-After: %s is a pause of %i ms", (header, ms) => {
  expect(problem(503, { "retry-after": header }).retryAfterMs).toBe(ms);
});

test("a web server at the broker's address is told with the key to correct", () => {
  expect(problem(200, {}, "cloud.url").message).toContain("not as MQTT over WebSocket; check cloud.url");
});
