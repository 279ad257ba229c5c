import { expect, test } from "vitest";
import type { Carrier } from "#src/cloud/carrier";
import { createCloudLink } from "#src/cloud/link";
import { page } from "#test/support/core-rig";
import { MemoryGateway, silentLog } from "#test/support/memory-gateway";
import { VirtualClock } from "#test/support/virtual-clock";

const carrier: Carrier = {
  name: "none",
  isEncrypted: true,
  open: () => undefined,
  send: () => undefined,
  listen: () => undefined,
  close: () => undefined,
  destroy: () => Promise.resolve(),
};

async function start(gateway: MemoryGateway, sw: string): Promise<void> {
  const clock = new VirtualClock(0);
  const time = { read: () => ({ now: 0, quality: "trusted", certain: 0 }) as const };
  const random = (size: number) => new Uint8Array(size);
  const { engine, store } = gateway;
  const link = createCloudLink({
    gateway: "g",
    sw,
    carrier,
    store,
    engine,
    clock,
    time,
    random,
    log: silentLog,
  });
  link.start();
  await link.stop();
}

test("what an earlier release could not understand is read again by the next one, and only then", async () => {
  const gateway = new MemoryGateway();
  const item = { ...page(6, 7).items[0], secret: "4711" };
  const kept = { epoch: 1, rev: 7, kind: "acs_user", id: "u7", code: "item.kind_unknown" };
  gateway.kept = [
    { ...kept, raw: Buffer.from(JSON.stringify(item)) },
    { ...kept, id: "u8", raw: Buffer.from(JSON.stringify({ ...item, kind: "acs_moonbeam" })) },
    { ...kept, id: "u9", raw: Buffer.from("{") },
  ];
  await start(gateway, "2");
  expect([...gateway.objects.keys()]).toEqual(["acs_user/u7"]);
  expect(gateway.objects.get("acs_user/u7")).toMatchObject({ epoch: 1, rev: 7 });
  expect(gateway.objects.get("acs_user/u7")?.code?.reveal()).toBe("4711");
  gateway.objects.clear();
  await start(gateway, "2");
  expect(gateway.objects.size).toBe(0);
  await start(gateway, "3");
  expect(gateway.objects.size).toBe(1);
});
