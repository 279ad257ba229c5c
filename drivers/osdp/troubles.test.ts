import { afterEach, beforeEach, expect, test } from "vitest";
import { fromHex } from "#src/lib/hex";
import { calm, KEY, OsdpLine } from "#test/support/osdp-line";

/** What is wrong with one reader is told of that reader, while the others go on. */
let line: OsdpLine;
const config = (changes: object = {}) => ({
  units: { door: { address: 5, key: KEY, ...changes }, gate: { address: 6, key: KEY } },
});
const reader = () => line.simulator.at(5);
const troubles = () => line.device.troubles;
const unitsNow = () => line.device.units.map(({ key }) => key);

beforeEach(() => {
  line = new OsdpLine();
  for (const address of [5, 6]) {
    line.simulator.add({ address, key: Buffer.from(fromHex(KEY)), wantsSecurity: true, serial: address });
  }
});
afterEach(() => line.run(line.device.close()));

/** How often the gateway was told that it should look. */
async function listening(changes: object = {}) {
  await line.open({ ...config(), ...changes });
  await line.clock.advance(500);
  let told = 0;
  line.device.onUnitsChange?.(() => told++);
  expect(troubles()).toEqual([]);
  return { told: () => told };
}

test("one that falls silent: why, once it counts as gone, and nothing once it is back", async () => {
  const { told } = await listening();
  reader().faults.isSilent = true;
  await line.clock.advance(7_000);
  expect([unitsNow(), troubles()]).toEqual([["door", "gate"], []]);
  await line.clock.advance(3_000);
  expect(unitsNow()).toEqual(["gate"]);
  expect(troubles()).toEqual([
    { unit: "door", code: "unit.silent", message: expect.stringContaining("power, wiring") as string },
  ]);
  expect(told()).toBe(1);
  await line.clock.advance(60_000);
  expect(told()).toBe(1);
  reader().faults.isSilent = false;
  await line.clock.advance(31_000);
  expect([unitsNow(), troubles(), told()]).toEqual([["door", "gate"], [], 2]);
});

test("one with another key is not there, and its reason says which setting it wants", async () => {
  reader().key = Buffer.from(fromHex("00112233445566778899aabbccddeeff"));
  await line.open(config());
  expect(unitsNow()).toEqual(["gate"]);
  expect(troubles()).toEqual([
    {
      unit: "door",
      code: "device.wrong",
      message: expect.stringMatching(/no secure channel: .*install: true/) as string,
    },
  ]);
});

test("one that refuses to be spoken to in clear says so", async () => {
  await line.open(config({ secure: false, key: undefined }));
  expect(troubles()).toMatchObject([{ unit: "door", code: "device.wrong" }]);
  expect(troubles()?.[0]?.message).toContain("refuses to be spoken to in clear");
});

test("two at one address, told apart from none", async () => {
  line.simulator.add({ address: 5, key: Buffer.from(fromHex(KEY)), serial: 99 });
  await line.open(config());
  expect(troubles()).toMatchObject([{ unit: "door", code: "reply.malformed" }]);
  expect(troubles()?.[0]?.message).toContain("two readers at one address");
});

test("another reason than before is told", async () => {
  const { told } = await listening();
  reader().faults.isSilent = true;
  await line.clock.advance(10_000);
  reader().faults.isSilent = false;
  reader().restart();
  reader().key = Buffer.from(fromHex("00112233445566778899aabbccddeeff"));
  await line.clock.advance(31_000);
  expect(troubles()).toMatchObject([{ unit: "door", code: "device.wrong" }]);
  expect(told()).toBe(2);
});

test("an open cover and a failing supply are told while the reader works, and taken back", async () => {
  const { told } = await listening();
  reader().openCover(true);
  await line.clock.advance(500);
  expect(unitsNow()).toEqual(["door", "gate"]);
  expect(troubles()).toEqual([
    { unit: "door", code: null, message: expect.stringContaining("cover is open") as string },
  ]);
  expect(told()).toBe(1);
  await line.run(line.door().grant(1_000, calm()));
  reader().openCover(false);
  await line.clock.advance(500);
  expect([troubles(), told()]).toEqual([[], 2]);
});

/** Hours of virtual time with twenty polls a second take real time. */
const SELDOM = { poll_ms: 1_000 };

test("one that loses its session again and again is told while it works, and taken back after ten quiet minutes", async () => {
  const { told } = await listening(SELDOM);
  for (let turn = 0; turn < 4; turn++) {
    reader().loseSession();
    await line.clock.advance(2_000);
  }
  expect([troubles(), told()]).toEqual([[], 0]);
  reader().loseSession();
  await line.clock.advance(2_000);
  expect([unitsNow(), told()]).toEqual([["door", "gate"], 1]);
  expect(troubles()).toEqual([
    { unit: "door", code: null, message: expect.stringContaining("breaks off again") as string },
  ]);
  expect(line.events("osdp.unsteady")).toMatchObject([{ unit: "door" }]);
  await line.clock.advance(600_000);
  expect([troubles(), told()]).toEqual([[], 2]);
});

test("one that loses its session now and then is left in peace", async () => {
  const { told } = await listening(SELDOM);
  for (let turn = 0; turn < 6; turn++) {
    reader().loseSession();
    await line.clock.advance(151_000);
  }
  expect([troubles(), told()]).toEqual([[], 0]);
});
