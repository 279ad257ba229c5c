import { expect, test } from "vitest";
import { brokenBy } from "./history.js";

const [FIRST, LAST] = [151, 300];
const STEPS = 300;

test(`histories ${FIRST} to ${LAST}, of ${STEPS} steps: every invariant holds`, async () => {
  for (let seed = FIRST; seed <= LAST; seed++) expect(await brokenBy(seed, STEPS)).toBeNull();
}, 1_800_000);
