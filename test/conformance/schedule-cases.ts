import { expect } from "vitest";
import {
  type CodeSchedule,
  type CodeWindow,
  DriverError,
  type LockEvent,
  type OnDeviceKeypad,
} from "#driver-api";
import { Bench, calm, type Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { byteStep } from "#test/conformance/ports";
import { pinFor } from "#test/conformance/steps";
import type { Cut } from "#test/support/memory-line";

const needs = "keypadLock:schedule";
const HOUR = 3_600_000;

type Scheduler = OnDeviceKeypad & { readonly schedule: CodeSchedule };

/** What holds for every lock that keeps the windows of its codes itself, and for what else a lock may offer. */
export const scheduleCases: readonly Case[] = [
  {
    id: "K09",
    promise: "a code with a window opens within it and at no other time, by the clock that was set",
    needs,
    async run(subject) {
      const { bench, lock, windowIn } = await openScheduler(subject);
      const heard: LockEvent[] = [];
      lock.onEvent((event) => heard.push(event));
      const use = async () => {
        heard.length = 0;
        bench.hand("useCode")(pinFor(lock).reveal());
        await bench.clock.advance(1_000);
        return heard.map(({ type }) => type);
      };
      await bench.run(lock.schedule.write(1, pinFor(lock), windowIn(HOUR, 2 * HOUR), calm()));
      expect(await use()).toEqual(["denied"]);
      await bench.clock.advance(HOUR);
      expect(await use()).toEqual(["unlocked"]);
      await bench.clock.advance(HOUR);
      expect(await use()).toEqual(["denied"]);
      await bench.finish();
    },
  },
  {
    id: "K10",
    promise: "a window reads back as it was written, and a newer one takes its place; each slot by itself",
    needs,
    async run(subject) {
      const { bench, lock, windowIn } = await openScheduler(subject);
      const windows = [windowIn(HOUR, 2 * HOUR), windowIn(-HOUR, 30 * 24 * HOUR)];
      for (const window of windows) {
        await bench.run(lock.schedule.write(1, pinFor(lock), window, calm()));
        expect(await bench.run(lock.readSlot(1, calm()))).not.toEqual({ is: "empty" });
        await expectWindow(bench, lock, 1, window);
      }
      await bench.run(lock.schedule.write(2, otherPin(lock), windowIn(0, HOUR), calm()));
      await expectWindow(bench, lock, 1, windows[1] ?? null);
      await bench.finish();
    },
  },
  {
    id: "K11",
    promise: "a code that is written without a window opens always, whatever window its slot had",
    needs,
    async run(subject) {
      const { bench, lock, windowIn } = await openScheduler(subject);
      for (const between of [[], [() => lock.clearSlot(1, calm())]] as const) {
        await bench.run(lock.schedule.write(1, pinFor(lock), windowIn(HOUR, 2 * HOUR), calm()));
        for (const call of between) await bench.run(call());
        await bench.run(lock.writeSlot(1, pinFor(lock), calm()));
        await expectWindow(bench, lock, 1, null);
      }
      await bench.finish();
    },
  },
  {
    id: "K12",
    promise:
      "line lost at any byte of a code with a window: effect never understated, never a code without it",
    needs,
    async run(subject) {
      for (const side of ["to_device", "to_host"] as const) {
        let afterBytes = 1;
        while (await isCut(subject, { side, afterBytes, how: "swallowed" })) afterBytes += byteStep(subject);
        expect(afterBytes).toBeGreaterThan(3);
      }
    },
  },
  {
    id: "K13",
    promise: "a window that the lock does not take is device.refused, and leaves no code in the slot",
    needs,
    async run(subject) {
      const { bench, lock, windowIn } = await openScheduler(subject);
      bench.hand("refuseWindows")(true);
      const refused = lock.schedule.write(1, pinFor(lock), windowIn(HOUR, 2 * HOUR), calm());
      expect(await bench.failure(refused)).toMatchObject({ code: "device.refused", effect: "none" });
      expect(await bench.run(lock.readSlot(1, calm()))).toEqual({ is: "empty" });
      bench.hand("refuseWindows")(false);
      await bench.run(lock.schedule.write(1, pinFor(lock), windowIn(HOUR, 2 * HOUR), calm()));
      for (const slot of [0, lock.slots + 1]) {
        const nowhere = lock.schedule.write(slot, otherPin(lock), windowIn(0, HOUR), calm());
        expect(await bench.failure(nowhere)).toMatchObject({ code: "device.refused", effect: "none" });
      }
      await bench.finish();
    },
  },
  {
    id: "K14",
    promise: "the checksum changes with every change of a slot, and with nothing else",
    needs: "keypadLock:checksum",
    async run(subject) {
      const bench = await new Bench(subject).open();
      const lock = bench.locks().find((known) => known.checksum !== undefined);
      if (lock?.checksum === undefined) throw new Error("no lock gives out a checksum");
      const sum = async () => bench.run((lock.checksum ?? (() => Promise.reject(new Error())))(calm()));
      const [empty, again] = [await sum(), await sum()];
      expect(again).toBe(empty);
      await bench.run(lock.writeSlot(1, pinFor(lock), calm()));
      const one = await sum();
      await bench.run(lock.readSlot(1, calm()));
      await bench.run(lock.lock(calm()));
      expect(await sum()).toBe(one);
      await bench.run(lock.writeSlot(1, otherPin(lock), calm()));
      const other = await sum();
      await bench.run(lock.clearSlot(1, calm()));
      expect(await sum()).toBe(empty);
      expect(new Set([empty, one, other]).size).toBe(3);
      await bench.finish();
    },
  },
  {
    id: "K15",
    promise: "a lock that is asked how it stands says what it was told to do last",
    needs: "keypadLock:readState",
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const lock of bench.locks()) {
        if (lock.readState === undefined) continue;
        for (const turn of ["lock", "unlock"] as const) {
          await bench.run(lock[turn](calm()));
          const { changes } = bench.world;
          const state = await bench.run(lock.readState(calm()));
          expect(state.isLocked).toBe(turn === "lock");
          expect(state.battery ?? 1).toBeLessThanOrEqual(1);
          expect(bench.world.changes).toBe(changes);
        }
      }
      await bench.finish();
    },
  },
];

