import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Device } from "#driver-api";
import { fromHex, toHex } from "#src/lib/hex";
import { realClock } from "#src/ops/clock";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { Bench } from "#test/conformance/bench";
import { blankCard } from "#test/conformance/laid-cards";
import { readPlanFor, writePlanFor } from "#test/conformance/plans";
import { expectCanary, present } from "#test/conformance/steps";
import { type LineOnPty, lineOnPty } from "#test/support/line-on-pty";
import { rig } from "./conformance.js";
import driver from "./index.js";
import { UfrSimulator } from "./simulator.js";

const calm = () => ({ signal: new AbortController().signal });
const log = { debug: () => undefined, warn: () => undefined };

test("lights and sounds say what happened; closing gives the reader its polling back", async () => {
  const simulator = new UfrSimulator(() => 0);
  const bench = await new Bench({ id: "ufr", driver, rig }, simulator).open();
  expect(simulator.isAntiCollision).toBe(true);
  for (const [signal, shown] of [
    ["present_card", [4, 0]],
    ["done", [1, 1]],
    ["failed", [2, 2]],
    ["identify", [3, 3]],
    ["off", [0, 0]],
  ] as const) {
    await bench.run(bench.unit("signals").show(signal, calm()));
    expect(simulator.signal).toEqual(shown);
  }
  await bench.finish();
  expect(simulator.isAntiCollision).toBe(false);
});

test("a trailer of a Classic card is written bit for bit as the plan says", async () => {
  const simulator = new UfrSimulator(() => 0);
  const bench = await new Bench({ id: "ufr", driver, rig }, simulator).open();
  const card = new MifareClassicCard({ uid: fromHex("deadbeef") });
  simulator.putCard(card);
  const writer = bench.unit("cardWriter");
  const seen = await bench.run(writer.present(calm()));
  await bench.run(writer.write(seen, writePlanFor("mifare_classic_1k"), calm()));
  expect(toHex(card.memory.subarray(7 * 16, 8 * 16))).toBe("c0ffee15dead7f078869c0ffee15dead");
  await bench.finish();
});

test("firmware that cannot keep several cards apart is refused, with what may be the matter", async () => {
  const simulator = new UfrSimulator(() => 0);
  simulator.unknown.add(0x2d);
  await expect(new Bench({ id: "ufr", driver, rig }, simulator).open()).rejects.toMatchObject({
    code: "device.refused",
    effect: "none",
    message: expect.stringContaining("its firmware may be too old") as string,
  });
});

test("firmware that carries no APDUs has no plan for a DESFire card, and goes on with others", async () => {
  const simulator = new UfrSimulator(() => 0);
  for (const code of [0x93, 0x94]) simulator.unknown.add(code);
  const bench = await new Bench({ id: "ufr", driver, rig }, simulator).open();
  const writer = bench.unit("cardWriter");
  simulator.putCard(blankCard("mifare_desfire"));
  const smart = await bench.run(writer.present(calm()));
  const error = await bench.failure(writer.read(smart, readPlanFor("mifare_desfire"), calm()));
  expect([smart.technology, error.code, error.effect]).toEqual(["unknown", "card.unwritable", "none"]);
  simulator.takeCard();
  simulator.putCard(blankCard("mifare_classic_1k"));
  const card = await bench.run(writer.present(calm()));
  await bench.run(writer.write(card, writePlanFor("mifare_classic_1k"), calm()));
  await bench.finish();
});

test("a command that the reader did not get whole is said again", async () => {
  const bench = await new Bench({ id: "ufr", driver, rig }).open();
  const card = await present(bench, "mifare_classic_1k");
  let isSpoiled = false;
  bench.tap.bend("to_device", (chunk, number) => {
    isSpoiled ||= number === 6;
    return [number === 6 ? chunk.subarray(0, -1) : chunk];
  });
  await bench.run(bench.unit("cardWriter").write(card, writePlanFor("mifare_classic_1k"), calm()));
  expect(isSpoiled).toBe(true);
  bench.tap.straighten();
  expectCanary(
    await bench.run(bench.unit("cardWriter").read(card, readPlanFor("mifare_classic_1k"), calm())),
  );
  await bench.finish();
});

describe("over a real port", () => {
  let port: LineOnPty;
  let device: Device;
  let simulator: UfrSimulator;

  beforeEach(async () => {
    simulator = new UfrSimulator(() => realClock.monotonic());
    port = await lineOnPty(simulator, driver);
    device = await driver.open({}, { line: port.line, clock: realClock, log }, calm());
  });
  afterEach(async () => {
    await device.close();
    await port.close();
  });

  test("it is what it says, and writes and reads a card of every kind", async () => {
    expect(device.identity).toEqual({
      model: "Digital Logic uFR (D1150021)",
      firmware: "3.9",
      serial: "UF123456",
    });
    const writer = device.units[0]?.cardWriter;
    for (const technology of rig.cards) {
      const card = blankCard(technology);
      simulator.takeCard();
      simulator.putCard(card);
      const seen = await writer?.present(calm());
      expect(seen).toEqual({ uid: toHex(card.uid), technology });
      if (writer === undefined || seen === undefined) continue;
      await writer.write(seen, writePlanFor(technology), calm());
      expectCanary(await writer.read(seen, readPlanFor(technology), calm()));
    }
  });
});
