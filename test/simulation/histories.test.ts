import { expect, test } from "vitest";
import { brokenBy, live, stepsOf } from "./history.js";

/** The other half of the run is `more-histories.test.ts`: files run beside each other. */
const HISTORIES = 150;
const STEPS = 300;

test(`${HISTORIES} histories of ${STEPS} steps: every invariant holds`, async () => {
  for (let seed = 1; seed <= HISTORIES; seed++) expect(await brokenBy(seed, STEPS)).toBeNull();
}, 1_800_000);

test("the same seed is the same history", async () => {
  const [one, other] = [await live(7, stepsOf(7, 60)), await live(7, stepsOf(7, 60))];
  expect(one.trace).toEqual(other.trace);
}, 60_000);

test("with one second of network an hour the site converges all the same", async () => {
  for (let seed = 1; seed <= 6; seed++) expect(await brokenBy(seed, 100, { hasSlots: true })).toBeNull();
}, 300_000);

test.each(["single", "bundled"] as const)(
  "it comes out the same over one kind of carrier (%s)",
  async (carrier) => {
    for (let seed = 1; seed <= 6; seed++) expect(await brokenBy(seed, 150, { carrier })).toBeNull();
  },
  300_000,
);
