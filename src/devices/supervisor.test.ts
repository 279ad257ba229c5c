import { expect, test } from "vitest";
import { type Call, type Device, DriverError, type SerialLine } from "#driver-api";
import { Devices } from "#src/devices/devices";
import type { LineProblem, SupervisedDevice } from "#src/devices/supervisor";
import type { Log } from "#src/lib/log";
import { VirtualClock } from "#test/support/virtual-clock";

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

/** A line that can only be closed: the devices of these tests need no bytes. */
function bareLine(): SerialLine & { hangUp(): void } {
  const listeners = new Set<(reason: string) => void>();
  return {
    isOpen: true,
    write: () => Promise.resolve(),
    onData: () => () => undefined,
    onClose(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    setBaudRate: () => Promise.resolve(),
    close: () => Promise.resolve(),
    hangUp() {
      for (const listener of listeners) listener("unplugged");
    },
  };
}

class PortMissing extends Error implements LineProblem {
  readonly code = "port.missing";
}

function rig(device: Partial<Device> = {}) {
  const clock = new VirtualClock();
  const world = {
    isPlugged: true,
    lines: [] as ReturnType<typeof bareLine>[],
    opened: 0,
    closed: 0,
    states: [] as string[],
  };
  const supervised: SupervisedDevice = {
    key: "desk",
    driverId: "imaginary",
    port: "/dev/imaginary",
    serial: { baudRate: 9600 },
    open: () => {
      world.opened++;
      return Promise.resolve({
        identity: { model: "m", firmware: "1" },
        units: [{ key: "main" }],
        ping: () => Promise.resolve(),
        close: () => {
          world.closed++;
          return Promise.resolve();
        },
        ...device,
      });
    },
  };
  const devices = new Devices([supervised], {
    clock,
    log: quiet,
    openers: {
      serial: () => {
        if (!world.isPlugged) return Promise.reject(new PortMissing("no such port"));
        const line = bareLine();
        world.lines.push(line);
        return Promise.resolve(line);
      },
    },
  });
  devices.onChange(({ state }) => world.states.push(state));
  devices.start();
  return { clock, world, devices };
}

const live = () => new AbortController().signal;

test("opens, heals after an unplug, finds the device again when it comes back", async () => {
  const { clock, world, devices } = rig();
  await clock.advance(10);
  expect(devices.isOnline("desk/main")).toBe(true);
  world.isPlugged = false;
  world.lines[0]?.hangUp();
  await clock.advance(5_000);
  expect(devices.isOnline("desk/main")).toBe(false);
  expect(devices.status()[0]).toMatchObject({ state: "absent", problem: { code: "port.missing" } });
  world.isPlugged = true;
  await clock.advance(1_100);
  expect(devices.status()[0]).toMatchObject({ state: "ready", problem: null });
  expect(world.closed).toBe(1);
  await devices.stop();
  expect(clock.pending).toBe(0);
});

test("gives the wire to one caller at a time, in order", async () => {
  const { clock, devices } = rig();
  await clock.advance(10);
  const log: string[] = [];
  let finishFirst = (): void => undefined;
  const first = devices.use("desk/main", live(), async () => {
    log.push("first begins");
    await new Promise<void>((resolve) => (finishFirst = resolve));
    log.push("first ends");
  });
  const second = devices.use("desk/main", live(), () => {
    log.push("second");
    return Promise.resolve();
  });
  await clock.advance(100);
  expect(log).toEqual(["first begins"]);
  finishFirst();
  await Promise.all([first, second]);
  expect(log).toEqual(["first begins", "first ends", "second"]);
  await devices.stop();
});

test("a failure that means reopen reopens; others leave the device open", async () => {
  const { clock, world, devices } = rig();
  await clock.advance(10);
  const refuse = (code: "card.absent" | "device.silent") =>
    devices.use("desk/main", live(), () => Promise.reject(new DriverError(code, "none", "no")));
  await expect(refuse("card.absent")).rejects.toHaveProperty("code", "card.absent");
  await clock.advance(3_000);
  expect(world.opened).toBe(1);
  await expect(refuse("device.silent")).rejects.toHaveProperty("code", "device.silent");
  await clock.advance(3_000);
  expect(world.opened).toBe(2);
  await devices.stop();
});

test("a driver that ignores its signal is cut off after the grace, with an unknown effect", async () => {
  const { clock, world, devices } = rig();
  await clock.advance(10);
  const control = new AbortController();
  const stuck = devices.use("desk/main", control.signal, () => new Promise<never>(() => undefined));
  await clock.advance(1);
  control.abort(new Error("enough"));
  await expect(clock.until(stuck, { msMax: 4_000 })).rejects.toMatchObject({
    code: "device.silent",
    effect: "unknown",
  });
  await clock.advance(3_000);
  expect(world.opened).toBe(2);
  await devices.stop();
});

test("a device that stops answering pings is reopened; an unknown unit is refused at once", async () => {
  const state = { answers: true };
  const { clock, world, devices } = rig({
    ping: (call: Call) =>
      state.answers
        ? Promise.resolve()
        : new Promise((_, reject) =>
            call.signal.addEventListener("abort", () => reject(call.signal.reason as Error)),
          ),
  });
  await clock.advance(40_000);
  expect(world.opened).toBe(1);
  state.answers = false;
  await clock.advance(20_000);
  state.answers = true;
  await clock.advance(20_000);
  expect(world.opened).toBeGreaterThan(1);
  await expect(devices.use("desk/other", live(), () => Promise.resolve())).rejects.toHaveProperty(
    "code",
    "device.lost",
  );
  await expect(devices.use("nobody/main", live(), () => Promise.resolve())).rejects.toHaveProperty(
    "effect",
    "none",
  );
  await devices.stop();
});
