import { expect } from "vitest";
import { type Call, DriverError, type LockEvent, type OnDeviceKeypad } from "#driver-api";
import { Secret } from "#src/lib/secret";
import { Bench, calm, type Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { byteStep } from "#test/conformance/ports";
import { CANARY } from "#test/conformance/plans";
import { pinFor, slotReadBack } from "#test/conformance/steps";
import { flip } from "#test/conformance/tap";
import type { Cut } from "#test/support/memory-line";

const needs = "keypadLock:on_device";

/** What holds for every lock that holds its codes itself. */
export const lockCases: readonly Case[] = [
  {
    id: "K01",
    promise: "a slot holds the code that was written, and nothing once it is cleared",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const lock of bench.locks()) await slotReadBack(bench, lock);
      await bench.finish();
    },
  },
  {
    id: "K02",
    promise: "line lost at any byte of a slot's write or clearing: a DriverError, effect never understated",
    needs,
    async run(subject) {
      for (const call of [writeSecond, clearFirst]) {
        for (const how of ["unplugged", "swallowed"] as const) {
          for (const side of ["to_device", "to_host"] as const) {
            let afterBytes = 1;
            while (await isCut(subject, call, { side, afterBytes, how })) afterBytes += byteStep(subject);
            expect(afterBytes).toBeGreaterThan(3);
          }
        }
      }
    },
  },
  {
    id: "K03",
    promise: "a slot or code that the lock does not take is device.refused, and changes nothing",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const lock of bench.locks()) {
        const tooLong = pinFor(lock).map((pin) => pin.repeat(4));
        for (const call of [
          () => lock.writeSlot(0, pinFor(lock), calm()),
          () => lock.writeSlot(lock.slots + 1, pinFor(lock), calm()),
          () => lock.writeSlot(1, tooLong, calm()),
          () => lock.writeSlot(1, new Secret(""), calm()),
          () => lock.writeSlot(1.5, pinFor(lock), calm()),
          () => lock.readSlot(lock.slots + 1, calm()),
          () => lock.readSlot(-1, calm()),
          () => lock.clearSlot(lock.slots + 1, calm()),
          () => lock.clearSlot(Number.NaN, calm()),
        ]) {
          expect(await bench.failure(call())).toMatchObject({ code: "device.refused", effect: "none" });
        }
      }
      expect(bench.world.changes).toBe(0);
      await bench.finish();
    },
  },
  {
    id: "K04",
    promise: "the first and the last slot, the shortest and the longest code; each slot by itself",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const lock of bench.locks()) {
        const shortest = codeOf(Math.min(...lock.codeLengths), "1");
        const longest = codeOf(Math.max(...lock.codeLengths), "2");
        await bench.run(lock.writeSlot(1, shortest, calm()));
        await bench.run(lock.writeSlot(lock.slots, longest, calm()));
        await expectHeld(bench, lock, 1, shortest);
        await expectHeld(bench, lock, lock.slots, longest);
        await bench.run(lock.clearSlot(1, calm()));
        expect((await bench.run(lock.readSlot(1, calm()))).is).toBe("empty");
        await expectHeld(bench, lock, lock.slots, longest);
      }
      await bench.finish();
    },
  },
  {
    id: "K05",
    promise: "a slot that is written again holds the newer code, and clearing an empty one does no harm",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const lock of bench.locks()) {
        const length = Math.min(...lock.codeLengths);
        for (const digit of ["1", "2"]) {
          await bench.run(lock.writeSlot(1, codeOf(length, digit), calm()));
          await expectHeld(bench, lock, 1, codeOf(length, digit));
        }
        for (let round = 0; round < 2; round++) {
          await bench.run(lock.clearSlot(1, calm()));
          expect((await bench.run(lock.readSlot(1, calm()))).is).toBe("empty");
        }
      }
      await bench.finish();
    },
  },
  {
    id: "K06",
    promise: "locking and unlocking are done, and an answer that is lost leaves them in doubt",
    needs,
    async run(subject) {
      for (const turn of ["lock", "unlock"] as const) {
        const bench = await new Bench(subject).open();
        await bench.run(bench.lock()[turn](calm()));
        expect(bench.world.changes).toBe(1);
        bench.tap.bend("to_host", () => []);
        const error = await bench.failure(bench.lock()[turn](calm()));
        expect(error).toMatchObject({ code: "device.silent", effect: "unknown" });
        await bench.finish();
      }
    },
  },
  {
    id: "K07",
    promise: "what happens at a lock while it is asked something is told once, and does not disturb the call",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const lock = bench.lock();
      const { heard, stop } = listenTo(lock);
      await bench.run(lock.writeSlot(1, pinFor(lock), calm()));
      bench.tap.isGluing = true;
      bench.tap.bend("to_device", (request, number) => {
        if (number === 1) bench.hand("useCode")(pinFor(lock).reveal());
        return [request];
      });
      expect((await bench.run(lock.readSlot(1, calm()))).is).not.toBe("empty");
      await bench.clock.advance(1_000);
      expect(heard).toEqual([{ type: "unlocked", method: "keycode", slot: 1 }]);
      stop();
      bench.hand("useCode")(pinFor(lock).reveal());
      await bench.clock.advance(1_000);
      expect(heard).toHaveLength(1);
      await bench.finish();
    },
  },
  {
    id: "K08",
    promise: "a bit that turns over in any byte of a lock's event makes no other event of it",
    needs,
    async run(subject) {
      const bench = await new Bench(subject).open();
      const pin = pinFor(bench.lock());
      await bench.run(bench.lock().writeSlot(1, pin, calm()));
      const isFlipped = async (place: number): Promise<boolean> => {
        const { heard } = listenTo(bench.lock());
        const trouble = flip(bench.tap, "to_host", place);
        bench.hand("useCode")(pin.reveal());
        await bench.clock.advance(1_000);
        bench.tap.straighten();
        for (const event of heard) expect(event).toEqual({ type: "unlocked", method: "keycode", slot: 1 });
        await bench.reopen();
        return trouble.isReached;
      };
      let place = 1;
      while (await isFlipped(place)) place += 1;
      expect(place).toBeGreaterThan(3);
      await bench.finish();
    },
  },
];

