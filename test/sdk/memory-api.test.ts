import { afterAll, beforeAll, expect, test } from "vitest";
import { KEYS, type MemoryApi, memoryApi } from "#test/support/memory-api";
import { playSdkStory, SDKS } from "./sdk-suite.js";

/** Seam's SDKs against the route layer alone; the two real models play the same story in tests of their own. */
let api: MemoryApi;
let endpoint = "";
beforeAll(async () => {
  api = memoryApi();
  endpoint = await api.app.listen({ host: "127.0.0.1", port: 0 });
});
afterAll(() => api.app.close());

test.each(SDKS.map((sdk) => [sdk.name, sdk] as const))("%s plays the story", async (_, sdk) => {
  const [room, , pool] = api.site.inventory.entrances;
  await playSdkStory(sdk, {
    endpoint,
    apiKey: KEYS.admin,
    systemId: api.site.systemId,
    entranceIds: [room!.id, pool!.id],
    encoderId: api.site.encoderId,
    putCard: () => api.site.putCard(),
    takeCard: () => api.site.takeCard(),
  });
  expect(api.failures).toEqual([]);
});

test.each(SDKS.map((sdk) => [sdk.name, sdk] as const))("%s knows a failed attempt", async (_, sdk) => {
  const seam = sdk.connect({ endpoint, apiKey: KEYS.technician });
  const scanning = seam.acs.encoders.scanCredential(
    { acs_encoder_id: api.site.encoderId },
    { waitForActionAttempt: { timeout: 20_000, pollingInterval: 50 } },
  );
  const outcome = Promise.resolve(scanning).catch((error: unknown) => error);
  const pending = () => [...api.site.attempts.values()].find(({ status }) => status === "pending");
  await expect.poll(pending).toBeDefined();
  api.site.fail(pending()!.id, "the encoder is on fire");
  const error = await outcome;
  expect(error).toBeInstanceOf(sdk.errors.attemptFailed);
  expect(error).toMatchObject({ code: "uncategorized_error", message: "the encoder is on fire" });
});
