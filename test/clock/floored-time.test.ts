import fc from "fast-check";
import { expect, test } from "vitest";
import { type AskSync, FlooredTime, watchClockSync } from "#src/ops/time-source";
import { floorStore, MoodySync } from "#test/clock/moody-sync";
import { VirtualClock } from "#test/support/virtual-clock";

const NOW = Date.parse("2026-11-22T14:00:00Z");
const YEARS_10 = Date.parse("2036-11-22T14:00:00Z") - NOW;
const MINUTE = 60_000;
const DAY = 86_400_000;

function rig({ at = NOW, floor = null as number | null, isSynchronised = false } = {}) {
  const clock = new VirtualClock(at);
  const sync = new MoodySync(isSynchronised);
  const store = floorStore(floor);
  const time = new FlooredTime(clock, store, sync);
  return { clock, sync, store, time };
}

test("a clock that the system vouches for is trusted, and is the floor", () => {
  const { time } = rig({ isSynchronised: true });
  expect(time.read()).toEqual({ now: NOW, quality: "trusted", certain: NOW });
});

test.each([0, Date.parse("2099-01-01T00:00:00Z")])(
  "without a floor a clock that says %i proves nothing",
  (at) => {
    const { time } = rig({ at });
    expect(time.read()).toEqual({ now: at, quality: "unknown", certain: 0 });
  },
);

test("a clock that a person confirmed is an estimate until it jumps, and no floor", () => {
  const { clock, time, store } = rig();
  time.confirm();
  expect(time.read()).toEqual({ now: NOW, quality: "estimated", certain: 0 });
  time.persist();
  expect(store.written).toEqual([]);
  clock.jumpTo(NOW + YEARS_10);
  expect(time.read().quality).toBe("unknown");
});

test("a start in 1970 reads the floor, and the floor goes on with the monotonic clock", async () => {
  const { clock, time } = rig({ at: 0, floor: NOW });
  await clock.advance(MINUTE);
  expect(time.read()).toEqual({ now: NOW + MINUTE, quality: "estimated", certain: NOW + MINUTE });
});

test("time is whole milliseconds, though the real monotonic clock counts parts of one", async () => {
  const { clock, time, store } = rig({ at: 0, floor: NOW });
  await clock.advance(1_000.7);
  expect(time.read()).toEqual({ now: NOW + 1_000, quality: "estimated", certain: NOW + 1_000 });
  time.learn(NOW + DAY + 0.5);
  await clock.advance(0.4);
  expect(time.read()).toEqual({ now: NOW + DAY, quality: "trusted", certain: NOW + DAY });
  time.persist();
  expect(store.written.every(Number.isInteger)).toBe(true);
});

test("a start in 2099 is written down as said, and makes nothing certain", async () => {
  const wrong = Date.parse("2099-01-01T00:00:00Z");
  const { clock, time, store } = rig({ at: wrong, floor: NOW });
  await clock.advance(5 * MINUTE);
  time.tick();
  expect(time.read()).toMatchObject({ quality: "estimated", certain: NOW + 5 * MINUTE });
  expect(Math.max(...store.written.map(Number))).toBeLessThan(NOW + DAY);
});

test.each([YEARS_10, -YEARS_10])("a jump of %i ms takes the system's word back at once", async (by) => {
  const { clock, sync, time } = rig({ isSynchronised: true });
  time.read();
  await clock.advance(MINUTE);
  clock.jumpTo(clock.now() + by);
  expect(time.read()).toEqual({ now: NOW + MINUTE, quality: "estimated", certain: NOW + MINUTE });
  expect(sync.rechecks).toBe(1);
  expect(time.tick()).toBe(by);
  expect(time.tick()).toBeNull();
});

test("a jump that the system vouches for afterwards is the truth", async () => {
  const { clock, sync, time } = rig({ at: 0 });
  time.read();
  await clock.advance(1_000);
  clock.jumpTo(NOW);
  expect(time.read()).toMatchObject({ now: NOW, quality: "unknown", certain: 0 });
  sync.isYes = true;
  expect(time.read()).toEqual({ now: NOW, quality: "trusted", certain: NOW });
});

test("a step of less than a minute is an ordinary correction", async () => {
  const { clock, sync, time } = rig({ isSynchronised: true });
  time.read();
  await clock.advance(MINUTE);
  clock.jumpTo(clock.now() - 30_000);
  expect(time.read().now).toBe(NOW + 30_000);
  expect([sync.rechecks, time.tick()]).toEqual([0, null]);
});

test("trusted time never reads below the floor, and says by how much it would", async () => {
  const { clock, time } = rig({ floor: NOW + YEARS_10, isSynchronised: true });
  expect(time.read()).toEqual({ now: NOW + YEARS_10, quality: "trusted", certain: NOW + YEARS_10 });
  await clock.advance(DAY);
  expect(time.read().now).toBe(NOW + YEARS_10);
  expect(time.floorAheadMs()).toBe(YEARS_10 - DAY);
});

test("a reset forgets the floor, on disk too; trusted time makes a new one", () => {
  const { sync, store, time } = rig({ floor: NOW + YEARS_10 });
  time.resetFloor();
  expect(store.read()).toBeNull();
  expect(time.read()).toEqual({ now: NOW, quality: "unknown", certain: 0 });
  sync.isYes = true;
  expect(time.read()).toEqual({ now: NOW, quality: "trusted", certain: NOW });
  time.tick();
  expect(store.read()).toBe(NOW);
});

