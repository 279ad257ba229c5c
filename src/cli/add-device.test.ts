import { afterEach, beforeEach, expect, test } from "vitest";
import type { z } from "zod";
import { statusGet } from "#src/api/schemas/desk";
import { type foundPort, type identifiedPort, portsFound, portsProbe } from "#src/api/schemas/ports";
import { type FakeDaemon, startFakeDaemon } from "#test/support/fake-daemon";
import { typed } from "#test/support/typed";
import type { DeviceToAdd, Ports } from "./context.js";
import { EXIT } from "./exit-codes.js";

/** A second encoder of the kind that is there already, as the daemon tells of both. */

const ok = true as const;
const BY_ID = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0";
const [OLD, NEW] = ["/dev/serial/by-path/pci-usb-0:1", "/dev/serial/by-path/pci-usb-0:2"] as const;
const adapter = { kind: "serial", usb: "1a86:7523", label: "USB Serial", is_lasting: true } as const;
const old: z.input<typeof foundPort> = {
  ...adapter,
  port: OLD,
  node: "/dev/ttyUSB0",
  device: "desk",
  ambiguous_name: BY_ID,
};
const twin: typeof old = { ...adapter, port: NEW, node: "/dev/ttyUSB1", device: null, ambiguous_name: null };
const identified: z.input<typeof identifiedPort> = {
  port: NEW,
  is_lasting: true,
  driver: "pn532",
  identity: { model: "NXP PN532", firmware: "1.6" },
  units: [{ key: "main", capabilities: ["cardWriter"] }],
  card: null,
};

let daemon: FakeDaemon;
let found: (typeof identified)[];
beforeEach(async () => {
  daemon = await startFakeDaemon();
  found = [identified];
  daemon.on(statusGet, () => ({ status: { devices: [], encoders: [] }, ok }));
  daemon.on(portsFound, () => ({ ports: [old, twin], ok }));
  daemon.on(portsProbe, () => ({ found, tried: [], ok }));
});
afterEach(() => daemon.close());

async function run(...words: readonly string[]) {
  const added: DeviceToAdd[] = [];
  const moved: Ports[] = [];
  const result = await typed(["devices", ...words], {
    socketPath: daemon.socketPath,
    configPath: "/etc/lockbridge/lockbridge.yaml",
    assertCanChange: () => Promise.resolve(),
    addDevice(path, device) {
      added.push(device);
      return Promise.resolve({ path, encoderOf: null });
    },
    moveDevices(_path, ports) {
      moved.push(ports);
      return Promise.resolve();
    },
  });
  return { ...result, added, moved };
}

test("the list says that the old one's name means both now, and what to write instead", async () => {
  const { out, error } = await run();
  expect(out).toContain(NEW);
  expect(out).not.toContain(OLD);
  expect(error).toContain(`"desk" is ${BY_ID} in the configuration, and so is another device now.`);
  expect(error).toContain(OLD);
});

test("adding the new one names the old one by its socket too", async () => {
  const { code, out, added } = await run("add", "bar", "/dev/ttyUSB1", "--no-card");
  expect(code).toBe(EXIT.ok);
  expect(added).toMatchObject([{ key: "bar", port: NEW, ports: { desk: OLD } }]);
  expect(out).toContain(`"desk" looks the same, so the file names it by its USB socket too: ${OLD}.`);
});

test("without a lasting name it is added with a warning; without a card several are not", async () => {
  found = [{ ...identified, port: "/dev/ttyUSB1", is_lasting: false }];
  const bare = await run("add", "bar", "/dev/ttyUSB1", "--no-card");
  expect(bare.out).toContain("after the next start /dev/ttyUSB1 may be another device. See that udev runs.");
  found = [identified, { ...identified, port: "/dev/ttyUSB2" }];
  const several = await run("add", "bar", NEW, "/dev/ttyUSB2");
  expect(several).toMatchObject({ code: EXIT.failed, added: [] });
  expect(several.error).toContain("No card was seen on any of them: nothing is changed.");
});

test("a device that the service does not know yet is not moved", async () => {
  const { code, error, moved } = await run("move", "bar", NEW);
  expect([code, moved]).toEqual([EXIT.refused, []]);
  expect(error).toContain('The running service knows no device "bar" yet.');
});
