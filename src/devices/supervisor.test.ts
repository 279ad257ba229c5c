import { expect, test } from "vitest";
import { type Call, type Device, DriverError } from "#driver-api";
import { Devices } from "#src/devices/devices";
import type { LineProblem } from "#src/devices/lines";
import type { SupervisedDevice } from "#src/devices/supervisor";
import { sleep } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import { bareLine } from "#test/support/bare-line";
import { VirtualClock } from "#test/support/virtual-clock";

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

class PortProblem extends Error implements LineProblem {
  readonly code: LineProblem["code"];

  constructor(code: LineProblem["code"]) {
    super("no line");
    this.code = code;
  }
}

function rig(device: Partial<Device> = {}, settings: Partial<SupervisedDevice> = {}) {
  const clock = new VirtualClock();
  const world = {
    isPlugged: true,
    isHeld: false,
    mark: "first",
    lines: [] as ReturnType<typeof bareLine>[],
    /** When a line was asked for, on the monotonic clock. */
    tries: [] as number[],
    looks: 0,
    opened: 0,
    closed: 0,
    states: [] as string[],
    /** What an opening of the driver does. */
    openWith: (): Promise<unknown> => Promise.resolve(),
    device,
  };
  const supervised: SupervisedDevice = {
    key: "desk",
    driverId: "imaginary",
    port: "/dev/imaginary",
    line: { kind: "serial", settings: { baudRate: 9600 } },
    ...settings,
    async open() {
      world.opened++;
      await world.openWith();
      return {
        identity: { model: "m", firmware: "1" },
        units: [{ key: "main" }],
        ping: () => Promise.resolve(),
        close: () => {
          world.closed++;
          return Promise.resolve();
        },
        ...world.device,
      };
    },
  };
  const devices = new Devices([supervised], {
    clock,
    log: quiet,
    openers: {
      open: () => {
        world.tries.push(clock.monotonic());
        if (!world.isPlugged) return Promise.reject(new PortProblem("port.missing"));
        if (world.isHeld) return Promise.reject(new PortProblem("port.held"));
        const line = bareLine();
        world.lines.push(line);
        return Promise.resolve(line);
      },
      mark: () => {
        world.looks++;
        return Promise.resolve(world.isPlugged ? world.mark : null);
      },
    },
  });
  devices.onChange(({ state }) => world.states.push(state));
  devices.start();
  const unplug = (): void => {
    world.isPlugged = false;
    world.lines.at(-1)?.hangUp();
  };
  const plugIn = (): void => {
    world.isPlugged = true;
    world.mark += "+";
  };
  return { clock, world, devices, unplug, plugIn };
}

const live = () => new AbortController().signal;

