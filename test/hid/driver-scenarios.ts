import assert from "node:assert/strict";
import { type Device, DriverError, type StripeChange } from "#driver-api";
import { MsrSimulator, SimulatedStripe } from "#drivers/msr605/simulator";
import { Msr605xSimulator } from "#drivers/msr605x/simulator";
import msr605xDriver from "#drivers/msr605x/index";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
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

await playScenario({ msr605x });

function stripesOf(device: Device) {
  const stripes = device.units[0]?.stripeWriter;
  assert(stripes !== undefined);
  return stripes;
}
