import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { KEYS, memoryApi } from "#test/support/memory-api";
import { errorAnswer } from "./schemas/endpoint.js";
import { jsonEndpoints } from "./all-routes.js";

/** Whatever is sent to any route: an answer in the envelope, and never a 500. Streams and documents have tests of their own. */
const api = memoryApi();
const known = [
  api.site.systemId,
  api.site.encoderId,
  api.site.entranceId,
  api.site.inventory.connectedAccountId,
];

/** Values that nearly fit: ids that exist, instants at the edges, digits, prototype names. */
const plausible = fc.oneof(
  fc.constantFrom<unknown>(...known, randomUUID(), "card", "code", "viewer", "classic", true, false, null, 1),
  fc.constantFrom<unknown>(
    "0000-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59.999-23:59",
    "2030-01-01T00:00:00Z",
  ),
  fc.constantFrom<unknown>("__proto__", "constructor", "0042", "a@b.cd", "\u0000", "\ud800", ""),
  fc.integer(),
  fc.double(),
  fc.string(),
);
const value = fc.oneof(plausible, fc.array(plausible, { maxLength: 3 }), fc.jsonValue({ maxDepth: 3 }));

test.each(jsonEndpoints.map((endpoint) => [endpoint.path, endpoint] as const))(
  "%s",
  async (path, endpoint) => {
    const names = [...Object.keys(endpoint.input.shape), "starts_at", "constructor", "visionline_metadata"];
    const body = fc.oneof(
      { weight: 4, arbitrary: fc.dictionary(fc.constantFrom(...names), value) },
      { weight: 1, arbitrary: fc.jsonValue() },
    );
    const query = fc.array(fc.tuple(fc.oneof(fc.constantFrom(...names), fc.string()), fc.string()), {
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(body, query, fc.uuid(), async (payload, pairs, id) => {
        const search = new URLSearchParams(pairs).toString();
        const response = await api.app.inject({
          method: "POST",
          url: `${path.replace(":id", id)}?${search}`,
          headers: { authorization: `Bearer ${KEYS.admin}`, "content-type": "application/json" },
          payload: JSON.stringify(payload),
        });
        expect(api.failures).toEqual([]);
        if (response.statusCode === 200) endpoint.output.parse(response.json());
        else errorAnswer.parse(response.json());
        expect(response.statusCode).toBeLessThan(500);
      }),
      { numRuns: 60 },
    );
  },
);

test("any bytes as a body", async () => {
  const headers = { authorization: `Bearer ${KEYS.admin}`, "content-type": "application/json" };
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), async (bytes) => {
      const response = await api.app.inject({
        method: "POST",
        url: "/acs/users/list",
        headers,
        payload: Buffer.from(bytes),
      });
      expect(response.statusCode).toBeLessThan(500);
    }),
  );
});

test("any path and any header", async () => {
  await fc.assert(
    fc.asyncProperty(fc.webPath(), fc.string(), async (path, text) => {
      const response = await api.app.inject({
        method: "GET",
        url: path === "" ? "/" : path,
        headers: { authorization: `Bearer ${KEYS.admin}`, "last-event-id": encodeURIComponent(text) },
      });
      errorAnswer.parse(response.json());
      expect(response.statusCode).toBeLessThan(500);
    }),
  );
});
