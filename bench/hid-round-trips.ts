/**
 * The part of `hid.bench.ts` that lives in the emulated machine. Arguments: the machine's socket, and how many turns.
 * Prints one line of JSON.
 */
import { HIDAsync } from "node-hid";
import { realClock } from "#src/ops/clock";
import { openHidLine } from "#src/transports/hid";
import { HidWorld } from "../test/hid/world.js";
import { median, percentile, round } from "./figures.js";

const [socket = "", turns = "10"] = process.argv.slice(2);
const REPORT_BYTES = 64;
const TRIPS_A_TURN = 200;
const { signal } = new AbortController();

const world = await HidWorld.enter(socket);
const device = await world.plug(0, { vid: "0801", pid: "0003", at: "1-1", reportBytes: REPORT_BYTES });
device.onOutput((report) => device.input(report));
const report = new Uint8Array(REPORT_BYTES).fill(0x5a);

/** Milliseconds of each trip. */
async function trips(trip: () => Promise<void>): Promise<number[]> {
  const taken: number[] = [];
  for (let count = 0; count < TRIPS_A_TURN; count++) {
    const begun = performance.now();
    await trip();
    taken.push(performance.now() - begun);
  }
  return taken;
}

async function bare(): Promise<number[]> {
  const hid = await HIDAsync.open("/dev/hidraw0");
  let answered: () => void = () => undefined;
  hid.on("data", () => answered());
  const numbered = Buffer.from([0, ...report]);
  const taken = await trips(async () => {
    const answer = new Promise<void>((resolve) => (answered = resolve));
    await hid.write(numbered);
    await answer;
  });
  await hid.close();
  return taken;
}

async function ours(): Promise<number[]> {
  const line = await openHidLine("hid:0801:0003", { reportBytes: REPORT_BYTES }, { clock: realClock });
  let answered: () => void = () => undefined;
  line.onReport(() => answered());
  const taken = await trips(async () => {
    const answer = new Promise<void>((resolve) => (answered = resolve));
    await line.write(report, signal);
    await answer;
  });
  await line.close();
  return taken;
}

const [theirs, own]: [number[], number[]] = [[], []];
for (let turn = 0; turn < Number(turns); turn++) {
  theirs.push(...(await bare()));
  own.push(...(await ours()));
}
const row = {
  round_trips: own.length,
  bare_ms: round(median(theirs), 3),
  ours_ms: round(median(own), 3),
  ours_to_bare: round(median(own) / median(theirs)),
  p95_to_p95: round(percentile(own, 0.95) / percentile(theirs, 0.95)),
  best_to_best: round(Math.min(...own) / Math.min(...theirs)),
};
process.stdout.write(`${JSON.stringify([row])}\n`, () => process.exit());
