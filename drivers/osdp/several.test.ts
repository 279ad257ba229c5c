import { beforeEach, describe, expect, test, vi } from "vitest";
import { fromHex } from "#src/lib/hex";
import { calm, KEY, OsdpLine } from "#test/support/osdp-line";

/** Several readers on one line: turns, absence and return, speed. */

let line: OsdpLine;

beforeEach(() => {
  line = new OsdpLine();
});

function add(count: number, baud = 9_600) {
  const units: Record<string, object> = {};
  for (let address = 1; address <= count; address++) {
    line.simulator.add({ address, key: fromHex(KEY), wantsSecurity: true, serial: address, baud });
    units[`door-${address}`] = { address, key: KEY };
  }
  return units;
}

/** Commands to an address from here on. */
function counting(address: number): () => number {
  const prefix = `ff53${address.toString(16).padStart(2, "0")}`;
  const before = line.sent.length;
  return () => line.sent.slice(before).filter((hex) => hex.startsWith(prefix)).length;
}

describe("turns", () => {
  test("32 readers are all there, all asked, and none hears another's keys", async () => {
    await line.open({ units: add(32) });
    await line.clock.advance(5_000);
    expect(line.unitKeys).toHaveLength(32);
    expect(line.device.identity.model).toBe("OSDP line with 32 readers");
    const heard = line.unitKeys.map((key) => line.listen(key));
    const asked = [counting(1), counting(32)];
    line.simulator.at(7).pressKeys("77#");
    line.simulator.at(8).pressKeys("88#");
    await line.clock.advance(2_000);
    expect([heard[6], heard[7], heard[8]]).toEqual([["77"], ["88"], []]);
    for (const count of asked) expect(count()).toBeGreaterThan(5);
  });

  test("on a line so full that everybody waits, a command is still done at once", async () => {
    await line.open({ units: add(32) });
    await line.clock.advance(5_000);
    for (let turn = 0; turn < 3; turn++) {
      await line.clock.leap(3_000);
      const before = line.sent.length;
      await line.run(line.door("door-20").grant(1_000, calm()));
      expect(line.sent.length - before).toBeLessThanOrEqual(8);
    }
  });

  test("a command goes before the polls of the others", async () => {
    await line.open({ units: add(8) });
    await line.clock.advance(1_000);
    const before = line.sent.length;
    await line.run(line.door("door-5").grant(1_000, calm()));
    expect(line.sent.slice(before).length).toBeLessThanOrEqual(2);
  });
});

describe("absence", () => {
  test("one that falls silent is unavailable after 8 s; the others go on and the line stays open", async () => {
    await line.open({ units: add(2) });
    let changes = 0;
    line.device.onUnitsChange?.(() => (changes += 1));
    line.simulator.at(1).faults.isSilent = true;
    await line.clock.advance(7_000);
    expect([line.unitKeys, changes]).toEqual([["door-1", "door-2"], 0]);
    await line.clock.advance(2_000);
    expect([line.unitKeys, changes]).toEqual([["door-2"], 1]);
    expect(line.events("osdp.problem")).toMatchObject([{ unit: "door-1", problem: "silent" }]);
    await line.run(line.device.ping(calm()));
  });

  test("it costs the others little: tried after 1, 2, 4 … s, at most every 30 s", async () => {
    await line.open({ units: add(2) });
    line.simulator.at(1).faults.isSilent = true;
    await line.clock.advance(120_000);
    const tries = counting(1);
    await line.clock.advance(300_000);
    expect(tries()).toBeLessThanOrEqual(11);
    expect(tries()).toBeGreaterThanOrEqual(9);
  });

  test("back within the wait it is polled again, with the listeners it had", async () => {
    await line.open({ units: add(2) });
    const heard = line.listen("door-1");
    line.simulator.at(1).faults.isSilent = true;
    await line.clock.advance(20_000);
    expect(line.unitKeys).toEqual(["door-2"]);
    line.simulator.at(1).restart();
    line.simulator.at(1).faults.isSilent = false;
    await line.clock.advance(31_000);
    expect(line.unitKeys).toEqual(["door-1", "door-2"]);
    line.simulator.at(1).pressKeys("12#");
    await line.clock.advance(500);
    expect(heard).toEqual(["12"]);
  });

  test("a call to it is unit.silent; were it the only one, the line would be opened anew", async () => {
    await line.open({ units: add(2) });
    const door = line.door("door-1");
    line.simulator.at(1).faults.isSilent = true;
    expect(await line.failure(door.grant(1_000, calm()))).toMatchObject({
      code: "unit.silent",
      effect: "unknown",
    });
    expect(await line.failure(door.grant(1_000, calm()))).toMatchObject({
      code: "unit.silent",
      effect: "none",
    });
    line.simulator.at(2).faults.isSilent = true;
    await line.clock.advance(3_000);
    expect(await line.failure(line.device.ping(calm()))).toMatchObject({ code: "device.silent" });
  });

  test("the opening waits five seconds for those that are away, where one is there", async () => {
    const units = add(60);
    for (const { address, faults } of line.simulator.peripherals) faults.isSilent = address > 1;
    await line.open({ units });
    expect(line.unitKeys).toEqual(["door-1"]);
    expect(line.clock.monotonic()).toBeLessThan(6_000);
  });

  test("readers that come later are taken in", async () => {
    const units = add(3);
    line.simulator.at(3).faults.isSilent = true;
    await line.open({ units });
    expect(line.unitKeys).toEqual(["door-1", "door-2"]);
    line.simulator.at(3).faults.isSilent = false;
    await line.clock.advance(31_000);
    expect(line.unitKeys).toEqual(["door-1", "door-2", "door-3"]);
  });
});

