import { join } from "node:path";
import { expect, test } from "vitest";
import type { CardRead } from "#driver-api";
import { fromHex, toHex } from "#src/lib/hex";
import { runInHidWorld } from "#test/hid/run";
import { featureDevice, MemoryHidLine } from "#test/support/memory-hid-line";
import { MemoryLine } from "#test/support/memory-line";
import { VirtualClock } from "#test/support/virtual-clock";
import driver from "./index.js";
import { PcproxSimulator } from "./simulator.js";

const log = { debug: () => undefined, warn: () => undefined };
const call = () => ({ signal: new AbortController().signal });
const BADGE = "00110010100000101001110011";

async function desk() {
  const clock = new VirtualClock();
  const simulator = new PcproxSimulator(clock);
  const line = new MemoryHidLine(new MemoryLine(featureDevice(simulator)), driver.hid, clock);
  const run = <T>(work: Promise<T>) => clock.until(work, { msMax: 20_000 });
  const device = await run(driver.open(driver.config.parse({}), { line, clock, log }, call()));
  return { clock, simulator, run, device, reader: device.units[0]!.cardReader! }; // all that this driver has
}

test("says what it is", async () => {
  const { device } = await desk();
  expect(device.identity).toEqual({ model: "rf IDEAS pcProx, type f811", firmware: "7.3.0" });
});

test("types nothing while it is open, is as it was found afterwards, and burns nothing", async () => {
  const { simulator, device, run } = await desk();
  const found = "000311101a000028";
  simulator.hold(BADGE);
  expect(simulator.typed).toBe("");
  await run(device.close());
  expect(toHex(Uint8Array.from(simulator.pages[0] ?? []))).toBe(found);
  expect(simulator.burnt).toBe(0);
  simulator.hold(BADGE);
  expect(simulator.typed).not.toBe("");
});

test("a badge that is held is told once; held again after a while it is told again", async () => {
  const { clock, simulator, reader } = await desk();
  const seen: CardRead[] = [];
  const stop = reader.onCard((card) => seen.push(card));
  for (const pause of [300, 2_000, 0]) {
    simulator.hold(BADGE);
    await clock.advance(500 + pause);
  }
  expect(seen).toEqual([1, 2].map(() => ({ bits: fromHex("32829cc0"), bitCount: 26 })));
  stop();
  simulator.hold("1".repeat(34));
  await clock.advance(2_000);
  expect(seen).toHaveLength(2);
  expect(clock.pending).toBe(0);
});

test("a badge that lies there already is told to whoever asks next", async () => {
  const { clock, simulator, reader } = await desk();
  const seen: CardRead[] = [];
  for (const ask of [1, 2]) {
    const stop = reader.onCard((card) => seen.push(card));
    for (let held = 0; held < 3; held++) {
      simulator.hold(BADGE);
      await clock.advance(300);
    }
    stop();
    expect(seen).toHaveLength(ask);
  }
});

test.each([24, 26, 34, 35, 37, 48])("a badge of %i bits arrives bit for bit", async (bitCount) => {
  const { clock, simulator, reader } = await desk();
  const seen: CardRead[] = [];
  reader.onCard((card) => seen.push(card));
  const bits = "0110100111".repeat(5).slice(0, bitCount);
  simulator.hold(bits);
  await clock.advance(1_000);
  const [card] = seen;
  const shown = BigInt(`0x${toHex(card?.bits ?? new Uint8Array())}`).toString(2);
  const padded = shown.padStart((card?.bits.length ?? 0) * 8, "0");
  expect([card?.bitCount, padded.slice(0, bitCount)]).toEqual([bitCount, bits]);
});

/** The whole way once, through the real node-hid: feature reports are control transfers. */
test("names a badge over a real HID line", () =>
  runInHidWorld(join(import.meta.dirname, "../../test/hid/driver-scenarios.ts"), "pcprox"));
