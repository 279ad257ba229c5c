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
