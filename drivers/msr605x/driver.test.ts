import { join } from "node:path";
import { expect, test } from "vitest";
import { runInHidWorld } from "#test/hid/run";
import driver from "./index.js";

test("is the MSR605's command set on USB HID", () => {
  expect(driver).toMatchObject({ id: "msr605x", transport: "hid", hid: { reportBytes: 64 } });
});

/** The whole way once, through the real node-hid; what the daemon sees, from address to stripe. */
test("encodes over a real HID line, loses it honestly, and finds it under another node", () =>
  runInHidWorld(join(import.meta.dirname, "../../test/hid/driver-scenarios.ts"), "msr605x"));
