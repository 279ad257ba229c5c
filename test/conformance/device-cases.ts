import { expect, vi } from "vitest";
import { Bench, calm, cancelled, expectNobodyListensTo, type Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { byteStep } from "#test/conformance/ports";
import { capabilitiesOf } from "#test/conformance/rig";
import { scenesOf } from "#test/conformance/scenes";
import { everyCall, everyReadBack } from "#test/conformance/steps";
import { lose, pause, type Side, SIDES, type Tap, type Trouble } from "#test/conformance/tap";
import type { LineDevice } from "#test/support/memory-line";

/** What holds for every device, whatever it can do. */
export const deviceCases: readonly Case[] = [
  {
    id: "D01",
    promise: "opens, says what it is, and has just the capabilities that its rig lists",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const { identity, units } = bench.device;
      expect(identity.model).not.toBe("");
      expect(new Set(units.map(({ key }) => key)).size).toBe(units.length);
      const found = new Set(units.flatMap(capabilitiesOf));
      for (const unit of units) expect(Object.values(unit)).not.toContain(undefined);
      expect([...found].sort()).toEqual([...subject.rig.capabilities].sort());
      await bench.run(bench.device.ping(calm()));
      await bench.finish();
    },
  },
  {
    id: "D02",
    promise: "something that answers in another language is device.wrong",
    needs: null,
    async run(subject) {
      const bench = new Bench(subject, foreignDevice(subject));
      expect(await bench.failure(bench.begin())).toMatchObject({ code: "device.wrong", effect: "none" });
      await bench.finish();
    },
  },
  {
    id: "D03",
    promise: "a silent device ends opening with device.silent, within the limit",
    needs: null,
    async run(subject) {
      const bench = new Bench(subject, { receive: () => undefined, onSend: () => () => undefined });
      expect(await bench.failure(bench.begin())).toMatchObject({ code: "device.silent", effect: "none" });
      expect(bench.line.carried.to_device).toBeGreaterThan(0);
      await bench.finish();
    },
  },
  {
    id: "D04",
    promise: "a device that falls silent ends a call with device.silent, within the limit",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      bench.line.cutAt({ side: "to_host", afterBytes: 0, how: "swallowed" });
      const error = await bench.failure(bench.device.ping(calm()));
      expect(error).toMatchObject({ code: "device.silent", effect: "none" });
      await bench.finish();
    },
  },
  {
    id: "D05",
    promise: "answers that come byte by byte change nothing",
    needs: null,
    async run(subject) {
      const bench = new Bench(subject);
      bench.line.faults.chunkBytes = 1;
      await bench.open();
      await everyReadBack(bench);
      await bench.finish();
    },
  },
  {
    id: "D06",
    promise: "noise before an answer, and a repeated earlier answer glued to one, change nothing",
    needs: null,
    async run(subject) {
      const bench = new Bench(subject);
      bench.line.faults.noise = Uint8Array.of(0x00, 0xff, 0x55, 0x7e, 0x10, 0xff, 0x00);
      bench.line.faults.repeatsPrevious = true;
      await bench.open();
      await everyReadBack(bench);
      await bench.finish();
    },
  },
  {
    id: "D07",
    promise: "a call that was cancelled before it began leaves the wire empty",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const before = bench.line.carried.to_device;
      for (const call of everyCall(bench, cancelled())) {
        expect(await bench.failure(call())).toMatchObject({ code: "call.cancelled", effect: "none" });
      }
      expect(bench.line.carried.to_device).toBe(before);
      await bench.finish();
    },
  },
  {
    id: "D08",
    promise: "a garbled answer ends in a DriverError or is asked for again, and the device still works",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const [afterChunks, count] of [
        [0, 1],
        [1, 1],
        [0, 2],
        [0, 3],
        [0, 100],
      ] as const) {
        bench.line.faults.garble = { afterChunks, count };
        await bench.outcome(bench.device.ping(calm()));
        bench.line.faults.garble = { afterChunks: 0, count: 0 };
        await bench.run(bench.device.ping(calm()));
      }
      await bench.finish();
    },
  },
  {
    id: "D09",
    promise:
      "closing ends the call on the wire with device.lost, may be repeated, and no call works after it",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      bench.line.faults.heldAfterChunks = 0;
      const asked = bench.device.ping(calm());
      asked.catch(() => undefined);
      // Time for a pause before the command, and too little for any answer to be overdue.
      await bench.clock.advance(20);
      await bench.run(bench.device.close());
      expect((await bench.failure(asked)).code).toBe("device.lost");
      bench.line.release();
      await bench.run(bench.device.close());
      await expectAllLost(bench);
      await bench.finish();
    },
  },
  {
    id: "D10",
    promise: "a line lost while nothing is asked ends the next call with device.lost",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      bench.line.unplug();
      await expectAllLost(bench);
      await bench.finish();
    },
  },
  {
    id: "D11",
    promise: "opening that is cancelled or loses its line at any byte leaves nothing behind",
    needs: null,
    async run(subject) {
      const early = new Bench(subject);
      expect((await early.failure(early.begin(cancelled().signal))).code).toBe("call.cancelled");
      await early.finish();
      for (const side of ["to_device", "to_host"] as const) {
        const isTorn = async (afterBytes: number): Promise<boolean> => {
          const bench = new Bench(subject);
          bench.line.cutAt({ side, afterBytes, how: "unplugged" });
          const outcome = await bench.outcome(bench.begin());
          if (outcome instanceof Error)
            expect(outcome).toMatchObject({ code: "device.lost", effect: "none" });
          else await bench.run(outcome.close());
          await bench.finish();
          return bench.line.isBroken;
        };
        let afterBytes = 1;
        while (await isTorn(afterBytes)) afterBytes += byteStep(subject);
        expect(afterBytes).toBeGreaterThan(1);
      }
    },
  },
  {
    id: "D12",
    promise: "closed and opened again on the same line it is the same device with the same units",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const looks = () => ({
        identity: bench.device.identity,
        units: bench.device.units.map((unit) => [unit.key, ...capabilitiesOf(unit)]),
      });
      const truth = looks();
      for (let round = 0; round < 3; round++) {
        await bench.reopen();
        expect(looks()).toEqual(truth);
      }
      await everyReadBack(bench);
      await bench.finish();
    },
  },
  {
    id: "D13",
    promise:
      "after an opening that failed or was cancelled at any place, the next one on the same line works",
    needs: null,
    async run(subject) {
      for (const side of SIDES) {
        let place = 1;
        while (await isOpenedAtLast(subject, (tap) => lose(tap, side, place, "from then on"))) place += 1;
        expect(place).toBeGreaterThan(1);
        for (place = 1; await isOpenedAfterCancel(subject, side, place);) place += 1;
        expect(place).toBeGreaterThan(1);
      }
    },
  },
  {
    id: "D14",
    promise: "a sign of life is cheap, changes nothing, and between calls the wire and the clock are still",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const { carried } = bench.line;
      for (let round = 0; round < 3; round++) {
        const before = { ...carried };
        await bench.run(bench.device.ping(calm()));
        expect(carried.to_device - before.to_device).toBeGreaterThan(0);
        expect(carried.to_device - before.to_device).toBeLessThanOrEqual(PING_BYTES_MAX);
        expect(carried.to_host - before.to_host).toBeLessThanOrEqual(PING_BYTES_MAX);
      }
      const before = { ...carried };
      await bench.clock.advance(3_600_000);
      expect(carried).toEqual(before);
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
  {
    id: "D15",
    promise: "two devices of one driver know nothing of each other",
    needs: null,
    async run(subject) {
      const [one, other] = [await new Bench(subject).open(), await new Bench(subject).open()];
      const pingedBytes = async (bench: Bench): Promise<number> => {
        const before = bench.line.carried.to_device;
        await bench.run(bench.device.ping(calm()));
        return bench.line.carried.to_device - before;
      };
      const undisturbed = await pingedBytes(other);
      // The rest of an answer of one is kept back while the other is asked, and the other way round.
      for (const [waiting, asked] of [
        [one, other],
        [other, one],
      ] as const) {
        const kept: Uint8Array[] = [];
        waiting.tap.bend("to_host", (chunk, number) => {
          // A USB HID report comes whole or not at all.
          const passed = number === 1 && waiting.line.packetBytes === 0 ? 3 : 0;
          kept.push(chunk.slice(passed));
          return [chunk.slice(0, passed)];
        });
        const before = waiting.line.carried.to_device;
        const ping = waiting.device.ping(calm());
        ping.catch(() => undefined);
        await waiting.clock.advance(0);
        expect(await pingedBytes(asked), "bytes of a ping beside a waiting device").toBe(undisturbed);
        waiting.tap.straighten();
        waiting.tap.say(Buffer.concat(kept));
        await waiting.run(ping);
        expect(waiting.line.carried.to_device - before, "bytes of the ping that waited").toBe(undisturbed);
      }
      await everyReadBack(one);
      one.line.unplug();
      expect((await one.failure(one.device.ping(calm()))).code).toBe("device.lost");
      await one.finish();
      await everyReadBack(other);
      await other.finish();
    },
  },
  {
    id: "D16",
    promise: "its configuration refuses a key that it does not know, and what is no configuration at all",
    needs: null,
    run({ driver, rig }) {
      expect(driver.config.safeParse(rig.config).success).toBe(true);
      for (const wrong of [{ ...rig.config, no_such_key: 1 }, null, [], "on", 7])
        expect({ wrong, isTaken: driver.config.safeParse(wrong).success }).toMatchObject({ isTaken: false });
      return Promise.resolve();
    },
  },
  {
    id: "D17",
    promise: "loading it starts nothing, and no call uses a timer but the clock it was given",
    needs: null,
    async run(subject, loadAnew) {
      vi.useFakeTimers({ toFake: ["setTimeout", "setInterval"] });
      const heard = () => process.eventNames().map((name) => [name, process.listenerCount(name)]);
      const before = heard();
      try {
        const driver = await loadAnew();
        expect(vi.getTimerCount(), "timers at loading").toBe(0);
        const bench = await new Bench({ ...subject, driver }).open();
        await bench.run(bench.device.ping(calm()));
        expect(vi.getTimerCount(), "timers besides the clock").toBe(0);
        expect(heard()).toEqual(before);
        await bench.finish();
      } finally {
        vi.useRealTimers();
      }
    },
  },
  {
    id: "D18",
    promise: "no key, PIN or card content is in any log line, error or cause, however a call fails",
    needs: null,
    async run(subject) {
      for (const scene of scenesOf(subject)) {
        for (const lay of FAILURES) {
          const bench = await new Bench(subject).open();
          const act = await scene.set(bench);
          lay(bench);
          await bench.outcome(act.begin(calm()));
          bench.tap.straighten();
          bench.expectNothingSecret();
          await bench.finish();
        }
      }
    },
  },
];

