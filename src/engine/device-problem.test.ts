import { expect, test } from "vitest";
import { offlineReason, withNext } from "./device-problem.js";
import type { DevicesPort, DeviceStatus } from "./devices-port.js";

const ready: DeviceStatus = {
  key: "bus",
  driver: "osdp",
  port: "/dev/ttyUSB0",
  state: "ready",
  identity: { model: "line", firmware: "-" },
  units: [{ key: "gate", capabilities: ["keypadLock"] }],
  troubles: [
    { unit: "pool", code: "device.wrong", message: "no secure channel: it has another key" },
    { unit: "gate", code: null, message: "its cover is open" },
  ],
  since: 7,
  problem: null,
  nextTryMs: null,
};
const absent: DeviceStatus = {
  ...ready,
  state: "absent",
  troubles: [],
  problem: { code: "port.missing", message: "nothing is at /dev/ttyUSB0" },
  nextTryMs: 1_500,
};

function reasonOf(status: DeviceStatus, unit: string) {
  return offlineReason({ status: () => [status] } as unknown as DevicesPort, unit);
}

test.each([
  ["another key", ready, "bus/pool", "no secure channel: it has another key [device.wrong]", null],
  ["no such unit", ready, "bus/roof", "device bus has no unit roof: correct the unit", null],
  ["what is wrong with one that works is no reason", ready, "bus/gate", "has no unit gate", null],
  ["no port", absent, "bus/pool", "nothing is at /dev/ttyUSB0: plug it in", 7],
  ["no such device", ready, "stick/front", "there is no device stick in the configuration", null],
] as const)("%s", (_, status, unit, words, since) => {
  const reason = reasonOf(status, unit);
  expect(reason).toMatchObject({ since, isKnown: true });
  expect(reason.message).toContain(words);
  expect(reason.message).toMatch(/ \[[a-z.]+\]$/);
});

test("when it is tried again is said beside, for it changes all the time", () => {
  const reason = reasonOf(absent, "bus/pool");
  expect(reason.message).not.toContain("tried again");
  expect(withNext(reason)).toMatch(/; tried again in 2 s \[port\.missing\]$/);
  expect(withNext(reasonOf(ready, "bus/pool"))).toBe("no secure channel: it has another key [device.wrong]");
});

test("while it is opened for the first time nobody knows", () => {
  const opening = { ...absent, state: "opening", problem: null, nextTryMs: null } as const;
  expect(reasonOf(opening, "bus/pool")).toMatchObject({ isKnown: false });
});