describe("speed", () => {
  test("readers at the factory's speed are told to change, each of them, and the line stays at it", async () => {
    const units = add(2);
    await line.open({ baud_rate: 38_400, units });
    await line.clock.advance(1_000);
    expect(line.simulator.peripherals.map(({ baud }) => baud)).toEqual([38_400, 38_400]);
    expect(line.simulator.hostBaud).toBe(38_400);
    expect(line.unitKeys).toEqual(["door-1", "door-2"]);
    // Nothing is said in clear because of it.
    expect(line.simulator.peripherals.map(({ handshakes }) => handshakes)).toEqual([2, 2]);
    for (const hex of line.sent.slice(-10)) expect(hex.slice(12, 16)).toMatch(/^021[57]$/);
  });

  test("noise at one speed is told, though nothing is heard at the other", async () => {
    const units = add(2, 38_400);
    line.simulator.at(1).faults.wrongChecks = 1_000;
    await line.open({ baud_rate: 38_400, units });
    expect(line.events("osdp.problem")).toMatchObject([{ unit: "door-1", problem: "noise" }]);
  });

  test("a reader in clear is told too, and spoken to from the beginning at the new speed", async () => {
    line.simulator.add({ address: 1 });
    await line.open({ baud_rate: 38_400, units: { door: { address: 1, secure: false } } });
    expect([line.unitKeys, line.simulator.at(1).baud]).toEqual([["door"], 38_400]);
  });

  test("one that has the speed already is not told again", async () => {
    const speeds = vi.spyOn(line.simulator, "setBaudRate");
    await line.open({ baud_rate: 38_400, units: add(1, 38_400) });
    expect(line.simulator.at(1).done).not.toContain(0x6e);
    expect(speeds.mock.calls).toEqual([[38_400]]);
  });

  test("an answer to the change that is spoiled by it does not matter", async () => {
    const units = add(1);
    line.simulator.at(1).faults.garblesCommunication = true;
    await line.open({ baud_rate: 115_200, units });
    expect(line.simulator.at(1).baud).toBe(115_200);
    expect(line.unitKeys).toEqual(["door-1"]);
  });

  test("one that refuses the change is said to, and does not slow down the others for good", async () => {
    const units = add(2);
    line.simulator
      .at(1)
      .faults.refusals.push(...Array.from({ length: 99 }, () => ({ command: 0x6e, error: 9 })));
    await line.open({ baud_rate: 38_400, units });
    await line.clock.advance(1_000);
    expect(line.unitKeys).toEqual(["door-2"]);
    expect(line.simulator.hostBaud).toBe(38_400);
    expect(line.events("osdp.problem")).toMatchObject([{ unit: "door-1", problem: "refused" }]);
  });
});