test("the cloud's time is trusted for a day, then only carried on", async () => {
  const { clock, time } = rig({ at: 0 });
  time.learn(NOW);
  expect(time.read()).toEqual({ now: NOW, quality: "trusted", certain: NOW });
  clock.jumpTo(NOW + YEARS_10);
  await clock.advance(DAY - 1);
  expect(time.read()).toMatchObject({ now: NOW + DAY - 1, quality: "trusted" });
  await clock.advance(1);
  expect(time.read()).toEqual({ now: NOW + DAY, quality: "estimated", certain: NOW + DAY });
});

test("a cloud that is behind the floor does not take time back; one that disagrees with the system is not asked", () => {
  const behind = rig({ at: 0, floor: NOW });
  behind.time.learn(NOW - DAY);
  expect(behind.time.read()).toEqual({ now: NOW, quality: "trusted", certain: NOW });
  const wrong = rig({ isSynchronised: true });
  wrong.time.learn(NOW + YEARS_10);
  expect(wrong.time.read().certain).toBe(NOW);
});

test("the floor is written once a minute, at the stop, and never by a mere reading", async () => {
  const { clock, store, time } = rig({ isSynchronised: true });
  for (let second = 0; second < 300; second += 5) {
    await clock.advance(5_000);
    time.read();
    expect(store.written.length).toBeLessThanOrEqual(Math.floor(second / 60) + 1);
    time.tick();
  }
  expect(store.written.length).toBe(5);
  await clock.advance(5_000);
  time.persist();
  expect(store.read()).toBe(clock.now());
});

test("an offline gateway without a clock of its own does not forget the time that it ran", async () => {
  const { clock, store, time } = rig({ at: 0, floor: NOW });
  for (let hour = 0; hour < 48; hour++) {
    await clock.advance(60 * MINUTE);
    time.tick();
  }
  const next = new FlooredTime(new VirtualClock(0), store, new MoodySync());
  expect(next.read().certain).toBe(NOW + 2 * DAY);
});

test("certain never falls and never passes the true time, whatever the wall clock does", async () => {
  const act = fc.oneof(
    fc.record({ do: fc.constant("pass"), ms: fc.integer({ min: 0, max: 30 * DAY }) }),
    fc.record({ do: fc.constant("jump"), ms: fc.integer({ min: -2 * YEARS_10, max: 2 * YEARS_10 }) }),
    // Systems vouch only for a clock that is right.
    fc.record({ do: fc.constant("correct"), ms: fc.constant(0) }),
    fc.record({ do: fc.constant("welcome"), ms: fc.constant(0) }),
    fc.record({ do: fc.constant("restart"), ms: fc.integer({ min: 0, max: 30 * DAY }) }),
    fc.record({ do: fc.constant("tick"), ms: fc.constant(0) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
      let { clock, sync, time } = rig({ at: 0 });
      const store = floorStore();
      time = new FlooredTime(clock, store, sync);
      let truth = NOW;
      let certain = 0;
      for (const { do: what, ms } of acts) {
        switch (what) {
          case "pass":
            await clock.advance(ms);
            truth += ms;
            break;
          case "jump":
            clock.jumpTo(clock.now() + ms);
            // A small step keeps the system's word, as a slow correction does: here the system takes it back.
            if (Math.abs(ms) <= MINUTE) sync.isYes = false;
            break;
          case "correct":
            clock.jumpTo(truth);
            time.read();
            sync.isYes = true;
            break;
          case "welcome":
            time.learn(truth);
            break;
          case "restart":
            time.persist();
            truth += ms;
            clock = new VirtualClock(clock.now());
            sync = new MoodySync();
            time = new FlooredTime(clock, store, sync);
            break;
          case "tick":
            time.tick();
            break;
        }
        const reading = time.read();
        expect(reading.certain).toBeLessThanOrEqual(truth);
        expect(reading.certain).toBeGreaterThanOrEqual(certain);
        if (reading.quality !== "unknown") expect(reading.now).toBeGreaterThanOrEqual(reading.certain);
        if (reading.quality === "trusted") expect(reading.now).toBe(truth);
        certain = reading.certain;
      }
    }),
    { numRuns: 200 },
  );
});

test("the system is asked at the start, every ten minutes, and anew after a jump", async () => {
  const clock = new VirtualClock();
  const open: ((isSynchronised: boolean) => void)[] = [];
  const ask: AskSync = (answer) => void open.push(answer);
  const sync = watchClockSync(clock, ask);
  expect(sync.isSynchronised()).toBe(false);
  open[0]?.(true);
  expect(sync.isSynchronised()).toBe(true);
  await clock.advance(10 * MINUTE);
  expect(open.length).toBe(2);
  sync.recheck();
  // What was asked before the jump is answered after it: it says nothing of the clock as it is now.
  open[1]?.(true);
  expect(sync.isSynchronised()).toBe(false);
  open[2]?.(true);
  expect(sync.isSynchronised()).toBe(true);
  sync.stop();
  open[2]?.(false);
  expect([sync.isSynchronised(), clock.pending]).toEqual([true, 0]);
});
