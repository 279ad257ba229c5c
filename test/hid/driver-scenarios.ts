import assert from "node:assert/strict";
import { type Device, DriverError, type StripeChange } from "#driver-api";
import { MsrSimulator, SimulatedStripe } from "#drivers/msr605/simulator";
import { Msr605xSimulator } from "#drivers/msr605x/simulator";
import msr605xDriver from "#drivers/msr605x/index";
import pcproxDriver from "#drivers/pcprox/index";
import { PcproxSimulator } from "#drivers/pcprox/simulator";
import rrhfoem04Driver from "#drivers/rrhfoem04/index";
import { RrhfoemSimulator } from "#drivers/rrhfoem04/simulator";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { openHidLine } from "#src/transports/hid";
import { playScenario, type Scenario } from "./enter.js";

/** HID drivers over the real node-hid, each with its simulator at the other end. */
const log = { debug: () => undefined, warn: () => undefined };
const call = () => ({ signal: new AbortController().signal });

const msr605x: Scenario = async (world) => {
  const encoder = new MsrSimulator(realClock);
  const plugIn = async (node: number) => {
    const end = await world.plug(node, {
      vid: "0801",
      pid: "0003",
      at: "1-1",
      reportBytes: 64,
      maker: "DEFTUN",
      product: "MSR Reader in FS Mode",
    });
    const simulator = new Msr605xSimulator(encoder);
    end.onOutput((report) => simulator.receive(report));
    const stop = simulator.onSend((report) => end.input(report));
    return async () => {
      stop();
      await end.unplug();
    };
  };
  const open = async (): Promise<Device> => {
    const line = await openHidLine("hid:0801:0003", { reportBytes: 64 }, { clock: realClock });
    return msr605xDriver.open(msr605xDriver.config.parse({}), { line, clock: realClock, log }, call());
  };

  const unplug = await plugIn(0);
  const device = await open();
  assert.deepEqual(device.identity, { model: "MSR encoder, 3 tracks", firmware: "REVT3.12" });
  const card = new SimulatedStripe();
  encoder.hold(card);
  const text = "123456789012345678901234567890123456789012345678901234567890";
  const change: StripeChange = {
    do: "write",
    tracks: [
      { track: 1, text: new Secret(text) },
      { track: 3, text: new Secret(text) },
    ],
  };
  const expected = { 1: { is: "text", text }, 2: { is: "blank" }, 3: { is: "text", text } };
  assert.deepEqual(await stripesOf(device).change(change, call(), () => undefined), expected);

  encoder.hold(null);
  const reading = stripesOf(device).read(call());
  reading.catch(() => undefined);
  while (!encoder.isArmed) await new Promise((resolve) => setTimeout(resolve, 10));
  await unplug();
  await assert.rejects(reading, (error) => error instanceof DriverError && error.code === "device.lost");
  await device.close();

  await plugIn(2);
  const again = await open();
  encoder.hold(card);
  assert.deepEqual(await stripesOf(again).read(call()), expected);
  await again.close();
};

const rrhfoem04: Scenario = async (world) => {
  const simulator = new RrhfoemSimulator(realClock);
  const end = await world.plug(0, { vid: "1781", pid: "0c10", at: "1-2", reportBytes: 64 });
  end.onOutput((report) => simulator.receive(report));
  simulator.onSend((report) => end.input(report));
  const line = await openHidLine("hid:1781:0c10", { reportBytes: 64 }, { clock: realClock });
  const device = await rrhfoem04Driver.open({}, { line, clock: realClock, log }, call());
  assert.equal(device.identity.serial, "102030");
  const writer = device.units[0]?.cardWriter;
  assert(writer !== undefined);
  simulator.putCard(new MifareClassicCard({ uid: Uint8Array.of(1, 2, 3, 4) }));
  const card = await writer.present(call());
  assert.deepEqual(card, { uid: "01020304", technology: "mifare_classic_1k" });
  const key = { name: "transport", slot: "A", key: new Secret(new Uint8Array(6).fill(0xff)) } as const;
  const data = Uint8Array.from({ length: 16 }, (_, index) => index * 13);
  const steps = [{ block: 4, data: new Secret(data), key }];
  await writer.write(card, { container: "classic", sector: 1, steps }, call());
  const read = await writer.read(card, { container: "classic", sector: 1, blocks: [4], keys: [key] }, call());
  assert.deepEqual(read, { container: "classic", opened: "transport", blocks: new Map([[4, data]]) });
  await device.close();
  await line.close();
};

const pcprox: Scenario = async (world) => {
  const simulator = new PcproxSimulator(realClock);
  const reports = { reportBytes: 8, featureBytes: 8 };
  const end = await world.plug(0, { vid: "0c27", pid: "3bfa", at: "1-3", ...reports });
  end.onFeature((report) => simulator.setFeature([...report]));
  end.answerFeature(() => Uint8Array.from(simulator.getFeature()));
  const line = await openHidLine("hid:0c27:3bfa", reports, { clock: realClock });
  const device = await pcproxDriver.open({}, { line, clock: realClock, log }, call());
  assert.equal(device.identity.firmware, "7.3.0");
  const reader = device.units[0]?.cardReader;
  assert(reader !== undefined);
  const seen = new Promise((resolve) => reader.onCard(resolve));
  simulator.hold("00110010100000101001110011");
  assert.deepEqual(await seen, { bits: Uint8Array.of(0x32, 0x82, 0x9c, 0xc0), bitCount: 26 });
  await device.close();
  assert.equal(simulator.pages[0]?.[7], 0x28);
  await line.close();
};

await playScenario({ msr605x, pcprox, rrhfoem04 });

function stripesOf(device: Device) {
  const stripes = device.units[0]?.stripeWriter;
  assert(stripes !== undefined);
  return stripes;
}
