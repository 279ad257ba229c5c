import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import * as library from "zwave-js";
import { type Device, DriverError, type SerialLine } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { attach } from "#src/sandbox/attach";
import { openPty, type PtyEnd } from "#src/sandbox/pty";
import { openSerialLine } from "#src/transports/serial";
import { calm, eventually, HurriedClock, zwaveConfig, ZWaveSite } from "#test/support/zwave-site";
import { troubleOf } from "./absent.js";
import driver from "./index.js";
import { GOOD_HABITS } from "./simulator-lock.js";
import { ZWaveSimulator } from "./simulator.js";

/** What goes wrong around the locks. */
const NODE = 2;
const OTHER = 3;
const THIRD = 4;
const pin = (digits: string) => new Secret(digits);
const failure = (work: Promise<unknown>) => work.then(() => null).catch((error: unknown) => error);

let site: ZWaveSite | undefined;
afterEach(async () => {
  await site?.close();
  site = undefined;
});

test("a cache that was lost or is damaged costs no code: the library asks instead of deleting", async () => {
  site = await ZWaveSite.open([
    { nodeId: NODE, kind: "v2", slots: 3 },
    { nodeId: OTHER, kind: "credentials", slots: 3 },
  ]);
  const codes = () => [NODE, OTHER].map((node) => [...(site?.lock(node).slots().keys() ?? [])]);
  for (const node of [NODE, OTHER]) await site.keypad(node).writeSlot(2, pin("4711"), calm());
  const { folder } = site;
  const losses = [
    () => rmSync(folder, { recursive: true }),
    () => {
      for (const name of readdirSync(folder))
        if (name.endsWith(".jsonl")) writeFileSync(join(folder, name), "{]\u0000");
    },
  ];
  for (const lose of losses) {
    await site.device.close();
    lose();
    await site.start();
    await site.units(2);
    expect(codes()).toEqual([[2], [2]]);
    for (const node of [NODE, OTHER]) expect((await site.keypad(node).readSlot(2, calm())).is).toBe("code");
  }
}, 60_000);

test("one dead lock holds up nobody: its unit goes, it is asked every minute, and comes back as the same", async () => {
  site = await ZWaveSite.open([
    { nodeId: NODE, kind: "v1", slots: 3 },
    { nodeId: OTHER, kind: "v1", slots: 3 },
  ]);
  const [unit] = site.device.units;
  const events = site.events(NODE);
  site.clock.factor = 60;
  site.lock(NODE).silence(true);
  const keypad = site.keypad(NODE);
  expect(await failure(keypad.writeSlot(1, pin("4711"), calm()))).toMatchObject({
    code: "unit.silent",
    effect: "unknown",
  });
  await eventually(() => expect(site?.device.units.map(({ key }) => key)).toEqual(["node-3"]));
  expect(site.logged).toContainEqual(expect.objectContaining({ event: "zwave.node_silent", node: NODE }));
  expect(site.device.troubles).toEqual([
    { unit: "node-2", code: "unit.silent", message: expect.stringContaining("batteries") as string },
  ]);
  const startedAt = realClock.monotonic();
  expect(await failure(keypad.readSlot(1, calm()))).toMatchObject({ code: "unit.silent", effect: "none" });
  expect(realClock.monotonic() - startedAt).toBeLessThan(1_500);
  await site.keypad(OTHER).writeSlot(1, pin("4711"), calm());
  site.lock(NODE).silence(false);
  await site.units(2);
  expect(site.device.units[0]).toBe(unit);
  expect(site.device.troubles).toEqual([]);
  await site.keypad(NODE).writeSlot(1, pin("4711"), calm());
  await site.lock(NODE).pressKeys("4711");
  await eventually(() => expect(events).toEqual([{ type: "unlocked", method: "keycode", slot: 1 }]));
}, 60_000);

test("a lock that does not say what it is or how many codes it holds: the others go on, and it is asked again", async () => {
  const clock = new HurriedClock();
  const locks = [NODE, OTHER, THIRD].map((nodeId) => ({ nodeId, kind: "v1", slots: 2 }) as const);
  site = new ZWaveSite(await ZWaveSimulator.create(clock, locks), clock);
  site.lock(NODE).habits.hidesItself = true;
  site.lock(THIRD).habits.hidesNumber = true;
  await site.start();
  clock.factor = 200;
  await site.units(1);
  expect(site.device.units.map(({ key }) => key)).toEqual(["node-3"]);
  await site.keypad(OTHER).writeSlot(1, pin("4711"), calm());
  const unread = { code: "unit.silent", message: expect.stringContaining("every ten minutes") as string };
  await vi.waitFor(
    () =>
      expect(site?.device.troubles).toEqual([
        { unit: "node-2", ...unread },
        { unit: "node-4", ...unread },
      ]),
    30_000,
  );
  expect(site.logged).toContainEqual(expect.objectContaining({ event: "zwave.node_unread", node: NODE }));
  for (const node of [NODE, THIRD]) Object.assign(site.lock(node).habits, GOOD_HABITS);
  await site.units(3);
  expect(site.device.troubles).toEqual([]);
  expect(site.lock(OTHER).code(1)).toBe("4711");
}, 60_000);

