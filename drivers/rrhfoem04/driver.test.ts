import { join } from "node:path";
import { expect, test } from "vitest";
import { fromHex } from "#src/lib/hex";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { readPlanFor, writePlanFor } from "#test/conformance/plans";
import { runInHidWorld } from "#test/hid/run";
import { MemoryHidLine } from "#test/support/memory-hid-line";
import { MemoryLine } from "#test/support/memory-line";
import { VirtualClock } from "#test/support/virtual-clock";
import driver from "./index.js";
import { RrhfoemSimulator } from "./simulator.js";

const log = { debug: () => undefined, warn: () => undefined };
const call = () => ({ signal: new AbortController().signal });

async function desk() {
  const clock = new VirtualClock();
  const simulator = new RrhfoemSimulator(clock);
  const line = new MemoryHidLine(new MemoryLine(simulator), driver.hid, clock);
  const run = <T>(work: Promise<T>) => clock.until(work, { msMax: 20_000 });
  const device = await run(driver.open(driver.config.parse({}), { line, clock, log }, call()));
  const { cardWriter, signals } = device.units[0]!; // the only unit of this driver
  return { simulator, run, device, writer: cardWriter!, signals: signals! }; // the driver always has them
}

test("says what it is", async () => {
  const { device } = await desk();
  expect(device.identity).toEqual({ model: "RapidRadio RRHFOEM04", firmware: "1.2.3", serial: "102030" });
});

test("a reader that counts a block's answer as the vendor's text does reads all the same", async () => {
  const { simulator, run, writer } = await desk();
  simulator.isByText = true;
  simulator.putCard(new MifareClassicCard({ uid: fromHex("a1b2c3d4") }));
  const card = await run(writer.present(call()));
  await run(writer.write(card, writePlanFor("mifare_classic_1k"), call()));
  const read = await run(writer.read(card, readPlanFor("mifare_classic_1k"), call()));
  expect(read.opened).toBe("canary");
});

test("a card with a UID of seven bytes opens with the last four of them", async () => {
  const { simulator, run, writer } = await desk();
  simulator.putCard(new MifareClassicCard({ uid: fromHex("04a1b2c3d4e5f6") }));
  const card = await run(writer.present(call()));
  expect(card.uid).toBe("04a1b2c3d4e5f6");
  expect((await run(writer.read(card, readPlanFor("mifare_classic_1k"), call()))).opened).toBe("transport");
});

test("beeps once when it is done, and three times to be found", async () => {
  const { simulator, run, signals } = await desk();
  for (const [signal, beeps] of [
    ["present_card", 0],
    ["done", 1],
    ["identify", 4],
  ] as const) {
    await run(signals.show(signal, call()));
    expect(simulator.beeps).toBe(beeps);
  }
});

/** The whole way once, through the real node-hid. */
test("encodes a card over a real HID line", () =>
  runInHidWorld(join(import.meta.dirname, "../../test/hid/driver-scenarios.ts"), "rrhfoem04"));
