import { afterEach, beforeEach, expect, test } from "vitest";
import { webhooksDeliveries } from "#src/api/schemas/webhooks";
import { type FakeDaemon, startFakeDaemon } from "#test/support/fake-daemon";
import { typed } from "#test/support/typed";

const NOW = "2026-11-22T14:00:00.000Z";
const OK = { ok: true } as const;
const works = {
  webhook_id: "0190a000-0000-7000-8000-000000000001",
  url: "https://app.example/hook?token=abc",
  waiting: 0,
  late: 0,
  last_delivered_at: NOW,
  failing_since: null,
  problem: null,
  next_try_at: null,
};

let daemon: FakeDaemon;
beforeEach(async () => (daemon = await startFakeDaemon()));
afterEach(() => daemon.close());

test("each receiver with what waits for it, and why; the path of its URL is nobody's to read", async () => {
  const failing = {
    ...works,
    url: "https://other.example/",
    waiting: 12,
    late: 3,
    failing_since: NOW,
    problem: "503 Service Unavailable",
    next_try_at: NOW,
  };
  daemon.on(webhooksDeliveries, () => ({ webhooks: [works, failing], ...OK }));
  const { out } = await typed(["webhooks"], { socketPath: daemon.socketPath });
  expect(out).toMatch(/app\.example +works +0/);
  expect(out).toMatch(/other\.example +failing since .* +12 .*503 Service Unavailable/);
  expect(out).not.toContain("token=abc");
});

test("nobody asked for events", async () => {
  daemon.on(webhooksDeliveries, () => ({ webhooks: [], ...OK }));
  const { out } = await typed(["webhooks"], { socketPath: daemon.socketPath });
  expect(out).toContain("No app has asked for events");
});
