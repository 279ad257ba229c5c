import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { realClock } from "#src/ops/clock";
import { foundPorts } from "./found-ports.js";
import { hidAddressOf, type HidNode } from "./hid-nodes.js";
import { openSerialLine } from "./serial.js";
import { adaptersNamed } from "./serial-adapters.js";

interface Adapter {
  readonly tty: string;
  readonly at: string;
  readonly usb: readonly [string, string];
  readonly words: string;
  readonly serial?: string;
  readonly byId?: string;
  readonly byPath?: readonly string[];
}

/** A /sys and a /dev with the adapters of a test, laid out as Linux does it. */
function machine(): { readonly root: string; readonly plug: (adapter: Adapter) => void } {
  const root = mkdtempSync(join(tmpdir(), "lockbridge-ports-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ["sys/class/tty", "dev/serial/by-id", "dev/serial/by-path"])
    mkdirSync(join(root, folder), { recursive: true });
  return {
    root,
    plug({ tty, at, usb: [vendor, product], words, serial, byId, byPath = [] }) {
      const device = join(root, "sys/devices/usb1", at);
      const own = join(device, `${at}:1.0`, tty);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(device, `${at}:1.0`, "bInterfaceNumber"), "00\n");
      writeFileSync(join(device, "idVendor"), `${vendor}\n`);
      writeFileSync(join(device, "idProduct"), `${product}\n`);
      writeFileSync(join(device, "product"), `${words}\n`);
      if (serial !== undefined) writeFileSync(join(device, "serial"), `${serial}\n`);
      mkdirSync(join(root, "sys/class/tty", tty));
      symlinkSync(own, join(root, "sys/class/tty", tty, "device"));
      writeFileSync(join(root, "dev", tty), "");
      if (byId !== undefined) symlinkSync(`../../${tty}`, join(root, "dev/serial/by-id", byId));
      for (const name of byPath) symlinkSync(`../../${tty}`, join(root, "dev/serial/by-path", name));
    },
  };
}

const CH340 = { usb: ["1a86", "7523"], words: "USB Serial" } as const;
const CH340_ID = "usb-1a86_USB_Serial-if00-port0";
const names = async (root: string) =>
  (await foundPorts(realClock, root)).map(({ node, port, isLasting }) => [node, port, isLasting]);

test("what calls itself as nothing else does is named so, wherever it is plugged in", async () => {
  const { root, plug } = machine();
  plug({ ...CH340, tty: "ttyUSB0", at: "1-1", byId: CH340_ID, byPath: ["pci-usb-0:1"] });
  plug({ tty: "ttyACM0", at: "1-3", usb: ["09d8", "0420"], words: "TWN4\u001b[31m/B1.06" });
  expect(await foundPorts(realClock, root)).toEqual([
    {
      kind: "serial",
      port: "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0",
      node: "/dev/ttyUSB0",
      usb: "1a86:7523",
      label: "USB Serial",
      isLasting: true,
    },
    {
      kind: "serial",
      port: "/dev/ttyACM0",
      node: "/dev/ttyACM0",
      usb: "09d8:0420",
      label: "TWN4?[31m/B1.06",
      isLasting: false,
    },
  ]);
});

/** udev gives the name that both ask for to one of them, and after the next start perhaps to the other. */
test.each(["ttyUSB0", "ttyUSB1"])(
  "two that call themselves alike are named by socket, %s having the name",
  async (has) => {
    const { root, plug } = machine();
    for (const [tty, at] of [
      ["ttyUSB0", "1-1"],
      ["ttyUSB1", "1-2"],
    ] as const) {
      const byPath = [`pci-usbv2-0:${at}`, `pci-usb-0:${at}`];
      plug({ ...CH340, tty, at, byPath, ...(tty === has && { byId: CH340_ID }) });
    }
    expect(await names(root)).toEqual([
      ["/dev/ttyUSB0", "/dev/serial/by-path/pci-usb-0:1-1", true],
      ["/dev/ttyUSB1", "/dev/serial/by-path/pci-usb-0:1-2", true],
    ]);
    const meant = await adaptersNamed(`/dev/serial/by-id/${CH340_ID}`, root);
    expect(meant.map(({ node }) => node)).toEqual(["/dev/ttyUSB0", "/dev/ttyUSB1"]);
  },
);

test("two of a kind without names by socket have only their numbers, and that is said", async () => {
  const { root, plug } = machine();
  plug({ ...CH340, tty: "ttyACM0", at: "1-1", byId: CH340_ID });
  plug({ ...CH340, tty: "ttyACM1", at: "1-2" });
  expect(await names(root)).toEqual([
    ["/dev/ttyACM0", "/dev/ttyACM0", false],
    ["/dev/ttyACM1", "/dev/ttyACM1", false],
  ]);
});

test("a serial number tells two of a kind apart; the same number in both does not", async () => {
  const { root, plug } = machine();
  plug({ ...CH340, tty: "ttyUSB0", at: "1-1", serial: "A1", byId: "usb-A1", byPath: ["1"] });
  plug({ ...CH340, tty: "ttyUSB1", at: "1-2", serial: "B2", byId: "usb-B2", byPath: ["2"] });
  plug({ ...CH340, tty: "ttyUSB2", at: "1-3", serial: "0001", byId: "usb-0001", byPath: ["3"] });
  plug({ ...CH340, tty: "ttyUSB3", at: "1-4", serial: "0001", byPath: ["4"] });
  expect((await names(root)).map(([, port]) => port)).toEqual([
    "/dev/serial/by-id/usb-A1",
    "/dev/serial/by-id/usb-B2",
    "/dev/serial/by-path/3",
    "/dev/serial/by-path/4",
  ]);
  expect(await adaptersNamed("/dev/serial/by-id/usb-A1", root)).toEqual([]);
  expect(await adaptersNamed("/dev/serial/by-path/3", root)).toEqual([]);
});

test("a name that two adapters share opens neither, and the message says what each is called", async () => {
  const { root, plug } = machine();
  plug({ ...CH340, tty: "ttyUSB0", at: "1-1", byId: CH340_ID, byPath: ["1"] });
  plug({ ...CH340, tty: "ttyUSB1", at: "1-2", byPath: ["2"] });
  const twins = await adaptersNamed(`/dev/serial/by-id/${CH340_ID}`, root);
  const path = join(root, "dev/serial/by-id", CH340_ID);
  const opening = openSerialLine(
    path,
    { baudRate: 9_600 },
    { clock: realClock, named: () => Promise.resolve(twins) },
  );
  await expect(opening).rejects.toMatchObject({
    code: "port.ambiguous",
    message: `2 adapters call themselves ${path}, so it may be either: /dev/serial/by-path/1 or /dev/serial/by-path/2`,
  });
});

test("a machine without any, and a console, are no ports", async () => {
  const { root } = machine();
  mkdirSync(join(root, "sys/class/tty/tty1"));
  mkdirSync(join(root, "sys/class/tty/console"));
  expect(await foundPorts(realClock, root)).toEqual([]);
  expect(await foundPorts(realClock, "/nowhere")).toEqual([]);
});

const hid = (at: string, more: Partial<HidNode> = {}): HidNode => ({
  path: `/dev/hidraw${at}`,
  vendorId: "0801",
  productId: "0003",
  serial: "",
  interface: 0,
  at,
  ...more,
});

test.each([
  ["alone", [hid("1-1")], ["hid:0801:0003"]],
  ["with another kind", [hid("1-1"), hid("1-2", { productId: "0004" })], ["hid:0801:0003", "hid:0801:0004"]],
  ["two of a kind", [hid("1-1"), hid("1-2")], ["hid:0801:0003/at:1-1", "hid:0801:0003/at:1-2"]],
  [
    "two with serial numbers",
    [hid("1-1", { serial: "A" }), hid("1-2", { serial: "B" })],
    ["hid:0801:0003/serial:A", "hid:0801:0003/serial:B"],
  ],
  [
    "two with the same serial number",
    [hid("1-1", { serial: "A" }), hid("1-2", { serial: "A" })],
    ["hid:0801:0003/at:1-1", "hid:0801:0003/at:1-2"],
  ],
  [
    "with a serial number that no address can hold",
    [hid("1-1", { serial: "a b/\u001b" })],
    ["hid:0801:0003"],
  ],
  [
    "one with two interfaces",
    [hid("1-1"), hid("1-1", { interface: 1 })],
    ["hid:0801:0003/interface:0", "hid:0801:0003/interface:1"],
  ],
])("a USB HID device %s", (_case, nodes, addresses) => {
  expect(nodes.map((node) => hidAddressOf(node, nodes))).toEqual(addresses);
});
