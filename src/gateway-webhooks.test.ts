import { expect, onTestFinished, test } from "vitest";
import { Observability } from "#src/gateway-observability";
import { gatewayWebhooks } from "#src/gateway-webhooks";
import { EngineRig } from "#test/support/engine-rig";
import { silentLog } from "#test/support/memory-gateway";
import { ACCEPT, startReceiver } from "#test/support/receiver";

const BY = { name: "app", role: "admin", seesPins: true } as const;
const HOUR = 3_600_000;

async function site() {
  const rig = await new EngineRig().ready();
  const { engine, store, devices, clock } = rig;
  const webhooks = gatewayWebhooks(engine, { isSandbox: true, version: "test" });
  const observability = new Observability({
    store,
    storePath: "/nowhere/store.db",
    freeBytes: () => null,
    devices,
    clock,
    log: silentLog,
    time: { read: () => engine.deps.time.read(), floorAheadMs: () => 0 },
    hasLocks: false,
    needsKeys: false,
    cloud: () => null,
    driverMemory: () => new Map(),
    snapshot: () => null,
    offline: () => null,
  });
  onTestFinished(async () => {
    observability.metrics.stop();
    await webhooks.stop();
  });
  webhooks.start();
  const health = () => observability.health().find(({ part }) => part === "webhooks");
  return { rig, webhooks, observability, health };
}

test("how deliveries go is told: what waits, since when and why it fails, the next try, and health", async () => {
  const { rig, webhooks, observability, health } = await site();
  expect(health()).toBeUndefined();
  const receiver = await startReceiver();
  const { secret } = webhooks.model.create({ url: receiver.url, eventTypes: null }, BY);
  const [quiet] = webhooks.model.deliveries();
  expect(quiet).toMatchObject({ waiting: 0, late: 0, last_delivered_at: null, next_try_at: null });
  expect(JSON.stringify(quiet)).not.toContain(secret);
  rig.feedUser();
  await expect
    .poll(() => webhooks.model.deliveries()[0])
    .toMatchObject({
      waiting: 0,
      last_delivered_at: expect.any(String) as string,
      failing_since: null,
    });
  expect(health()).toMatchObject({ state: "ok" });

  receiver.behave((_, response) => void response.writeHead(503).end());
  const since = rig.clock.now();
  rig.feedUser({ state: "deleted" });
  await expect.poll(() => webhooks.model.deliveries()[0]?.["problem"]).toMatch("503");
  await expect
    .poll(async () => {
      await rig.clock.advance(HOUR);
      return webhooks.model.deliveries()[0]?.["late"];
    })
    .toBe(1);
  await expect
    .poll(() => webhooks.model.deliveries()[0])
    .toMatchObject({
      waiting: 1,
      late: 1,
      failing_since: new Date(since).toISOString(),
      next_try_at: expect.any(String) as string,
    });
  expect(health()).toMatchObject({ state: "degraded", code: "webhooks.failing" });
  expect(await observability.metrics.text()).toContain('lockbridge_webhook_events{state="late"} 1');

  receiver.behave(ACCEPT);
  await expect
    .poll(async () => {
      await rig.clock.advance(12 * HOUR);
      return webhooks.model.deliveries()[0];
    })
    .toMatchObject({ waiting: 0, failing_since: null });
  expect(health()).toMatchObject({ state: "ok" });
});
