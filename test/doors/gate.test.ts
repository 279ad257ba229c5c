import { afterAll, beforeAll, expect, test } from "vitest";
import { DemoApp } from "#src/sandbox/demo-app";
import { playGate } from "#src/sandbox/demo-gate";
import { type DemoSite, until } from "#src/sandbox/demo-site";
import { endWholeSite, startWholeSite } from "#test/support/whole-site";

/** The whole way in real time: cloud, gateway, site keys, a real serial port, and a reader with a door behind it. */
let site: DemoSite;
const stage = {
  act: () => undefined,
  done: () => undefined,
  step: () => undefined,
  presentCard: () => Promise.resolve(),
  takeCard: () => undefined,
};

beforeAll(async () => {
  site = await startWholeSite();
}, 60_000);

afterAll(() => endWholeSite(site), 30_000);

const play = () => playGate(site, stage, new DemoApp(site.cloud.endpoint, site.cloudApiKey));

test(
  "a reader from the factory is given its key, a PIN from the cloud opens its door, a wrong one does not",
  { timeout: 60_000 },
  async () => {
    await play();
    const { gate } = site.hardware;
    expect(gate.key).not.toBeNull();
    expect(gate.pulses).toEqual([{ output: 0, tenths: 50 }]);
    expect(gate.shown).toEqual(expect.arrayContaining(["red", "3 beeps", "green", "1 beeps"]));
  },
);

test(
  "the line is pulled and plugged in again: the same key, and the door opens again",
  { timeout: 60_000 },
  async () => {
    const { readers, gate } = site.hardware;
    const { devices } = site.gateway.engine.deps;
    const { key } = gate;
    await readers.unplug();
    await until("the reader is away", () => !devices.isOnline("bus/gate"));
    await readers.plugIn();
    await play();
    expect(gate.key).toEqual(key);
    expect(gate.pulses).toHaveLength(2);
  },
);

test(
  "what is wrong with the reader stands at its lock and at its device, and goes when it is put right",
  { timeout: 60_000 },
  async () => {
    const { gate } = site.hardware;
    const { engine } = site.gateway;
    const { devices, inventory, store } = engine.deps;
    const lock = inventory.locks.find(({ unit }) => unit === "bus/gate");
    const known = () => store.keypads.lock(lock?.id ?? "")?.observed;
    const troubles = () => devices.status().find(({ key }) => key === "bus")?.troubles ?? [];
    await until("it is online", () => known()?.online === true);
    gate.openCover();
    await until("its cover is told", () => known()?.warnings.length === 1);
    expect(known()).toMatchObject({
      online: true,
      warnings: [{ message: expect.stringMatching(/cover/) as string }],
    });
    expect(troubles()).toMatchObject([{ unit: "gate", code: null }]);
    gate.openCover(false);
    await until("that is over", () => known()?.warnings.length === 0);
    const { key } = gate;
    gate.key = Buffer.alloc(16, 7);
    gate.restart();
    await until("it is away", () => known()?.online === false);
    await until("the reason is told", () => /no secure channel/.test(known()?.errors[0]?.message ?? ""));
    gate.key = key;
    await until("it is back", () => known()?.online === true);
    expect(known()?.errors).toEqual([]);
  },
);
