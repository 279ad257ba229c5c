import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually, type LinkedGateway, put, user } from "#test/mqtt/rig";
import { Chance } from "#test/simulation/chance";
import { expectEqual, inUse, TwoWays } from "./rig.js";

/**
 * A busy site over real lines that break in every way, while broker, cloud and gateway die and come back: in the end
 * everything is on both sides, once and in order. The gateway's store lives in memory; with a store on disk and a process
 * to kill the same is `daemon.test.ts`.
 */
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const chance = new Chance(SEED);

let ways: TwoWays;
let gateway: LinkedGateway;
beforeEach(async () => {
  ways = await TwoWays.start((limit) => chance.below(limit));
  gateway = ways.gateway();
  await eventually(() => expect(gateway.isInStep).toBe(true));
});
afterEach(async () => {
  await gateway.link.stop();
  await ways.close();
});

const ids = Array.from({ length: 6 }, (_, at) => `u${at}`);
let at = 0;
const anyId = () => chance.pick(ids) ?? "u0";
const acts = [
  () => put(ways.cloud.site, anyId(), chance.isOneIn(2) ? null : String(1_000 + at), `cloud ${at}`),
  () => {
    const { memory } = gateway;
    const id = anyId();
    const base = memory.objects.get(`acs_user/${id}`)?.rev ?? 0;
    memory.localChange("acs_user", id, user(id, `desk ${at}`), { pin: String(2_000 + at), base });
  },
  () => void ways.cloud.site.command("scan", "encoder", null, "app"),
  finishWhatRuns,
];

/** Things happen at both ends, some at once and some after the I/O of those before. */
async function live(count: number): Promise<void> {
  for (let time = 0; time < count; time++, at++) {
    chance.pick(acts)?.();
    if (chance.isOneIn(3)) await new Promise((resolve) => setImmediate(resolve));
  }
}

function finishWhatRuns(): void {
  const { memory } = gateway;
  for (const [id, attempt] of memory.attempts) {
    if (attempt.status !== "pending") continue;
    memory.attempts.set(id, { ...attempt, status: "success" });
    memory.finish(id);
  }
}

async function comesToRest(): Promise<void> {
  await eventually(() => {
    finishWhatRuns();
    expectEqual(ways.cloud, gateway);
    expect(ways.cloud.site.commands.list().map(({ status }) => status)).not.toContain("pending");
  }, 30_000);
}

const lines = () => [ways.mqttLine, ways.httpLine];
/** Each makes something bad, lives through it, and mends it. */
const TROUBLES: Readonly<Record<string, () => Promise<void>>> = {
  async "the line in use is cut"() {
    (inUse(gateway) === "http" ? ways.httpLine : ways.mqttLine).cut();
    await live(6);
  },
  async "both lines are cut again and again"() {
    for (let time = 0; time < 3; time++) {
      for (const line of lines()) line.cut();
      await live(3);
    }
  },
  async "nobody listens at the broker's address"() {
    await ways.mqttLine.refuse();
    await live(6);
    if (chance.isOneIn(2)) await eventually(() => expect(inUse(gateway)).toBe("http"));
    await live(3);
  },
  async "nobody listens anywhere"() {
    for (const line of lines()) await line.refuse();
    await live(8);
  },
  async "the lines are silent for a while"() {
    for (const line of lines()) line.weather.isHeld = true;
    await live(8);
  },
  async "the broker's line is silent for good"() {
    ways.mqttLine.weather.isHeld = true;
    await live(4);
    await eventually(() => expect(inUse(gateway)).toBe("http"), 15_000);
    await live(4);
  },
  async "the lines are slow"() {
    for (const line of lines()) Object.assign(line.weather, { delayMs: 15, bytesPerSecond: 30_000 });
    await live(10);
  },
  async "the broker dies with all it had"() {
    await ways.broker.kill();
    await live(6);
    await ways.broker.run();
  },
  async "the cloud starts anew"() {
    await ways.restartCloud();
    await live(4);
  },
  async "the gateway starts anew"() {
    const { memory } = gateway;
    await gateway.link.stop();
    await live(4);
    gateway = ways.gateway({ memory });
  },
};

test("each trouble in turn, and all is on both sides afterwards", async () => {
  try {
    for (const [name, trouble] of Object.entries(TROUBLES)) {
      await live(6);
      await trouble();
      for (const line of lines()) await line.heal();
      await comesToRest().catch((error: unknown) => {
        throw new Error(`after "${name}"`, { cause: error });
      });
    }
    expect(gateway.memory.blocked).toEqual([]);
  } catch (error) {
    throw new Error(`SEED=${SEED}`, { cause: error });
  }
}, 180_000);

test("troubles in any order, some upon another, rest only at the end", async () => {
  const happened: string[] = [];
  try {
    const names = Object.keys(TROUBLES);
    for (let round = 0; round < 12; round++) {
      const name = chance.pick(names) ?? "";
      happened.push(name);
      await live(4);
      await TROUBLES[name]?.();
      // Half of the time the next trouble comes upon a broker's line that is bad already.
      if (chance.isOneIn(2)) await ways.mqttLine.heal();
      await ways.httpLine.heal();
    }
    for (const line of lines()) await line.heal();
    await comesToRest();
    expect(gateway.memory.blocked).toEqual([]);
  } catch (error) {
    throw new Error(`SEED=${SEED} ${happened.join("; ")}`, { cause: error });
  }
}, 240_000);
