import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "vitest";
import { DRIVER_ERRORS, DriverError, type DriverErrorCode } from "#driver-api";
import { Bench, calm, expectNobodyListensTo, type Subject } from "#test/conformance/bench";
import type { Case } from "#test/conformance/case";
import { byteStep } from "#test/conformance/ports";
import { type Act, type Scene, scenesOf } from "#test/conformance/scenes";
import { delay, flip, justBefore, lose, pause, type Side, SIDES, type Trouble } from "#test/conformance/tap";

/** Every call of the device, with a trouble at every place of its conversation. */
export const troubleCases: readonly Case[] = [
  everywhere("T01", "the line is unplugged at any place of any call: device.lost", {
    lay: SIDES.map((side) => (bench, place) => justBefore(bench.tap, side, place, () => bench.line.unplug())),
    allowed: ["device.lost"],
  }),
  everywhere(
    "T02",
    "the device hears nothing from any place of any call on: device.silent, within the limit",
    {
      lay: [(bench, place) => lose(bench.tap, "to_device", place, "from then on")],
      allowed: ["device.silent"],
    },
  ),
  everywhere("T03", "a request is lost at any place of any call: done all the same, or a DriverError", {
    lay: [(bench, place) => lose(bench.tap, "to_device", place, "once")],
  }),
  everywhere("T04", "an answer is lost at any place of any call: done all the same, or a DriverError", {
    lay: [(bench, place) => lose(bench.tap, "to_host", place, "once")],
  }),
  everywhere("T05", "an answer comes late at any place of any call: it is not taken for another one's", {
    lay: [1, 2].map((by) => (bench, place) => delay(bench.tap, "to_host", place, by)),
  }),
  everywhere("T06", "a bit turns over in any byte to the host: no wrong content, no wrong success", {
    lay: [(bench, place) => flip(bench.tap, "to_host", place)],
    isForEachByte: true,
  }),
  everywhere("T07", "a bit turns over in any byte to the device: no wrong success", {
    lay: [(bench, place) => flip(bench.tap, "to_device", place)],
    isForEachByte: true,
  }),
  {
    id: "T08",
    promise: "a call cancelled at any place settles with call.cancelled, and the next call works",
    needs: null,
    async run(subject) {
      for (const scene of scenesOf(subject)) {
        for (const side of SIDES) {
          let place = 1;
          while (await isCancelled(subject, scene, side, place)) place += 1;
        }
      }
    },
  },
  {
    id: "T09",
    promise: "closing at any place of any call ends it with device.lost",
    needs: null,
    async run(subject) {
      for (const scene of scenesOf(subject)) {
        for (const side of SIDES) {
          let place = 1;
          while (await isClosed(subject, scene, side, place)) place += 1;
        }
      }
    },
  },
  {
    id: "T10",
    promise: "answers that come twice change nothing",
    needs: null,
    async run(subject) {
      await everySceneWith(subject, ({ tap }) => tap.bend("to_host", (chunk) => [chunk, chunk]));
    },
  },
  {
    id: "T11",
    promise: "answers that come glued in one piece change nothing",
    needs: null,
    async run(subject) {
      const sent = await everySceneWith(subject, ({ tap }) => (tap.isGluing = true));
      expect(sent, "bytes sent").toBe(await everySceneWith(subject, () => undefined));
    },
  },
  {
    id: "T12",
    promise: "noise around every answer never becomes content, and does no harm once it is over",
    needs: null,
    async run(subject) {
      for (const noise of NOISES) {
        for (const scene of scenesOf(subject)) {
          await played(subject, scene, ({ tap }) => {
            const trouble = { isReached: false };
            tap.bend("to_host", (chunk) => {
              trouble.isReached = true;
              return [Buffer.concat([noise, chunk, noise])];
            });
            return trouble;
          });
        }
      }
    },
  },
  {
    id: "T13",
    promise: "a call that has ended leaves no listener on its signal and no timer",
    needs: null,
    async run(subject) {
      const bench = await new Bench(subject).open();
      for (const scene of scenesOf(subject)) {
        const act = await scene.set(bench);
        const before = bench.clock.pending;
        const call = calm();
        await bench.run(act.begin(call));
        expectNobodyListensTo(call);
        expect(bench.clock.pending, `timers left by ${scene.name}`).toBe(before);
      }
      await bench.finish();
    },
  },
  {
    id: "T14",
    promise: "garbage without end is not kept: memory stays bounded, and opening anew works",
    needs: null,
    run: flooded,
  },
  {
    id: "T15",
    promise: "a busy device is device.busy, effect none, and does the call when asked again",
    needs: null,
    async run(subject) {
      for (const scene of scenesOf(subject)) {
        const bench = await new Bench(subject).open();
        const act = await scene.set(bench);
        const before = bench.world.changes;
        bench.hand("beBusy")(1);
        const outcome = await bench.outcome(act.begin(calm()));
        if (outcome instanceof DriverError) {
          expect(outcome).toMatchObject({ code: "device.busy", effect: "none" });
          expect(bench.world.changes).toBe(before);
          const done = await bench.run(act.begin(calm()));
          await act.check?.(done);
        } else expect(scene.neverRejects, `${scene.name} of a busy device was done`).toBe(true);
        await bench.finish();
      }
    },
  },
];

