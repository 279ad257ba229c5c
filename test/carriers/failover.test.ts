import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually, LinkedGateway, put, tlsOf, user } from "#test/mqtt/rig";
import { expectEqual, inUse, TwoWays } from "./rig.js";

/** Mosquitto and HTTP, in real: which of them is used when one of them fails, and what becomes of the story. */
let ways: TwoWays;
let gateway: LinkedGateway;
beforeEach(async () => {
  ways = await TwoWays.start();
  gateway = ways.gateway();
  await eventually(() => expect([gateway.isInStep, inUse(gateway)]).toEqual([true, "mqtt"]));
});
afterEach(async () => {
  await gateway.link.stop();
  await ways.close();
});

test("HTTP takes over in the midst of the story, gives back by itself, and every command ran once", async () => {
  const { memory } = gateway;
  put(ways.cloud.site, "u1", "4711");
  const running = ways.cloud.site.command("scan", "encoder", null, "app");
  await eventually(() => expect(memory.ran).toHaveLength(1));

  await ways.mqttLine.refuse();
  await eventually(() => expect(inUse(gateway)).toBe("http"));
  expect(gateway.link.status()).toMatchObject({ carrier: "http", phase: "welcomed" });
  // Out, or being looked at again.
  expect(gateway.link.status().carriers[0]).toMatchObject({
    name: "mqtt",
    problem: { code: "carrier.unreachable" },
  });
  expect(ways.cloud.site.lastHello?.transport).toBe("http");
  memory.finish(running.id);
  put(ways.cloud.site, "u2", "4712");
  memory.localChange("acs_user", "desk", user("desk"), { pin: "1234" });
  await eventually(() => expectEqual(ways.cloud, gateway));
  expect(ways.cloud.site.commands.get(running.id)?.status).toBe("success");

  await ways.mqttLine.accept();
  await eventually(() => expect(gateway.link.status().carriers[0]?.state).toBe("proving"));
  put(ways.cloud.site, "u3");
  await eventually(() => expect(memory.objects.has("acs_user/u3")).toBe(true));
  await eventually(() => expect(inUse(gateway)).toBe("mqtt"));
  expect(ways.cloud.site.lastHello?.transport).toBe("mqtt");
  put(ways.cloud.site, "u4");
  await eventually(() => expectEqual(ways.cloud, gateway));
  expect(gateway.moves).toEqual(["http", "mqtt"]);
  expect(memory.ran).toHaveLength(1);
});

test("a line that is silent and stays open is left for the other", async () => {
  ways.mqttLine.weather.isHeld = true;
  gateway.memory.localChange("acs_user", "desk", user("desk"));
  await eventually(() => expect(inUse(gateway)).toBe("http"), 15_000);
  await eventually(() => expectEqual(ways.cloud, gateway));
  await ways.mqttLine.heal();
  await eventually(() => expect(inUse(gateway)).toBe("mqtt"), 15_000);
  await eventually(() => expectEqual(ways.cloud, gateway));
}, 40_000);

test("a gateway that the broker no longer lets in goes over HTTP, and says why", async () => {
  await gateway.link.stop();
  const { memory } = gateway;
  const stranger = ways.authority.issue("0d8f4c52-0000-4000-8000-000000000000");
  const { mqttUrl: url, httpUrl: http } = ways;
  gateway = new LinkedGateway({ url, http, tls: tlsOf(ways.authority.certificate, stranger), memory });
  await eventually(() => expect(inUse(gateway)).toBe("http"));
  expect(gateway.link.status().carriers[0]).toMatchObject({
    state: "out",
    problem: { code: "carrier.unauthorized" },
  });
  expect(gateway.link.status().carriers[0]?.nextTryMs).toBeGreaterThan(4 * 60_000);
  put(ways.cloud.site, "u1");
  await eventually(() => expectEqual(ways.cloud, gateway));
  expect(gateway.told).not.toContain("token-of-the-gateway");
});

test("with neither it goes on trying both, and takes the one that is back first", async () => {
  await Promise.all([ways.mqttLine.refuse(), ways.httpLine.refuse()]);
  await eventually(() =>
    expect(gateway.link.status().carriers.map(({ state }) => state === "out" || state === "trying")).toEqual([
      true,
      true,
    ]),
  );
  await eventually(() => {
    const carriers = gateway.link.status().carriers;
    expect(carriers.map(({ problem }) => problem?.code)).toEqual([
      "carrier.unreachable",
      "carrier.unreachable",
    ]);
  });
  put(ways.cloud.site, "u1");
  await ways.httpLine.accept();
  await eventually(() => expect(inUse(gateway)).toBe("http"));
  await eventually(() => expectEqual(ways.cloud, gateway));
  await ways.mqttLine.accept();
  await eventually(() => expect(inUse(gateway)).toBe("mqtt"));
  await eventually(() => expectEqual(ways.cloud, gateway));
});
