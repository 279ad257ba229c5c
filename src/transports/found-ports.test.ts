import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { foundPorts } from "./found-ports.js";

/** A /sys and a /dev with the adapters of a test, laid out as Linux does it. */
function machine(): { readonly root: string; readonly plug: (adapter: Adapter) => void } {
  const root = mkdtempSync(join(tmpdir(), "lockbridge-ports-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  for (const folder of ["sys/class/tty", "dev/serial/by-id", "dev/serial/by-path"])
    mkdirSync(join(root, folder), { recursive: true });
  return {
    root,
    plug({ tty, at, usb: [vendor, product], words, byId, byPath }) {
      const device = join(root, "sys/devices/usb1", at);
      const own = join(device, `${at}:1.0`, tty);
      mkdirSync(own, { recursive: true });
      writeFileSync(join(device, "idVendor"), `${vendor}\n`);
      writeFileSync(join(device, "idProduct"), `${product}\n`);
      writeFileSync(join(device, "product"), `${words}\n`);
      mkdirSync(join(root, "sys/class/tty", tty));
      symlinkSync(own, join(root, "sys/class/tty", tty, "device"));
      writeFileSync(join(root, "dev", tty), "");
      if (byId !== undefined) symlinkSync(`../../${tty}`, join(root, "dev/serial/by-id", byId));
      if (byPath !== undefined) symlinkSync(`../../${tty}`, join(root, "dev/serial/by-path", byPath));
    },
  };
}

interface Adapter {
  readonly tty: string;
  readonly at: string;
  readonly usb: readonly [string, string];
  readonly words: string;
  readonly byId?: string;
  readonly byPath?: string;
}

const CH340: Pick<Adapter, "usb" | "words"> = { usb: ["1a86", "7523"], words: "USB Serial" };

test("a port is named so that the name outlives the plug: by id, else by socket, else as it is", async () => {
  const { root, plug } = machine();
  plug({
    ...CH340,
    tty: "ttyUSB0",
    at: "1-1",
    byId: "usb-1a86_USB_Serial-if00-port0",
    byPath: "pci-usb-0:1",
  });
  plug({ ...CH340, tty: "ttyUSB1", at: "1-2", byPath: "pci-usb-0:2" });
  plug({ tty: "ttyACM0", at: "1-3", usb: ["09d8", "0420"], words: "TWN4\u001b[31m/B1.06" });
  expect(await foundPorts(root)).toEqual([
    {
      kind: "serial",
      port: "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0",
      node: "/dev/ttyUSB0",
      usb: "1a86:7523",
      label: "USB Serial",
    },
    {
      kind: "serial",
      port: "/dev/serial/by-path/pci-usb-0:2",
      node: "/dev/ttyUSB1",
      usb: "1a86:7523",
      label: "USB Serial",
    },
    {
      kind: "serial",
      port: "/dev/ttyACM0",
      node: "/dev/ttyACM0",
      usb: "09d8:0420",
      label: "TWN4?[31m/B1.06",
    },
  ]);
});

test("a machine without any, and a console, are no ports", async () => {
  const { root } = machine();
  mkdirSync(join(root, "sys/class/tty/tty1"));
  mkdirSync(join(root, "sys/class/tty/console"));
  expect(await foundPorts(root)).toEqual([]);
  expect(await foundPorts("/nowhere")).toEqual([]);
});
