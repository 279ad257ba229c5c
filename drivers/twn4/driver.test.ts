import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CardTechnology, Device } from "#driver-api";
import { toHex } from "#src/lib/hex";
import { realClock } from "#src/ops/clock";
import { cases } from "#test/conformance/cases";
import { Bench } from "#test/conformance/bench";
import { blankCard } from "#test/conformance/laid-cards";
import { readPlanFor, writePlanFor } from "#test/conformance/plans";
import { expectCanary } from "#test/conformance/steps";
import { type LineOnPty, lineOnPty } from "#test/support/line-on-pty";
import { rig } from "./conformance.js";
import driver from "./index.js";
import { Twn4Simulator } from "./simulator.js";

const calm = () => ({ signal: new AbortController().signal });

/** A reader as delivered: no checksum on its lines. */
const plainRig = {
  ...rig,
  plugIn(clock: Parameters<typeof rig.plugIn>[0]) {
    const simulator = new Twn4Simulator(() => clock.monotonic());
    return {
      receive: (bytes: Uint8Array) => simulator.receive(bytes),
      onSend: (listener: (bytes: Uint8Array) => void) => simulator.onSend(listener),
      get changes() {
        return simulator.cardWrites;
      },
      putCard: (technology: CardTechnology) => simulator.putCard(blankCard(technology)),
      takeCards: () => simulator.takeCard(),
    };
  },
};
const plain = { id: "twn4", driver, rig: plainRig };

describe("a reader without checksums", () => {
  // What the line does to single bits cannot be noticed there; everything else holds.
  const kept = [
    "D01",
    "D02",
    "D03",
    "D05",
    "D06",
    "D12",
    "D13",
    "T02",
    "T04",
    "T05",
    "T10",
    "C01",
    "C09",
    "C11",
  ];
  test.each(cases.filter(({ id }) => [...kept, "C12", "C13", "F01", "S01"].includes(id)))(
    "$id $promise",
    async (it) => it.run(plain, () => Promise.resolve(driver)),
    60_000,
  );
});

test("a reader whose firmware is none for the Simple Protocol, and another maker's, are told apart", async () => {
  const other = new Twn4Simulator(() => 0, { version: "OTHER/1.0" });
  const bench = new Bench({ id: "twn4", driver, rig }, other);
  const error = await bench.failure(bench.begin());
  expect(error.code).toBe("device.wrong");
  expect(error.message).toContain("OTHER/1.0");
  await bench.finish();
});

test("lamps and beeper say what happened, and closing puts the lamps out", async () => {
  const simulator = new Twn4Simulator(() => 0, { crc: true });
  const bench = await new Bench({ id: "twn4", driver, rig }, simulator).open();
  const signals = bench.unit("signals");
  await bench.run(signals.show("present_card", calm()));
  expect([simulator.lamps, simulator.blinking]).toEqual([0x04, 0]);
  await bench.run(signals.show("identify", calm()));
  expect([simulator.lamps, simulator.blinking]).toEqual([0, 0x03]);
  await bench.run(signals.show("done", calm()));
  expect([simulator.lamps, simulator.blinking]).toEqual([0x02, 0]);
  await bench.run(signals.show("failed", calm()));
  expect(simulator.lamps).toBe(0x01);
  expect(simulator.beeps).toEqual([
    { hertz: 2_400, ms: 300 },
    { hertz: 2_400, ms: 100 },
    { hertz: 1_000, ms: 400 },
  ]);
  await bench.finish();
  expect(simulator.lamps).toBe(0);
});

describe.each([false, true])("over a real port, checksums %s", (crc) => {
  let port: LineOnPty;
  let device: Device;
  let simulator: Twn4Simulator;

  beforeEach(async () => {
    simulator = new Twn4Simulator(() => realClock.monotonic(), { crc });
    port = await lineOnPty(simulator, driver);
    const log = { debug: () => undefined, warn: () => undefined };
    device = await driver.open({}, { line: port.line, clock: realClock, log }, calm());
  });
  afterEach(async () => {
    await device.close();
    await port.close();
  });

  test("it is what it says, and writes and reads a card of every kind", async () => {
    expect(device.identity).toEqual({
      model: "Elatec TWN4",
      firmware: "TWN4/B1.03/CCF1.57/PRS1.03/PI",
      serial: "002d002f000b473035313532",
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
