import { expect, test } from "vitest";
import type { Device, SerialLine } from "#driver-api";
import { Devices } from "#src/devices/devices";
import type { LineProblem } from "#src/devices/lines";
import type { Log } from "#src/lib/log";
import { bareLine } from "#test/support/bare-line";
import { VirtualClock } from "#test/support/virtual-clock";

/** The watchdog hears a supervisor as long as its loop turns, whatever the device does. */
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const LONGEST_SILENCE_MS = 60_000;

class PortRefused extends Error implements LineProblem {
  readonly code = "port.refused";
}

const well: Device = {
  identity: { model: "m", firmware: "1" },
  units: [{ key: "main" }],
  ping: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

function rig({ serial, open }: { serial?: () => Promise<SerialLine>; open?: () => Promise<Device> }) {
  const clock = new VirtualClock();
  const turns: number[] = [];
  const devices = new Devices(
    [
      {
        key: "desk",
        driverId: "imaginary",
        port: "/dev/imaginary",
        line: { kind: "serial", settings: { baudRate: 9600 } },
        open: open ?? (() => Promise.resolve(well)),
        onTurn: () => void turns.push(clock.monotonic()),
      },
    ],
    {
      clock,
      log: quiet,
      openers: { open: serial ?? (() => Promise.resolve(bareLine())), mark: () => Promise.resolve("same") },
    },
  );
  devices.start();
  return { clock, devices, turns };
}

function longestSilenceMs(turns: readonly number[], until: number): number {
  return Math.max(...[...turns, until].map((at, index) => at - (turns[index - 1] ?? 0)));
}

const never = () => new Promise<never>(() => undefined);

test.each([
  ["works", {}],
  ["cannot be opened", { serial: () => Promise.reject(new PortRefused("not yours")) }],
  ["hangs while it opens", { open: never }],
  ["stops answering", { open: () => Promise.resolve({ ...well, ping: never }) }],
])("a device that %s: the supervisor goes on turning", async (_what, device) => {
  const { clock, devices, turns } = rig(device);
  await clock.advance(600_000);
  expect(longestSilenceMs(turns, 600_000)).toBeLessThan(LONGEST_SILENCE_MS);
  await devices.stop();
});

test("a stop while the supervisor waits to try again opens nothing", async () => {
  let opened = 0;
  const { clock, devices } = rig({
    open: () => {
      opened++;
      return never();
    },
  });
  await clock.advance(15_200);
  expect(devices.status()[0]?.state).toBe("backing_off");
  await devices.stop();
  expect(opened).toBe(1);
  expect(clock.pending).toBe(0);
});

test("a device at work: the supervisor goes on turning", async () => {
  const { clock, devices, turns } = rig({});
  await clock.advance(10);
  let finish = (): void => undefined;
  const work = devices.use("desk/main", new AbortController().signal, () => {
    return new Promise<void>((resolve) => (finish = resolve));
  });
  await clock.advance(120_000);
  expect(longestSilenceMs(turns, 120_010)).toBeLessThan(LONGEST_SILENCE_MS);
  finish();
  await work;
  await devices.stop();
});

test("a driver that never finishes closing loses its line, and the supervisor goes on turning", async () => {
  const line = bareLine();
  const { clock, devices, turns } = rig({
    serial: () => Promise.resolve(line),
    open: () => Promise.resolve({ ...well, close: never }),
  });
  await clock.advance(1_000);
  line.hangUp();
  await clock.advance(600_000);
  expect(longestSilenceMs(turns, 601_000)).toBeLessThan(LONGEST_SILENCE_MS);
  expect(devices.isOnline("desk/main")).toBe(true);
  await clock.until(devices.stop(), { msMax: 10_000 });
});
