import { describe, expect, test } from "vitest";
import { type Device, DriverError, type StripeChange } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { MemoryLine } from "#test/support/memory-line";
import { VirtualClock } from "#test/support/virtual-clock";
import { lineOnPty } from "#test/support/line-on-pty";
import driver from "./index.js";
import { MsrSimulator, SimulatedStripe } from "./simulator.js";

const log = { debug: () => undefined, warn: () => undefined };
const call = () => ({ signal: new AbortController().signal });
const written: StripeChange = { do: "write", tracks: [{ track: 3, text: new Secret("4711") }] };
const nothing = () => undefined;
const blank = { is: "blank" } as const;
const with4711 = { 1: blank, 2: blank, 3: { is: "text", text: "4711" } };

class Desk {
  readonly clock = new VirtualClock();
  readonly simulator = new MsrSimulator(this.clock);
  readonly line = new MemoryLine(this.simulator);
  device!: Device;

  async open(config: object = {}): Promise<this> {
    const context = { line: this.line, clock: this.clock, log };
    this.device = await this.run(driver.open(driver.config.parse(config), context, call()));
    return this;
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.clock.until(work, { msMax: 20_000 });
  }

  async failure(work: Promise<unknown>): Promise<DriverError> {
    const outcome = await this.run(work.catch((error: unknown) => error));
    if (!(outcome instanceof DriverError)) throw new Error("it must fail with a DriverError");
    return outcome;
  }

  get stripes() {
    return this.device.units[0]!.stripeWriter!; // the only unit of this driver
  }
}

test("says what it is", async () => {
  const { device } = await new Desk().open();
  expect(device.identity).toEqual({ model: "MSR encoder, 3 tracks", firmware: "REVT3.12" });
});

test("an encoder without power is silent, and the message says where to look", async () => {
  const desk = new Desk();
  desk.simulator.faults.isDead = true;
  const error = await desk.failure(desk.open());
  expect(error).toMatchObject({ code: "device.silent", effect: "none" });
  expect(error.message).toContain("check its own power supply");
});

test("an encoder that loses its power while it waits for a card is noticed", async () => {
  const desk = await new Desk().open();
  const reading = desk.stripes.read(call());
  reading.catch(nothing);
  await desk.clock.advance(2_000);
  desk.simulator.faults.isDead = true;
  expect(await desk.failure(reading)).toMatchObject({ code: "device.silent", effect: "none" });
});

describe.each(["iso", "raw"])("writing %s", (write) => {
  test("the same is on the stripe", async () => {
    const desk = await new Desk().open({ write });
    desk.simulator.hold(new SimulatedStripe());
    expect(await desk.run(desk.stripes.change(written, call(), nothing))).toEqual(with4711);
  });
});

test("what the device wrote is not on a stripe of the other coercivity, and the answer says so", async () => {
  const desk = await new Desk().open({ coercivity: "low" });
  desk.simulator.hold(new SimulatedStripe("high"));
  expect(await desk.run(desk.stripes.change(written, call(), nothing))).toEqual({
    1: blank,
    2: blank,
    3: blank,
  });
  const other = await new Desk().open({ coercivity: "high" });
  other.simulator.hold(new SimulatedStripe("high"));
  expect(await other.run(other.stripes.change(written, call(), nothing))).toEqual(with4711);
});

test("coercivity is set before every write: an encoder that was switched off begins with low", async () => {
  const desk = await new Desk().open({ coercivity: "high" });
  desk.simulator.hold(new SimulatedStripe("high"));
  await desk.run(desk.stripes.change(written, call(), nothing));
  desk.simulator.coercivity = "low";
  expect(await desk.run(desk.stripes.change(written, call(), nothing))).toEqual(with4711);
});

test("an encoder that takes no high coercivity says so, and no card is asked for", async () => {
  const desk = await new Desk().open({ coercivity: "high" });
  desk.simulator.faults.isLowOnly = true;
  desk.simulator.hold(new SimulatedStripe("high"));
  const error = await desk.failure(desk.stripes.change(written, call(), nothing));
  expect(error).toMatchObject({ code: "device.refused", effect: "none" });
  expect(error.message).toContain("does not write high coercivity");
  expect(desk.simulator.changes).toBe(0);
});

test("track 1 alone is erased also by a device that goes by the manual", async () => {
  const desk = await new Desk().open();
  desk.simulator.faults.isByManual = true;
  const card = new SimulatedStripe();
  desk.simulator.hold(card);
  await desk.run(
    desk.stripes.change({ do: "write", tracks: [{ track: 1, text: new Secret("A1") }] }, call(), nothing),
  );
  expect(card.tracks[0]).not.toBe("");
  const read = await desk.run(desk.stripes.change({ do: "erase", tracks: [1] }, call(), nothing));
  expect(read).toEqual({ 1: blank, 2: blank, 3: blank });
});

test.each([
  [0x41, "device.refused"],
  [0x32, "device.refused"],
  [0x34, "device.refused"],
])("status %i of a write is %s, and leaves the card in doubt", async (status, code) => {
  const desk = await new Desk().open();
  desk.simulator.hold(new SimulatedStripe());
  desk.simulator.faults.refusal = status;
  expect(await desk.failure(desk.stripes.change(written, call(), nothing))).toMatchObject({
    code,
    effect: "unknown",
  });
});

test("a stripe with a coding of its own is unreadable, not blank", async () => {
  const desk = await new Desk().open();
  desk.simulator.hold(new SimulatedStripe("low", ["", "", "1011001110001111000010101"]));
  expect(await desk.run(desk.stripes.read(call()))).toEqual({ 1: blank, 2: blank, 3: { is: "unreadable" } });
});

test("lamps say what is the matter", async () => {
  const desk = await new Desk().open();
  const signals = desk.device.units[0]?.signals;
  for (const [signal, lamp] of [
    ["present_card", "yellow"],
    ["done", "green"],
    ["failed", "red"],
    ["off", "off"],
  ] as const) {
    await desk.run(signals!.show(signal, call())); // the driver always has them
    expect(desk.simulator.lamp).toBe(lamp);
  }
});

/** The whole way once: a real serial port, the kernel's line, and a real unplug while it waits for a card. */
test("encodes over a real serial line, and loses it honestly", async () => {
  const simulator = new MsrSimulator(realClock);
  const port = await lineOnPty(simulator, driver);
  const device = await driver.open(
    driver.config.parse({}),
    { line: port.line, clock: realClock, log },
    call(),
  );
  const stripes = device.units[0]!.stripeWriter!; // the only unit of this driver
  simulator.hold(new SimulatedStripe());
  expect(await stripes.change(written, call(), nothing)).toEqual(with4711);
  simulator.hold(null);
  const writing = stripes.change(written, call(), nothing).catch((error: unknown) => error);
  await expect.poll(() => simulator.isArmed).toBe(true);
  await port.unplug();
  expect(await writing).toMatchObject({ code: "device.lost", effect: "unknown" });
  await device.close();
  await port.close();
});
