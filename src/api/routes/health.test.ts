import { expect, onTestFinished, test } from "vitest";
import { memoryDesk } from "#test/support/memory-desk-model";
import { memorySite } from "#test/support/memory-seam-model";
import { VirtualClock } from "#test/support/virtual-clock";
import { createApi } from "../server.js";

type State = "ok" | "degraded" | "failed";

function api(parts: readonly { part: string; state: State }[] = [], isReady = true) {
  const clock = new VirtualClock();
  const site = memorySite(() => clock.now());
  const app = createApi({
    model: site.model,
    desk: memoryDesk(site).desk,
    auth: (key) => (key === "seam_viewer" ? { name: "board", role: "viewer" } : undefined),
    clock,
    random: (size) => new Uint8Array(size),
    log: { error: () => undefined },
    isReady: () => isReady,
    health: () => parts,
    metrics: () => Promise.resolve("lockbridge_health 0\n"),
  });
  onTestFinished(() => app.close());
  return app;
}

test("ready, with the worst of each kind of part and no name of the site", async () => {
  const app = api([
    { part: "store", state: "ok" },
    { part: "device front desk", state: "degraded" },
    { part: "device back office", state: "failed" },
    { part: "device bar", state: "ok" },
  ]);
  const { statusCode, body } = await app.inject("/readyz");
  expect([statusCode, JSON.parse(body)]).toEqual([
    200,
    { ok: true, health: "failed", parts: { store: "ok", device: "failed" } },
  ]);
});

test("what is degraded or failed is no less ready; what starts or stops is not ready", async () => {
  expect((await api([{ part: "cloud", state: "failed" }]).inject("/readyz")).statusCode).toBe(200);
  const stopping = api([], false);
  expect((await stopping.inject("/readyz")).statusCode).toBe(503);
  expect((await stopping.inject("/healthz")).statusCode).toBe(200);
});

test("the figures are Prometheus' text, and need a key", async () => {
  const app = api();
  expect((await app.inject("/metrics")).statusCode).toBe(401);
  const { statusCode, headers, body } = await app.inject({
    url: "/metrics",
    headers: { authorization: "Bearer seam_viewer" },
  });
  expect([statusCode, body]).toEqual([200, "lockbridge_health 0\n"]);
  expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
});
