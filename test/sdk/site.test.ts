import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { DemoSite } from "#src/sandbox/demo-site";
import { endWholeSite, serversOf, startWholeSite } from "#test/support/whole-site";
import { playAccessStory } from "./access-story.js";
import { playLocksStory } from "./locks-story.js";
import { playSnippets } from "./owner-snippets-story.js";
import { playScheduleStory } from "./schedule-story.js";
import { playSdkStory, SDKS } from "./sdk-suite.js";
import { SOON } from "./sdks.js";
import { playSimulationStory } from "./simulation-story.js";

/**
 * Seam's SDKs against the two real models on one whole site: the gateway with its engine, store and PN532 encoder over
 * the real `serialport`, and the stand-in cloud, which knows only what that gateway reports.
 */
vi.setConfig({ testTimeout: 60_000 });

let site: DemoSite;
beforeAll(async () => {
  // A machine whose clock is set right: locks are told the time by no other.
  const synchronised = fileURLToPath(new URL("../power-cuts/synchronised", import.meta.url));
  vi.stubEnv("PATH", `${synchronised}:${process.env["PATH"] ?? ""}`);
  site = await startWholeSite();
});
afterAll(async () => {
  await endWholeSite(site);
  vi.unstubAllEnvs();
});

const SERVERS = serversOf(() => site);

const EACH_SDK = SDKS.map((sdk) => [sdk.name, sdk] as const);

describe.each(SERVERS)("against $name", ({ of }) => {
  test.each(EACH_SDK)("%s plays the story", async (_, sdk) => {
    const { desk } = site.hardware;
    const uid = desk.put("mifare_classic_1k");
    desk.take();
    const { inventory } = site.gateway.engine.deps;
    const [room, , pool] = site.entranceIds;
    await playSdkStory(sdk, {
      ...of(),
      systemId: inventory.systems[0]!.id,
      entranceIds: [room!, pool!],
      encoderId: site.encoderId,
      putCard: () => void desk.putAgain(uid),
      takeCard: () => desk.take(),
    });
    expect(site.gateway.engine.deps.store.journal.verifyChain()).toBeUndefined();
  });

  test.each(EACH_SDK)("%s plays the story of the locks", async (_, sdk) => {
    const { simulator } = site.hardware.locks;
    const locks = site.gateway.engine.deps.inventory.locks;
    const [first, second] = locks;
    await playLocksStory(sdk, sdk.connect(of()), {
      lockIds: [first!.id, second!.id],
      codesOnLock: (id) =>
        Object.values(simulator.codesOf(locks.find((lock) => lock.id === id)!.unit.replace("locks/", ""))),
      openDoor: (isOpen) => simulator.openDoor("lock-1", isOpen),
      drainTo: (percent) => simulator.reportBattery("lock-1", percent),
      jam: () => simulator.jam("lock-1"),
      lockByHand: () => simulator.lockByHand("lock-1"),
      setAtLock: (pin) => simulator.changeSlotAtLock("lock-1", 29, pin),
    });
  });

  test.each(EACH_SDK)("%s leaves a guest's hours to the lock", async (_, sdk) => {
    const { locks } = site.hardware;
    const { inventory } = site.gateway.engine.deps;
    const replug = async () => {
      await locks.unplug();
      await locks.plugIn();
    };
    locks.simulator.schedulers.add("lock-2");
    await replug();
    try {
      await playScheduleStory(sdk.connect(of()), {
        lockId: inventory.locks.find(({ unit }) => unit === "locks/lock-2")!.id,
        windows: () => Object.values(locks.simulator.windowsOf("lock-2")),
      });
    } finally {
      locks.simulator.schedulers.clear();
      await replug();
    }
  });

  test.each(EACH_SDK)(
    "%s simulates what happens at encoders and locks",
    { timeout: 60_000 },
    async (_, sdk) => {
      const { inventory } = site.gateway.engine.deps;
      const [first] = inventory.locks;
      await playSimulationStory(sdk, sdk.connect(of()), {
        systemId: inventory.systems[0]!.id,
        doorId: site.entranceIds[0]!,
        encoderId: site.encoderId,
        lockId: first!.id,
        gateId: inventory.locks.find(({ unit }) => unit === "bus/gate")!.id,
      });
    },
  );

  test.each(EACH_SDK)("%s runs the samples of docs/api.md", async (_, sdk) => {
    const { inventory } = site.gateway.engine.deps;
    await playSnippets(sdk, sdk.connect(of()), {
      systemId: inventory.systems[0]!.id,
      keypadId: site.entranceIds[3]!,
      lockId: inventory.locks[1]!.id,
    });
  });

  test.each(EACH_SDK)("%s plays the story of who may open what", async (_, sdk) => {
    const [doorId, , zoneId, keypadId] = site.entranceIds;
    const systemId = site.gateway.engine.deps.inventory.systems[0]!.id;
    await playAccessStory(sdk, sdk.connect(of()), {
      systemId,
      doorId: doorId!,
      zoneId: zoneId!,
      keypadId: keypadId!,
      groupId: await swimmers(systemId, zoneId!),
    });
  });
});

/** Seam has no route that makes a group: ours makes it on the gateway, and the cloud adopts it. */
let groupId: string | undefined;
async function swimmers(systemId: string, entranceId: string): Promise<string> {
  if (groupId !== undefined) return groupId;
  const response = await fetch(`${site.gateway.endpoint}/lockbridge/access_groups/create`, {
    method: "POST",
    headers: { authorization: `Bearer ${site.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ acs_system_id: systemId, name: "Swimmers", acs_entrance_ids: [entranceId] }),
  });
  const answer = (await response.json()) as { acs_access_group: { acs_access_group_id: string } };
  const made = answer.acs_access_group.acs_access_group_id;
  await expect.poll(() => site.cloud.site.feed.get("acs_access_group", made), SOON).toBeDefined();
  groupId = made;
  return made;
}
