import fc from "fast-check";
import { expect, test } from "vitest";
import { type Device, DriverError, type SerialLine } from "#driver-api";
import { Devices } from "#src/devices/devices";
import type { LineProblem } from "#src/devices/lines";
import { sleep } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import { VirtualClock } from "#test/support/virtual-clock";

/** Everything that may happen to a device, in any order. Whatever happened, a device that is well again heals. */

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const RUNS = 200;
const STEPS_MAX = 80;
/** An opening that hangs is given up after 15 s, and the next begins at most 10 s later. */
const HEALED_WITHIN_MS = 27_000;
const never = () => new Promise<never>(() => undefined);

class PortProblem extends Error implements LineProblem {
  readonly code: LineProblem["code"];

  constructor(code: LineProblem["code"]) {
    super("no line");
    this.code = code;
  }
}

class WorldLine implements SerialLine {
  isOpen = true;
  readonly #listeners = new Set<(reason: string) => void>();

  write = () => Promise.resolve();
  onData = () => () => undefined;
  setBaudRate = () => Promise.resolve();

  onClose(listener: (reason: string) => void): () => void {
    if (!this.isOpen) listener("gone");
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  hangUp(reason = "unplugged"): void {
    this.isOpen = false;
    for (const listener of [...this.#listeners]) listener(reason);
    this.#listeners.clear();
  }

  close(): Promise<void> {
    this.hangUp("it was closed");
    return Promise.resolve();
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly faults: string[] = [];
  readonly uses: Promise<unknown>[] = [];
  readonly callers: AbortController[] = [];
  isPlugged = true;
  isHeld = false;
  isSilent = false;
  isWrong = false;
  /** The driver neither hears signals nor finishes closing. */
  isStubborn = false;
  #mark = 0;
  #line: WorldLine | null = null;
  #wireUsers = 0;
  readonly devices = new Devices(
    [
      {
        key: "desk",
        driverId: "imaginary",
        port: "/dev/imaginary",
        line: { kind: "serial", settings: { baudRate: 9600 } },
        open: (line, _log, signal) => this.#open(line as SerialLine | null, signal), // as its opener made it
      },
    ],
    {
      clock: this.clock,
      log: quiet,
      openers: {
        open: () => this.#openLine(),
        mark: () => Promise.resolve(this.isPlugged ? String(this.#mark) : null),
      },
    },
  );

  unplug(): void {
    this.isPlugged = false;
    this.#line?.hangUp();
  }

  plugIn(): void {
    if (!this.isPlugged) this.#mark++;
    this.isPlugged = true;
  }

  use(workMs: number, abortMs: number, code: "card.absent" | "device.silent" | null): void {
    const control = new AbortController();
    const cancel = this.clock.startTimer(abortMs, () => control.abort(new Error("enough")));
    this.callers.push(control);
    const used = this.devices.use("desk/main", control.signal, () =>
      this.#work(workMs, control.signal, code),
    );
    this.uses.push(used.catch(() => undefined).finally(cancel));
  }

  async #work(ms: number, signal: AbortSignal, code: "card.absent" | "device.silent" | null): Promise<void> {
    const line = this.#line;
    if (line?.isOpen !== true) this.faults.push("work begins without a line");
    if (this.#wireUsers > 0) this.faults.push("two use the wire");
    this.#wireUsers++;
    // Work that was cut off has lost its line, and so its wire.
    const leave = once(() => this.#wireUsers--);
    line?.onClose(leave);
    const onAbort = (): void => {
      if (!this.isStubborn) leave();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      if (this.isStubborn) await Promise.race([never(), gone(line)]);
      await Promise.race([sleep(this.clock, ms, signal), gone(line)]);
      if (code !== null) throw new DriverError(code, "none", "it failed");
    } finally {
      leave();
    }
  }

  #openLine(): Promise<SerialLine> {
    if (this.#line?.isOpen === true) this.faults.push("two lines are open");
    if (!this.isPlugged) return Promise.reject(new PortProblem("port.missing"));
    if (this.isHeld) return Promise.reject(new PortProblem("port.held"));
    this.#line = new WorldLine();
    return Promise.resolve(this.#line);
  }

  async #open(line: SerialLine | null, signal: AbortSignal): Promise<Device> {
    if (this.isStubborn) await sleep(this.clock, 30_000, new AbortController().signal);
    await Promise.race([sleep(this.clock, this.isSilent ? 2_000 : 50, signal), gone(line)]);
    if (this.isSilent) throw new DriverError("device.silent", "none", "nothing");
    if (this.isWrong) throw new DriverError("device.wrong", "none", "something else");
    return {
      identity: { model: "m", firmware: "1" },
      units: [{ key: "main" }],
      ping: () =>
        this.isSilent
          ? Promise.reject(new DriverError("device.silent", "none", "nothing"))
          : Promise.resolve(),
      close: () => (this.isStubborn ? never() : Promise.resolve()),
    };
  }
}

function gone(line: SerialLine | null): Promise<never> {
  const lost = new Promise<never>((_, reject) =>
    line?.onClose((reason) => reject(new DriverError("device.lost", "unknown", reason))),
  );
  lost.catch(() => undefined);
  return lost;
}

function once(work: () => void): () => void {
  let isDone = false;
  return () => {
    if (!isDone) work();
    isDone = true;
  };
}

const step = fc.oneof(
  fc.constantFrom(
    "plug",
    "unplug",
    "silence",
    "answer",
    "hold",
    "release",
    "swap",
    "swapBack",
    "stiffen",
    "soften",
  ),
  fc.record({
    workMs: fc.integer({ min: 0, max: 5_000 }),
    abortMs: fc.integer({ min: 0, max: 8_000 }),
    code: fc.constantFrom(null, "card.absent" as const, "device.silent" as const),
  }),
  fc.record({ waitMs: fc.integer({ min: 0, max: 6_000 }) }),
);

async function happen(
  world: World,
  what: typeof step extends fc.Arbitrary<infer T> ? T : never,
): Promise<void> {
  if (typeof what === "object") {
    if ("waitMs" in what) await world.clock.advance(what.waitMs);
    else world.use(what.workMs, what.abortMs, what.code);
    return;
  }
  switch (what) {
    case "plug":
      world.plugIn();
      return;
    case "unplug":
      world.unplug();
      return;
    case "silence":
    case "answer":
      world.isSilent = what === "silence";
      return;
    case "hold":
    case "release":
      world.isHeld = what === "hold";
      return;
    case "swap":
    case "swapBack":
      world.isWrong = what === "swap";
      return;
    case "stiffen":
    case "soften":
      world.isStubborn = what === "stiffen";
  }
}

test("never two lines, one at a time on the wire, heals whatever happened, and leaves nothing running", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: STEPS_MAX, size: "max" }),
      async (history) => {
        const world = new World();
        const { clock, devices } = world;
        devices.start();
        for (const what of history) await happen(world, what);
        world.plugIn();
        Object.assign(world, { isSilent: false, isHeld: false, isWrong: false, isStubborn: false });
        for (const caller of world.callers) caller.abort(new Error("the end"));
        await clock.advance(HEALED_WITHIN_MS);
        await Promise.all(world.uses);
        expect(devices.status()[0]).toMatchObject({ state: "ready", problem: null });
        const used = devices.use("desk/main", new AbortController().signal, () => Promise.resolve("used"));
        expect(await clock.until(used, { msMax: 1_000 })).toBe("used");
        await clock.until(devices.stop(), { msMax: 10_000 });
        // What a stubborn driver began may still be waiting for itself.
        await clock.advance(31_000);
        expect(clock.pending).toBe(0);
        expect(world.faults).toEqual([]);
      },
    ),
    { numRuns: RUNS },
  );
}, 60_000);