/** Plays every scene from the opening on with something on the line that must change nothing; tells the bytes sent. */
async function everySceneWith(subject: Subject, lay: (bench: Bench) => void): Promise<number> {
  const bench = new Bench(subject);
  lay(bench);
  await bench.open();
  for (const scene of scenesOf(subject)) {
    const act = await scene.set(bench);
    const done = await bench.run(act.begin(calm()));
    await act.check?.(done);
  }
  await bench.finish();
  return bench.line.carried.to_device;
}

/** Some look like the beginning of a frame, some like nothing, some like very much. */
const NOISES = [
  Uint8Array.of(0x00),
  Uint8Array.of(0xff, 0xff, 0xff),
  Uint8Array.of(0x00, 0x00, 0xff),
  Uint8Array.of(0x7e, 0xf0),
  Uint8Array.of(0x02, 0x10, 0x03, 0x15, 0x1a, 0xc0),
  Uint8Array.from({ length: 64 }, (_, index) => (index * 167 + 13) % 256),
];

type Lay = (bench: Bench, place: number) => Trouble;

interface Everywhere {
  readonly lay: readonly Lay[];
  /** Codes that the call may fail with; left out: any. */
  readonly allowed?: readonly DriverErrorCode[];
  /** The places are bytes; left out: chunks. */
  readonly isForEachByte?: true;
}

function everywhere(id: string, promise: string, { lay, allowed, isForEachByte }: Everywhere): Case {
  return {
    id,
    promise,
    needs: null,
    async run(subject) {
      const step = isForEachByte === true ? byteStep(subject) : 1;
      for (const scene of scenesOf(subject)) {
        for (const at of lay) {
          let place = 1;
          while (await played(subject, scene, (bench) => at(bench, place), allowed)) place += step;
          if (scene.name === "ping") expect(place).toBeGreaterThan(1);
        }
      }
    },
  };
}

/** Plays the scene once with the trouble. False when it was over before it came to the trouble. */
async function played(
  subject: Subject,
  scene: Scene,
  lay: (bench: Bench) => Trouble,
  allowed?: readonly DriverErrorCode[],
): Promise<boolean> {
  const bench = await new Bench(subject).open();
  const act = await scene.set(bench);
  const before = bench.world.changes;
  const trouble = lay(bench);
  const call = calm();
  const outcome = await bench.outcome(act.begin(call));
  expectNobodyListensTo(call);
  bench.tap.straighten();
  expectHonest(bench, scene, outcome, before);
  if (outcome instanceof DriverError && allowed !== undefined) expect(allowed).toContain(outcome.code);
  if (bench.line.isOpen) await expectWorking(bench, act, outcome);
  await bench.finish();
  return trouble.isReached;
}

/** Whatever changed, an error must not say that nothing did; and it must say so where nothing can have changed. */
function expectHonest(bench: Bench, scene: Scene, outcome: unknown, changesBefore: number): void {
  if (!(outcome instanceof DriverError)) return;
  expect(scene.neverRejects, `${scene.name} rejected`).toBeUndefined();
  const fact = { scene: scene.name, code: outcome.code, effect: outcome.effect };
  if (bench.world.changes > changesBefore) expect(fact).toHaveProperty("effect", "unknown");
  if (!scene.changes) expect(fact).toHaveProperty("effect", "none");
}

/** After an error that means "open anew" the device is opened anew; after any other it must work as it is. */
async function expectWorking(bench: Bench, act: Act, outcome: unknown): Promise<void> {
  if (outcome instanceof DriverError) {
    if (DRIVER_ERRORS[outcome.code] === "reopen") await bench.reopen();
  } else await act.check?.(outcome);
  await bench.run(bench.device.ping(calm()));
}

