import { expect, test } from "vitest";
import { siteTopics, gatewayTopics } from "#src/cloud/mqtt-topics";
import { startBroker } from "#src/sandbox/cloud/mqtt-broker";
import { createCloud } from "#src/sandbox/cloud/server";
import { realClock } from "#src/ops/clock";
import { eventually, GATEWAY, LinkedGateway, put, SITE, TOKEN, user } from "#test/mqtt/rig";
import { Chance } from "#test/simulation/chance";
import { FaultProxy } from "#test/support/fault-proxy";

/**
 * A line without TLS on which bits flip (TLS would show it as a cut). What is damaged may mean something else then, so
 * equality is not promised; but nothing falls over, whatever is not as agreed has a name, the cursor stays within the
 * feed, no command runs twice, and a good line brings the link back to its work.
 */
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const KNOWN_FAULT = /^(body|message|item|carrier|cloud|welcome|feed|journal)\.[a-z_]+$/;

test.each(["mqtt", "http"] as const)(
  "over %s",
  async (way) => {
    const chance = new Chance(SEED);
    const all = [siteTopics(SITE)];
    const own = gatewayTopics(SITE, GATEWAY);
    const broker = await startBroker([
      { username: "cloud", password: "cloud's", publishes: all, reads: all },
      { username: GATEWAY, password: TOKEN, publishes: [`${own}u/`], reads: [`${own}d/`] },
    ]);
    const cloud = await createCloud({
      port: 0,
      siteId: SITE,
      apiKey: "seam_test1_0000",
      gatewayId: GATEWAY,
      gatewayToken: TOKEN,
      clock: realClock,
      mqtt: { url: broker.url, username: "cloud", password: "cloud's" },
    });
    const target = new URL(way === "mqtt" ? broker.url : cloud.endpoint).port;
    const line = await FaultProxy.start(Number(target), (limit) => chance.below(limit));
    const gateway = new LinkedGateway(
      way === "mqtt" ? { url: `mqtt://127.0.0.1:${line.port}` } : { http: `http://127.0.0.1:${line.port}` },
    );
    const { memory, link } = gateway;
    try {
      await eventually(() => expect(gateway.isInStep).toBe(true));
      for (let round = 0; round < 16; round++) {
        line.weather.corruptOneIn = 150 + chance.below(1_500);
        put(cloud.site, `u${round % 5}`, String(round), `cloud ${round}`);
        if (round % 3 === 0) memory.localChange("acs_user", `d${round}`, user(`d${round}`));
        if (round % 5 === 0) cloud.site.command("scan", "encoder", null, "app");
        const before = line.corrupted;
        await eventually(() => expect(line.corrupted).toBeGreaterThan(before), 500).catch(() => line.cut());
        expect(memory.cursor?.rev ?? 0).toBeLessThanOrEqual(cloud.site.feed.head);
      }
      expect(gateway.faults.length).toBeGreaterThan(0);
      expect(gateway.faults.filter((fault) => !KNOWN_FAULT.test(fault))).toEqual([]);

      await line.heal();
      line.cut();
      await eventually(() => expect(gateway.isInStep).toBe(true), 30_000);
      for (let number = 0; number < 5; number++) put(cloud.site, `u${number}`, "4711", "after");
      await eventually(() => expect(memory.objects.get("acs_user/u4")?.spec["full_name"]).toBe("after"));
      await eventually(() => expect(gateway.isInStep).toBe(true));
      for (let number = 0; number < 5; number++)
        expect(memory.objects.get(`acs_user/u${number}`)?.code?.reveal()).toBe("4711");
      const ran = memory.ran.map(({ id }) => id);
      expect(new Set(ran).size).toBe(ran.length);
      expect(link.status().problem).toBeNull();
    } catch (error) {
      throw new Error(`SEED=${SEED} ${gateway.faults.join(" ")}`, { cause: error });
    } finally {
      await link.stop();
      await line.close();
      await cloud.close();
      await broker.close();
    }
  },
  120_000,
);