test("opens, heals after an unplug, finds the device again when it comes back", async () => {
  const { clock, world, devices, unplug } = rig();
  await clock.advance(10);
  expect(devices.isOnline("desk/main")).toBe(true);
  unplug();
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

const gaps = (times: readonly number[]) => times.slice(1).map((at, index) => at - (times[index] ?? 0));

test("the wait between tries grows to ten seconds, and is short again after the device stayed for a while", async () => {
  const { clock, world, devices } = rig();
  world.openWith = () => Promise.reject(new DriverError("device.silent", "none", "nothing"));
  await clock.advance(40_000);
  expect(gaps(world.tries)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  world.openWith = () => Promise.resolve();
  await clock.advance(20_000);
  expect(devices.isOnline("desk/main")).toBe(true);
  const lostAt = clock.monotonic();
  world.lines.at(-1)?.hangUp();
  await clock.advance(1_000);
  expect(world.tries.at(-1)).toBe(lostAt + 500);
  expect(devices.isOnline("desk/main")).toBe(true);
  await devices.stop();
});

test("a device that dies right after every opening is not opened without end", async () => {
  const { clock, world, devices } = rig({
    ping: () => Promise.reject(new DriverError("device.silent", "none", "nothing")),
  });
  devices.onChange(({ state }) => {
    if (state === "ready") clock.startTimer(100, () => world.lines.at(-1)?.hangUp());
  });
  await clock.advance(60_000);
  expect(world.opened).toBeLessThan(12);
  await devices.stop();
});

test("a port that is missing is looked for every second, and nobody hears of the tries", async () => {
  const { clock, world, devices, unplug } = rig();
  await clock.advance(10);
  unplug();
  await clock.advance(60_000);
  expect(world.states).toEqual(["opening", "ready", "backing_off", "absent"]);
  expect(Math.max(...gaps(world.tries.slice(2)))).toBe(1_000);
  expect(world.opened).toBe(1);
  await devices.stop();
});

test("whatever is done at the port ends the wait within a quarter of a second", async () => {
  const { clock, world, devices, plugIn } = rig();
  world.openWith = () => Promise.reject(new DriverError("device.wrong", "none", "something else"));
  await clock.advance(30_000);
  expect(devices.status()[0]).toMatchObject({ state: "backing_off", problem: { code: "device.wrong" } });
  world.openWith = () => Promise.resolve();
  world.tries.length = 0;
  const at = clock.monotonic();
  plugIn();
  await clock.advance(300);
  expect((world.tries[0] ?? Infinity) - at).toBeLessThanOrEqual(250);
  expect(devices.isOnline("desk/main")).toBe(true);
  await devices.stop();
});

test("a port that another program holds is tried at least every two seconds, since nothing shows that it is free", async () => {
  const { clock, world, devices } = rig();
  world.isHeld = true;
  await clock.advance(60_000);
  expect(devices.status()[0]).toMatchObject({ state: "backing_off", problem: { code: "port.held" } });
  expect(Math.max(...gaps(world.tries))).toBe(2_000);
  world.isHeld = false;
  await clock.advance(2_000);
  expect(devices.isOnline("desk/main")).toBe(true);
  await devices.stop();
});

test("tells since when the device is away, whatever the reasons in between, and when it tries again", async () => {
  const { clock, world, devices, unplug, plugIn } = rig();
  await clock.advance(10_000);
  const lostAt = clock.now();
  unplug();
  await clock.advance(5_000);
  expect(devices.status()[0]).toMatchObject({ since: lostAt, problem: { code: "port.missing" } });
  plugIn();
  world.openWith = () => Promise.reject(new DriverError("device.silent", "none", "nothing heard"));
  await clock.advance(1_000);
  expect(devices.status()[0]).toMatchObject({
    since: lostAt,
    state: "backing_off",
    problem: { code: "device.silent", message: "nothing heard" },
  });
  expect(devices.status()[0]?.nextTryMs).toBeGreaterThan(0);
  world.openWith = () => Promise.resolve();
  await clock.advance(10_000);
  const [status] = devices.status();
  expect(status).toMatchObject({ state: "ready", problem: null, nextTryMs: null });
  expect(status?.since).toBeGreaterThan(lostAt);
  await devices.stop();
});

test("work asked for while the device is away for a moment waits for it", async () => {
  const { clock, world, devices } = rig();
  await clock.advance(10_000);
  world.lines[0]?.hangUp();
  expect(devices.isOnline("desk/main")).toBe(false);
  expect(devices.takesWork("desk/main")).toBe(true);
  const used = devices.use("desk/main", live(), () => Promise.resolve("done"));
  expect(await clock.until(used, { msMax: 1_000 })).toBe("done");
  await devices.stop();
  expect(clock.pending).toBe(0);
});

test("work waits no longer than two seconds from the loss, and not after its caller gave up", async () => {
  const { clock, devices, unplug } = rig();
  await clock.advance(10_000);
  unplug();
  await clock.advance(500);
  const control = new AbortController();
  const given = devices.use("desk/main", control.signal, () => Promise.resolve());
  const kept = devices.use("desk/main", live(), () => Promise.resolve());
  control.abort(new Error("changed my mind"));
  await expect(given).rejects.toThrow("changed my mind");
  const began = clock.monotonic();
  await expect(clock.until(kept, { msMax: 5_000 })).rejects.toMatchObject({
    code: "device.lost",
    effect: "none",
  });
  expect(clock.monotonic() - began).toBe(1_500);
  expect(devices.takesWork("desk/main")).toBe(false);
  await expect(devices.use("desk/main", live(), () => Promise.resolve())).rejects.toHaveProperty(
    "code",
    "device.lost",
  );
  await devices.stop();
});

test("a device that was never there is not waited for", async () => {
  const { clock, world, devices } = rig();
  world.isPlugged = false;
  await clock.advance(1_500);
  expect(devices.takesWork("desk/main")).toBe(false);
  expect(devices.takesWork("desk/other")).toBe(false);
  await devices.stop();
});

test("a driver that sits through the loss of its device is cut off, and the next caller gets the new one", async () => {
  const { clock, world, devices } = rig();
  await clock.advance(10_000);
  const stuck = devices.use("desk/main", live(), () => new Promise<never>(() => undefined));
  const settled = stuck.catch((error: unknown) => error);
  const next = devices.use("desk/main", live(), () => Promise.resolve("next"));
  await clock.advance(10);
  world.lines[0]?.hangUp();
  expect(await clock.until(settled, { msMax: 3_000 })).toMatchObject({
    code: "device.lost",
    effect: "unknown",
  });
  expect(await clock.until(next, { msMax: 1_000 })).toBe("next");
  expect(world.opened).toBe(2);
  await devices.stop();
});

test("from the failure on that means reopen, nobody gets the lost device", async () => {
  const { clock, world, devices } = rig();
  await clock.advance(10_000);
  const used: number[] = [];
  const work = () => {
    used.push(world.opened);
    return used.length === 1
      ? Promise.reject(new DriverError("device.silent", "none", "nothing"))
      : Promise.resolve();
  };
  const first = devices.use("desk/main", live(), work).catch(() => undefined);
  const second = devices.use("desk/main", live(), work);
  await first;
  expect(devices.isOnline("desk/main")).toBe(false);
  await clock.until(second, { msMax: 2_000 });
  expect(used).toEqual([1, 2]);
  await devices.stop();
});

test.each([
  ["rejects", () => Promise.reject(new Error("a driver bug"))],
  ["never settles", () => new Promise<never>(() => undefined)],
])("a close that %s does not keep the device from coming back", async (_what, close) => {
  const { clock, world, devices } = rig({ close });
  await clock.advance(10_000);
  world.lines[0]?.hangUp();
  await clock.advance(5_000);
  expect(devices.isOnline("desk/main")).toBe(true);
  await clock.until(devices.stop(), { msMax: 5_000 });
  expect(clock.pending).toBe(0);
});

test("a device that comes after nobody waits for it any more is closed", async () => {
  const { clock, world, devices } = rig();
  await clock.advance(10_000);
  let finish = (): void => undefined;
  world.openWith = () => new Promise<void>((resolve) => (finish = resolve));
  world.lines[0]?.hangUp();
  await clock.advance(16_000);
  expect(world.closed).toBe(1);
  world.openWith = () => Promise.resolve();
  finish();
  await clock.advance(10);
  expect(world.closed).toBe(2);
  await devices.stop();
});

test("an opening may take as long as its driver says, and the watchdog hears of it in between", async () => {
  let turns = 0;
  const { clock, devices, world } = rig({}, { opensWithinMs: 45_000, onTurn: () => (turns += 1) });
  world.openWith = () => sleep(clock, 40_000, new AbortController().signal);
  await clock.advance(39_000);
  expect(devices.status()[0]?.state).toBe("opening");
  expect(turns).toBe(2);
  await clock.advance(2_000);
  expect(devices.status()[0]?.state).toBe("ready");
  await clock.until(devices.stop(), { msMax: 10_000 });
});

test("a listener that throws harms neither the device nor who uses it", async () => {
  const { clock, devices } = rig();
  devices.onChange(() => {
    throw new Error("the disk is full");
  });
  await clock.advance(10_000);
  await expect(devices.use("desk/main", live(), () => Promise.resolve("used"))).resolves.toBe("used");
  expect(devices.status()[0]?.state).toBe("ready");
  await devices.stop();
});
