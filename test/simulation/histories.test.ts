import { expect, test } from "vitest";
import { live, stepsOf } from "./history.js";

const HISTORIES = 20;
const STEPS = 150;

test(`${HISTORIES} histories of ${STEPS} steps: every invariant holds`, async () => {
  for (let seed = 1; seed <= HISTORIES; seed++) {
    const { violation } = await live(seed, stepsOf(seed, STEPS));
    expect(violation, `npm run histories -- --seed ${seed} --steps ${STEPS}`).toBeNull();
  }
}, 240_000);

test("the same seed is the same history", async () => {
  const [one, other] = [await live(7, stepsOf(7, 60)), await live(7, stepsOf(7, 60))];
  expect(one.trace).toEqual(other.trace);
}, 60_000);
