import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Device } from "#driver-api";
import { realClock } from "#src/ops/clock";
import { calm, KEY } from "#test/support/osdp-line";
import { type LineOnPty, lineOnPty } from "#test/support/line-on-pty";
import driver from "./index.js";
import { OsdpSimulator } from "./simulator.js";

/** The whole way: a real serial port, the kernel's line, real time, and a real unplug. */
let port: LineOnPty;
let device: Device;
const simulator = new OsdpSimulator(realClock, [
  { address: 1, key: Buffer.from(KEY, "hex"), wantsSecurity: true },
  { address: 2, serial: 2 },
]);
const log = { debug: () => undefined, warn: () => undefined };
const config = { units: { front: { address: 1, key: KEY }, back: { address: 2, key: KEY, install: true } } };

beforeEach(async () => {
  port = await lineOnPty(simulator, driver);
  device = await driver.open(driver.config.parse(config), { line: port.line, clock: realClock, log }, calm());
});

afterEach(async () => {
  await device.close();
  await port.close();
});

function door(key: string) {
  const keypad = device.units.find((unit) => unit.key === key)?.keypadLock;
  if (keypad?.codes !== "on_gateway") throw new Error(`${key} is no door`);
  return keypad;
}

test("keys in, door open, over a real serial line with two secure readers", async () => {
  const heard: string[] = [];
  for (const key of ["front", "back"])
    door(key).onInput((input) =>
      heard.push(input.type === "keys" ? `${key} ${input.keys.reveal()}` : "card"),
    );
  simulator.at(1).pressKeys("4711#");
  simulator.at(2).pressKeys("0815#", 1);
  await vi.waitFor(() => expect([...heard].sort()).toEqual(["back 0815", "front 4711"]), 5_000);
  await door("front").grant(5_000, calm());
  await door("back").deny("unknown code", calm());
  expect([simulator.at(1).pulses, simulator.at(2).pulses]).toEqual([[{ output: 0, tenths: 50 }], []]);
  expect(simulator.at(2).shown).toEqual(["red", "3 beeps"]);
});

test("the line is pulled in the middle of it: lost, and in doubt when it was an opening", async () => {
  simulator.at(1).faults.isSilent = true;
  const granting = door("front")
    .grant(5_000, calm())
    .catch((error: unknown) => error);
  await port.unplug();
  expect(await granting).toMatchObject({
    code: expect.stringMatching(/^(device|unit)\.(lost|silent)$/) as string,
  });
  simulator.at(1).faults.isSilent = false;
});