/** A USB adapter's packet: one frame each way, with room for an acknowledgement. */
const PING_BYTES_MAX = 64;

/** Silence, an unplugging, and answers in which one bit turned over. */
const FAILURES: readonly ((bench: Bench) => void)[] = [
  ({ tap }) => tap.bend("to_host", () => []),
  ({ line }) => line.cutAt({ side: "to_device", afterBytes: 3, how: "unplugged" }),
  ({ tap }) => tap.bend("to_host", (chunk) => [chunk.map((byte, index) => (index === 4 ? byte ^ 1 : byte))]),
];

/** False when the opening was over before it came to the trouble. */
async function isOpenedAtLast(subject: Subject, lay: (tap: Tap) => Trouble): Promise<boolean> {
  const bench = new Bench(subject);
  const trouble = lay(bench.tap);
  const outcome = await bench.outcome(bench.begin());
  if (outcome instanceof Error) expect(outcome).toHaveProperty("effect", "none");
  else await bench.run(outcome.close());
  expect(await bench.listenerCount(), "listeners left by the opening that failed").toBe(0);
  bench.tap.straighten();
  await expectOpens(bench);
  return trouble.isReached;
}

async function isOpenedAfterCancel(subject: Subject, side: Side, place: number): Promise<boolean> {
  const bench = new Bench(subject);
  const operator = new AbortController();
  const paused = pause(bench.tap, side, place);
  const opening = bench.begin(operator.signal);
  opening.catch(() => undefined);
  await bench.run(Promise.race([opening.catch(() => undefined), paused.arrived]));
  operator.abort(new Error("the gateway stops"));
  const outcome = await bench.outcome(opening);
  if (paused.isReached) expect(outcome).toMatchObject({ code: "call.cancelled", effect: "none" });
  if (!(outcome instanceof Error)) await bench.run(outcome.close());
  expectNobodyListensTo(operator);
  // What was still on its way meets the next opening.
  paused.goOn();
  await expectOpens(bench);
  return paused.isReached;
}

async function expectOpens(bench: Bench): Promise<void> {
  await bench.open();
  await bench.run(bench.device.ping(calm()));
  await bench.finish();
}

async function expectAllLost(bench: Bench): Promise<void> {
  const before = bench.line.carried.to_device;
  for (const call of everyCall(bench, calm())) {
    expect(await bench.failure(call())).toMatchObject({ code: "device.lost", effect: "none" });
  }
  expect(bench.line.carried.to_device).toBe(before);
}

/** A modem, say, that has fallen onto this line; on USB HID, something whose reports say the same. */
function foreignDevice({ driver }: Subject): LineDevice {
  const reportBytes = driver.transport === "hid" ? (driver.hid?.featureBytes ?? driver.hid?.reportBytes) : 0;
  const listeners = new Set<(bytes: Uint8Array) => void>();
  return {
    receive() {
      const said = Buffer.from("\r\nERROR\r\n".padEnd(reportBytes ?? 0, "\r\n"));
      for (const listener of [...listeners]) listener(said.subarray(0, reportBytes || said.length));
    },
    onSend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
