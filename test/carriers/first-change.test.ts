import { expect, test } from "vitest";
import { realClock } from "#src/ops/clock";
import { createCloud } from "#src/sandbox/cloud/server";
import { eventually, GATEWAY, LinkedGateway, put, SITE, TOKEN } from "#test/mqtt/rig";

test("to a new gateway the first change of an empty feed is pushed at once, without a broker to keep the head", async () => {
  const cloud = await createCloud({
    port: 0,
    siteId: SITE,
    apiKey: "seam_test1_0000",
    gatewayId: GATEWAY,
    gatewayToken: TOKEN,
    clock: realClock,
  });
  const gateway = new LinkedGateway({ http: cloud.endpoint, timesFaster: 1 });
  try {
    await eventually(() => expect(gateway.isInStep).toBe(true));
    put(cloud.site, "u0");
    await eventually(() => expect(gateway.memory.objects.size).toBe(1));
  } finally {
    await gateway.link.stop();
    await cloud.close();
  }
});
