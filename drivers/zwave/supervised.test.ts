import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { SerialLine } from "#driver-api";
import { Devices } from "#src/devices/devices";
import { lineOpeners } from "#src/gateway-lines";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { Plugged } from "#src/sandbox/plugged";
import { calm, HurriedClock, zwaveConfig } from "#test/support/zwave-site";
import driver from "./index.js";
import { ZWaveSimulator } from "./simulator.js";

/** A stick under its supervisor: missing, there, pulled, and there again, with another driver object each time. */
const NODE = 2;
const UNIT = `stick/node-${NODE}`;
const folder = mkdtempSync(join(tmpdir(), "lb-zwave-stick-"));
const quiet = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
let stick: Plugged<ZWaveSimulator>;
let devices: Devices;
let openings = 0;
/** The supervisor's and the driver's own waits; the library's stay as they are. */
const clock = new HurriedClock();

beforeAll(async () => {
  const simulator = await ZWaveSimulator.create(realClock, [{ nodeId: NODE, kind: "v2", slots: 3 }]);
  stick = new Plugged(join(folder, "tty"), simulator);
  const settings = driver.serial ?? { baudRate: 9_600 };
  devices = new Devices(
    [
      {
        key: "stick",
        driverId: driver.id,
        port: stick.port,
        line: { kind: "serial", settings },
        open(line, log, signal) {
          openings++;
          const config = driver.config.parse(zwaveConfig);
          // As its opener made it.
          const context = { line: line as SerialLine, clock, log, folder };
          return driver.open(config, context, { signal });
        },
      },
    ],
    { openers: lineOpeners(clock), clock, log: quiet },
  );
  devices.start();
});

afterAll(async () => {
  await devices.stop();
  await stick.unplug();
  stick.simulator.close();
  rmSync(folder, { recursive: true, force: true });
});

const state = () => devices.status()[0];
const isUsable = () => vi.waitFor(() => expect(devices.isOnline(UNIT)).toBe(true), 20_000);

test("missing at first, found when it is plugged in, lost when it is pulled, and found again after 5 s and 60 s", async () => {
  await vi.waitFor(
    () => expect(state()).toMatchObject({ state: "absent", problem: { code: "port.missing" } }),
    5_000,
  );
  for (const [round, { code, awayMs }] of [
    { code: "4711", awayMs: 5_000 },
    { code: "0815", awayMs: 60_000 },
  ].entries()) {
    await stick.plugIn();
    await isUsable();
    expect(openings).toBe(round + 1);
    await devices.use(UNIT, calm().signal, async ({ keypadLock }) => {
      if (keypadLock?.codes !== "on_device") throw new Error("it is no lock");
      await keypadLock.writeSlot(round + 1, new Secret(code), calm());
    });
    await stick.unplug();
    await vi.waitFor(() => expect(devices.isOnline(UNIT)).toBe(false), 3_000);
    clock.factor = awayMs / 5_000;
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    expect(state()).toMatchObject({ state: "absent", problem: { code: "port.missing" } });
    clock.factor = 1;
  }
  await stick.plugIn();
  await isUsable();
  expect([...stick.simulator.lock(NODE).slots().values()].map(({ code }) => code)).toEqual(["4711", "0815"]);
}, 60_000);