function codeOf(length: number, digit: string): Secret<string> {
  return new Secret((CANARY.pin.slice(0, Math.max(1, length - 1)) + digit.repeat(length)).slice(0, length));
}

async function expectHeld(
  bench: Bench,
  lock: OnDeviceKeypad,
  slot: number,
  code: Secret<string>,
): Promise<void> {
  const held = await bench.run(lock.readSlot(slot, calm()));
  expect(held.is).not.toBe("empty");
  if (held.is === "code") expect(held.code.reveal()).toBe(code.reveal());
}

function listenTo(lock: OnDeviceKeypad): { readonly heard: readonly LockEvent[]; readonly stop: () => void } {
  const heard: LockEvent[] = [];
  return { heard, stop: lock.onEvent((event) => heard.push(event)) };
}

type SlotCall = (lock: OnDeviceKeypad, call: Call) => Promise<unknown>;
const writeSecond: SlotCall = (lock, call) => lock.writeSlot(2, codeOf(lock.codeLengths[0] ?? 4, "1"), call);
const clearFirst: SlotCall = (lock, call) => lock.clearSlot(1, call);

/** False once the call was through before the cut. */
async function isCut(subject: Subject, begin: SlotCall, cut: Cut): Promise<boolean> {
  const bench = await new Bench(subject).open();
  const lock = bench.lock();
  await bench.run(lock.writeSlot(1, pinFor(lock), calm()));
  const before = bench.world.changes;
  bench.line.cutAt(cut);
  const outcome = await bench.outcome(begin(lock, calm()));
  if (!(outcome instanceof DriverError)) expect(bench.world.changes).toBeGreaterThan(before);
  else if (bench.world.changes > before) expect(outcome.effect).toBe("unknown");
  await bench.finish();
  return bench.line.isBroken;
}
