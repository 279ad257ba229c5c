import { inspect } from "node:util";
import { expect, test } from "vitest";
import { DriverError } from "#driver-api";
import { driverError } from "./failure.js";

/** As the library throws them: a number, and words that may hold what was sent. */
const thrown = (code: unknown): Error => Object.assign(new Error("sending user code 4711 failed"), { code });

test.each([
  [100, "device.silent", "unknown"],
  [202, "device.silent", "unknown"],
  [204, "unit.silent", "unknown"],
  [205, "device.busy", "unknown"],
  [1401, "unit.silent", "unknown"],
  [322, "device.refused", "none"],
  [9999, "device.refused", "unknown"],
  ["what", "device.refused", "unknown"],
])("the library's error %s is %s with effect %s, and says nothing of what was sent", (code, is, effect) => {
  const error = driverError(thrown(code), "unknown", "node 2, writing slot 1");
  expect(error).toMatchObject({ code: is, effect });
  expect(error.message).toContain("node 2, writing slot 1");
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("4711");
});

test("our own error stays as it is", () => {
  const own = new DriverError("device.lost", "unknown", "gone");
  expect(driverError(own, "none", "reading")).toBe(own);
});
