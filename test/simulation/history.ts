import { ACTS, pickAct } from "./acts.js";
import { Chance } from "./chance.js";
import type { Violation } from "./oracle.js";
import { checkAtRest, comeToRest } from "./rest.js";
import { type Conditions, type Tampering, World } from "./world.js";

/** One thing that happens. Its seed decides all that is left to chance until the next one. */
export interface Step {
  readonly number: number;
  readonly act: string;
  readonly seed: number;
}

export interface Told {
  readonly violation: Violation | null;
  readonly trace: readonly string[];
}

export function stepsOf(seed: number, count: number): readonly Step[] {
  const chance = new Chance(seed);
  return Array.from({ length: count }, (_, number) => ({
    number,
    act: pickAct((total) => chance.below(total)),
    seed: Math.floor(chance.next() * 2 ** 31),
  }));
}

/** Lives through the steps, comes to rest, and tells what did not hold. */
export async function live(
  seed: number,
  steps: readonly Step[],
  tampering: Tampering = {},
  conditions: Conditions = {},
): Promise<Told> {
  const world = new World(seed, tampering, conditions);
  const { oracle, chance, site, trace } = world;
  try {
    await world.advance(1_000);
    for (const { number, act, seed: own } of steps) {
      chance.reseed(own);
      world.note(`— ${number} ${act}`);
      ACTS[act]?.run(world);
      await world.advance(pause(world));
      if (number % 10 === 0) lookAtCloud(world);
      if (oracle.violation !== null) return { violation: oracle.violation, trace };
    }
    chance.reseed(seed);
    await comeToRest(world, conditions.hasSlots === true);
    site.expire();
    lookAtCloud(world);
    if (oracle.violation === null) checkAtRest(world);
    return { violation: oracle.violation, trace };
  } finally {
    world.end();
  }
}

/** Lives through one history; null when all held, else what did not, and the history with no step more than it needs. */
export async function brokenBy(
  seed: number,
  count: number,
  conditions: Conditions = {},
): Promise<string | null> {
  const steps = stepsOf(seed, count);
  const { violation } = await live(seed, steps, {}, conditions);
  if (violation === null) return null;
  const fewer = await minimised(seed, steps, violation, conditions);
  const told = await live(seed, fewer, {}, conditions);
  return [
    `seed ${seed} broke ${violation.message}`,
    `${fewer.length} of ${steps.length} steps are enough:`,
    ...told.trace,
    told.violation?.message ?? "",
    `replay: npm run histories -- --seed ${seed} --steps ${count}`,
  ].join("\n");
}

/** Mostly moments, sometimes minutes, seldom longer than the site may work without its cloud. */
function pause({ chance }: World): number {
  if (chance.isOneIn(100)) return chance.below(90 * 60_000);
  return chance.isOneIn(8)
    ? chance.below(60_000)
    : chance.isOneIn(3)
      ? chance.below(40)
      : chance.below(4_000);
}

/** I7, the cloud's side. */
function lookAtCloud({ site, oracle }: World): void {
  for (const { id, status, error } of site.commands.list())
    if (status !== "pending") oracle.ended("cloud", id, `${status} ${error?.type ?? ""}`);
}

/** The steps without which the same invariant would hold, found by leaving out ever smaller parts. */
async function minimised(
  seed: number,
  steps: readonly Step[],
  violation: Violation,
  conditions: Conditions,
): Promise<readonly Step[]> {
  let kept = steps;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < kept.length;) {
      const fewer = [...kept.slice(0, from), ...kept.slice(from + size)];
      const told = await live(seed, fewer, {}, conditions);
      if (told.violation?.invariant === violation.invariant) kept = fewer;
      else from += size;
    }
  }
  return kept;
}