test("a lock of Long Range is not spoken to, and says so", () => {
  const node = {
    id: 256,
    status: library.NodeStatus.Alive,
    protocol: library.Protocols.ZWaveLongRange,
    interviewStage: library.InterviewStage.Complete,
    isControllerNode: false,
    deviceClass: undefined,
    failedS2Bootstrapping: false,
    accessControl: undefined,
    supportsCC: () => false,
  };
  expect(troubleOf(library, node, false)).toEqual({
    code: "device.refused",
    message: expect.stringContaining("Long Range") as string,
  });
});

test("a call that is given up leaves its order in doubt, and the next call works", async () => {
  site = await ZWaveSite.open([{ nodeId: NODE, kind: "v2", slots: 3 }]);
  const gaveUp = new AbortController();
  const writing = failure(site.keypad(NODE).writeSlot(1, pin("4711"), gaveUp));
  gaveUp.abort();
  expect(await writing).toMatchObject({ code: "call.cancelled", effect: "unknown" });
  await site.keypad(NODE).writeSlot(2, pin("0815"), calm());
  const closing = failure(site.keypad(NODE).clearSlot(2, calm()));
  const bolting = failure(site.keypad(NODE).lock(calm()));
  await site.device.close();
  expect(await closing).toMatchObject({ code: "device.lost", effect: "unknown" });
  expect(await bolting).toMatchObject({ code: "device.lost", effect: "unknown" });
  expect(site.line.listenerCount).toBe(0);
}, 60_000);

test("a stick that hangs is silent after half a minute, and not while it was heard lately", async () => {
  site = await ZWaveSite.open([]);
  site.simulator.isSilent = true;
  site.clock.factor = 10;
  await site.device.ping(calm());
  site.clock.skip(31_000);
  expect(await failure(site.device.ping(calm()))).toMatchObject({ code: "device.silent", effect: "none" });
}, 60_000);

describe("over a real serial line", () => {
  let pty: PtyEnd;
  let line: SerialLine;
  let device: Device | undefined;

  async function open(simulator: ZWaveSimulator, path: string, folder: string): Promise<Device> {
    pty = await openPty(path);
    attach(pty, simulator);
    line = await openSerialLine(path, driver.serial ?? { baudRate: 9_600 }, { clock: realClock });
    const log = { debug: () => undefined, warn: () => undefined };
    const context = { line, clock: realClock, log, folder };
    device = await driver.open(driver.config.parse(zwaveConfig), context, calm());
    return device;
  }

  test("the stick is pulled in the middle of a write: lost at once and in doubt; plugged in again it goes on", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lb-zwave-pty-"));
    const simulator = await ZWaveSimulator.create(realClock, [{ nodeId: NODE, kind: "v2", slots: 3 }]);
    const lockOf = async (opened: Device) => {
      if (opened.units.length === 0) await new Promise<void>((resolve) => opened.onUnitsChange?.(resolve));
      const keypad = opened.units[0]?.keypadLock;
      if (keypad?.codes !== "on_device") throw new Error("no lock");
      return keypad;
    };
    try {
      const first = await lockOf(await open(simulator, join(folder, "tty"), folder));
      await first.writeSlot(1, pin("4711"), calm());
      simulator.lock(NODE).habits.hidesSlots = true;
      const writing = failure(first.writeSlot(2, pin("0815"), calm()));
      await eventually(() => expect(simulator.lock(NODE).code(2)).toBe("0815"));
      const pulledAt = realClock.monotonic();
      await pty.unplug();
      const error = await writing;
      expect(error).toBeInstanceOf(DriverError);
      expect(error).toMatchObject({ code: "device.lost", effect: "unknown" });
      expect(realClock.monotonic() - pulledAt).toBeLessThan(2_000);
      await device?.close();
      await line.close();
      simulator.lock(NODE).habits.hidesSlots = false;
      const second = await lockOf(await open(simulator, join(folder, "tty"), folder));
      expect((await second.readSlot(1, calm())).is).toBe("code");
      expect((await second.readSlot(2, calm())).is).toBe("code");
    } finally {
      await device?.close();
      await line.close();
      await pty.unplug();
      simulator.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
