import { expect, test } from "vitest";
import { BLINDFOLDS } from "./blindfolds.js";
import { live, stepsOf } from "./history.js";

const SEEDS = 40;
const STEPS = 300;

/** Without the rule, one of the first histories must break what the rule is there for. */
test.each(BLINDFOLDS)(
  "it shows when $rule no longer holds",
  async ({ tampering, breaks, seed: first = 1 }) => {
    const broken: string[] = [];
    for (let seed = first; seed < first + SEEDS; seed++) {
      const { violation } = await live(seed, stepsOf(seed, STEPS), tampering());
      if (violation === null) continue;
      broken.push(violation.invariant);
      if (breaks.includes(violation.invariant)) break;
    }
    expect(breaks).toContain(broken.at(-1));
  },
  900_000,
);
