import { expect } from "vitest";
import { Bench, calm, cancelled } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { capabilitiesOf } from "#test/conformance/rig";
import { everyCall, everyReadBack } from "#test/conformance/steps";
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
      const bench = new Bench(subject, foreignDevice());
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
      const asked = bench.failure(bench.device.ping(calm()));
      await bench.clock.advance(0);
      await bench.run(bench.device.close());
      expect((await asked).code).toBe("device.lost");
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
        while (await isTorn(afterBytes)) afterBytes += 1;
        expect(afterBytes).toBeGreaterThan(1);
      }
    },
  },
];

async function expectAllLost(bench: Bench): Promise<void> {
  const before = bench.line.carried.to_device;
  for (const call of everyCall(bench, calm())) {
    expect(await bench.failure(call())).toMatchObject({ code: "device.lost", effect: "none" });
  }
  expect(bench.line.carried.to_device).toBe(before);
}

/** A modem, say, that has fallen onto this line. */
function foreignDevice(): LineDevice {
  const listeners = new Set<(bytes: Uint8Array) => void>();
  return {
    receive() {
      for (const listener of [...listeners]) listener(Buffer.from("\r\nERROR\r\n"));
    },
    onSend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