/** A lock that keeps windows, with its clock set; windows are told from the present minute on. */
async function openScheduler(subject: Subject) {
  const bench = await new Bench(subject).open();
  const lock = bench.locks().find((known): known is Scheduler => known.schedule !== undefined);
  if (lock === undefined) throw new Error("no lock keeps windows");
  await bench.run(lock.schedule.setClock({ now: bench.clock.now(), timeZone: "Europe/Lisbon" }, calm()));
  const minute = Math.floor(bench.clock.now() / 60_000) * 60_000;
  const windowIn = (startsIn: number, endsIn: number): CodeWindow => ({
    startsAt: minute + startsIn,
    endsAt: minute + endsIn,
  });
  return { bench, lock, windowIn };
}

/** As long as `pinFor`, and another one. */
function otherPin(lock: OnDeviceKeypad) {
  return pinFor(lock).map((pin) => (pin.startsWith("1") ? "2" : "1") + pin.slice(1));
}

/** What a lock does not show cannot be compared. */
async function expectWindow(
  bench: Bench,
  lock: Scheduler,
  slot: number,
  window: CodeWindow | null,
): Promise<void> {
  const read = lock.schedule.readWindow?.(slot, calm());
  if (read !== undefined) expect(await bench.run(read)).toEqual(window);
}

/** False once the call was through before the cut. */
async function isCut(subject: Subject, cut: Cut): Promise<boolean> {
  const { bench, lock, windowIn } = await openScheduler(subject);
  const before = bench.world.changes;
  bench.line.cutAt(cut);
  const outcome = await bench.outcome(lock.schedule.write(1, pinFor(lock), windowIn(HOUR, 2 * HOUR), calm()));
  if (!(outcome instanceof DriverError)) expect(bench.world.changes).toBeGreaterThan(before);
  else if (bench.world.changes > before) expect(outcome.effect).toBe("unknown");
  await bench.finish();
  return bench.line.isBroken;
}