/** False when the call was over before it came to the place. */
async function isCancelled(subject: Subject, scene: Scene, side: Side, place: number): Promise<boolean> {
  const bench = await new Bench(subject).open();
  const act = await scene.set(bench);
  const before = bench.world.changes;
  const operator = new AbortController();
  const paused = pause(bench.tap, side, place);
  const work = act.begin({ signal: operator.signal });
  work.catch(() => undefined);
  await bench.run(Promise.race([work.catch(() => undefined), paused.arrived]));
  const startedAt = bench.clock.monotonic();
  operator.abort(new Error("cancelled at the desk"));
  const outcome = await bench.outcome(work);
  if (paused.isReached && !scene.neverRejects) {
    expect(outcome, scene.name).toHaveProperty("code", "call.cancelled");
    expect(bench.clock.monotonic() - startedAt).toBeLessThanOrEqual(CANCEL_MS_MAX);
  }
  expectNobodyListensTo(operator);
  expectHonest(bench, scene, outcome, before);
  paused.goOn();
  await bench.run(bench.device.ping(calm()));
  await bench.finish();
  return paused.isReached;
}

/** A driver may first tell the device to stop, and be told what became of it. */
const CANCEL_MS_MAX = 2_000;

async function isClosed(subject: Subject, scene: Scene, side: Side, place: number): Promise<boolean> {
  const bench = await new Bench(subject).open();
  const act = await scene.set(bench);
  const before = bench.world.changes;
  const paused = pause(bench.tap, side, place);
  const work = act.begin(calm());
  work.catch(() => undefined);
  await bench.run(Promise.race([work.catch(() => undefined), paused.arrived]));
  // What a closing driver says for goodbye comes by the place too.
  const { isReached } = paused;
  await bench.run(bench.device.close());
  const outcome = await bench.outcome(work);
  if (isReached && !scene.neverRejects) expect(outcome, scene.name).toHaveProperty("code", "device.lost");
  expectHonest(bench, scene, outcome, before);
  paused.goOn();
  await bench.clock.advance(60_000);
  await bench.finish();
  return isReached;
}

const FLOOD_BYTES = 2 << 20;
const CHUNK_BYTES = 8_192;
/** Far more than a frame, and what the test's own machinery comes and goes with; of two floods far too little. */
const KEPT_BYTES_MAX = 1 << 20;

async function flooded(subject: Subject): Promise<void> {
  const floodBytes = subject.ports?.floodBytes ?? FLOOD_BYTES;
  const bench = await new Bench(subject).open();
  const heads: Uint8Array[] = [];
  bench.tap.bend("to_host", (chunk) => {
    heads.push(chunk.slice(0, Math.ceil(chunk.length / 2)));
    return [chunk];
  });
  await bench.run(bench.device.ping(calm()));
  bench.tap.straighten();
  const head = heads.at(-1) ?? new Uint8Array();
  const noise = Uint8Array.from({ length: CHUNK_BYTES }, (_, index) => (index * 7_919 + (index >> 3)) % 256);
  for (const [first, rest] of [
    [noise, noise],
    [head, new Uint8Array(CHUNK_BYTES)],
    [head, new Uint8Array(CHUNK_BYTES).fill(0xff)],
  ] as const) {
    const before = await bytesInUse();
    // Unasked, and then in the place of an answer.
    await flood(bench, floodBytes, first, rest);
    bench.tap.bend("to_host", () => []);
    const ping = bench.device.ping(calm());
    ping.catch(() => undefined);
    await flood(bench, floodBytes, first, rest);
    const kept = (await bytesInUse()) - before;
    expect(kept, "bytes kept of what belongs to no frame").toBeLessThan(KEPT_BYTES_MAX);
    await bench.outcome(ping);
    bench.tap.straighten();
    await bench.reopen();
  }
  await bench.finish();
}

async function flood(
  { tap, clock }: Bench,
  floodBytes: number,
  first: Uint8Array,
  rest: Uint8Array,
): Promise<void> {
  tap.say(first);
  for (let sent = 0; sent < floodBytes; sent += rest.length) {
    tap.say(rest);
    // Until it has arrived.
    await clock.advance(0);
  }
}

async function bytesInUse(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  // The second collection waits for the sweepers of the first.
  for (let round = 0; round < 2; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
