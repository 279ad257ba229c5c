import { rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DemoSite, startDemoSite } from "#src/sandbox/demo-site";
import { newCard } from "#src/sandbox/simulated-site";
import { playSdkStory, SDKS } from "./sdk-suite.js";

/**
 * Seam's SDKs against the two real models on one whole site: the gateway with its engine, store and PN532 encoder over
 * the real `serialport`, and the stand-in cloud, which knows only what that gateway reports.
 */
let site: DemoSite;
beforeAll(async () => {
  site = await startDemoSite({
    port: 0,
    onFatal(error) {
      throw error;
    },
  });
});
afterAll(async () => {
  await site.stop();
  rmSync(site.stateDir, { recursive: true, force: true });
});

const SERVERS = [
  { name: "the gateway", of: () => ({ endpoint: site.gateway.endpoint, apiKey: site.apiKey }) },
  { name: "the stand-in cloud", of: () => ({ endpoint: site.cloud.endpoint, apiKey: site.cloudApiKey }) },
] as const;

describe.each(SERVERS)("against $name", ({ of }) => {
  test.each(SDKS.map((sdk) => [sdk.name, sdk] as const))("%s plays the story", async (_, sdk) => {
    const card = newCard("mifare_classic_1k");
    const { inventory } = site.gateway.engine.deps;
    const [room, , pool] = site.entranceIds;
    await playSdkStory(sdk, {
      ...of(),
      systemId: inventory.systems[0]!.id,
      entranceIds: [room!, pool!],
      encoderId: site.encoderId,
      putCard: () => void site.hardware.putCard(card),
      takeCard: () => site.hardware.simulator.takeCard(),
    });
    expect(site.gateway.engine.deps.store.journal.verifyChain()).toBeUndefined();
  });
});
