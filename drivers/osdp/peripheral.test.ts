import { expect, test } from "vitest";
import { configSchema } from "./config.js";
import { Peripheral, type Problem } from "./peripheral.js";

/** When one that cannot be used is tried again, and from when on it counts as gone. */

const unit = configSchema.parse({ units: { door: { address: 5 } } }).units["door"]!; // just parsed
const silent: Problem = { is: "silent", message: "nothing" };
const otherKey: Problem = { is: "key", message: "another key" };

/** Seconds between the tries of one that stays away. */
function pauses(peripheral: Peripheral, problem: Problem, tries: number): number[] {
  return Array.from({ length: tries }, () => {
    const now = peripheral.dueAt;
    peripheral.stayedAway(now, problem);
    return (peripheral.dueAt - now) / 1_000;
  });
}

test("one that never answered: after 1, 2, 4 … s, every 30 s at most", () => {
  expect(pauses(new Peripheral("door", unit, undefined), silent, 7)).toEqual([1, 2, 4, 8, 16, 30, 30]);
});

test("one with another key: after 10 s, doubling to 10 min", () => {
  expect(pauses(new Peripheral("door", unit, undefined), otherKey, 8)).toEqual([
    10, 20, 40, 80, 160, 320, 600, 600,
  ]);
});

test("one that answered counts as there for 8 s, and is looked at when they are over", () => {
  const door = new Peripheral("door", unit, undefined);
  door.cameUp(0);
  door.fellOut(2_000);
  expect([door.isUp, door.dueAt]).toEqual([false, 2_000]);
  expect(pauses(door, silent, 3)).toEqual([1, 2, 3]);
  expect([door.dueAt, door.isAvailable]).toEqual([8_000, true]);
  expect(door.stayedAway(8_000, silent)).toBe(true);
  expect(door.isAvailable).toBe(false);
  expect(door.stayedAway(9_000, silent)).toBe(false);
});

test("back again, it begins with short pauses", () => {
  const door = new Peripheral("door", unit, undefined);
  pauses(door, silent, 9);
  door.cameUp(500_000);
  door.fellOut(501_000);
  expect(pauses(door, silent, 1)).toEqual([1]);
});

test("after 8 s without a good answer everything about it is asked anew", () => {
  const door = new Peripheral("door", unit, undefined);
  expect(door.isForgotten(0)).toBe(true);
  door.id = { vendor: "00068e", model: 1, version: 1, serial: 1, firmware: "1.0.0" };
  door.cameUp(0);
  door.heard(5_000);
  expect([door.isForgotten(12_999), door.isForgotten(13_000)]).toEqual([false, true]);
});
