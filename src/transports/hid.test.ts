import { join } from "node:path";
import { expect, test } from "vitest";
import { HID_ADDRESS_FORM, parseHidAddress } from "#src/lib/hid-address";
import { realClock } from "#src/ops/clock";
import { openHidLine } from "#src/transports/hid";
import { runInHidWorld } from "#test/hid/run";

/** Through the real addon, node-hid on hidraw, in a machine that umockdev emulates; see test/hid/line-scenarios.ts. */
const inWorld = (name: string) =>
  runInHidWorld(join(import.meta.dirname, "../../test/hid/line-scenarios.ts"), name);

test("carries reports both ways, whole, and feature reports", () => inWorld("reports"));
test("opens by what the device is, and by serial number, socket or interface where there are several", () =>
  inWorld("identity"));
test("an unplugging ends what waits with device.lost, and the device is found again under another node", () =>
  inWorld("replug"));
test("says which udev rule is missing", () => inWorld("refused"));
test("a transfer can be cancelled, and one that the device does not answer is device.silent", () =>
  inWorld("transfers"));

test("a device that is not there, or a name that is none, is port.missing", async () => {
  const open = (address: string) => openHidLine(address, { reportBytes: 64 }, { clock: realClock });
  await expect(open("hid:0801:0003")).rejects.toMatchObject({ name: "PortError", code: "port.missing" });
  await expect(open("/dev/hidraw0")).rejects.toThrow(HID_ADDRESS_FORM);
});

test("reads addresses, and refuses what is none", () => {
  expect(parseHidAddress("hid:0801:0003")).toEqual({ vendorId: "0801", productId: "0003" });
  expect(parseHidAddress("hid:0C27:3BFA/serial:A:1/interface:2/at:1-1.4.2")).toEqual({
    vendorId: "0c27",
    productId: "3bfa",
    serial: "A:1",
    interface: 2,
    at: "1-1.4.2",
  });
  for (const wrong of [
    "",
    "hid:",
    "hid:801:3",
    "hid:0801:0003/",
    "hid:0801:0003/at:front",
    "hid:0801:0003/interface:x",
    "hid:0801:0003/at:1-1/at:1-2",
    "hid:0801:0003/colour:red",
    "hid:0801:0003/toString:1",
    "/dev/hidraw0",
    "hid:0801:0003 ",
  ])
    expect(parseHidAddress(wrong), wrong).toBeNull();
});
