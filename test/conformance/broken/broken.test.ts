import { describe, expect, test } from "vitest";
import { rig } from "#drivers/reference/conformance";
import { copyOfReference, type Patch } from "#test/conformance/broken/copy";
import { cardFlaws } from "#test/conformance/broken/card-flaws";
import { lockFlaws } from "#test/conformance/broken/lock-flaws";
import { sessionFlaws } from "#test/conformance/broken/session-flaws";
import { cases } from "#test/conformance/cases";

const flaws = [...sessionFlaws, ...cardFlaws, ...lockFlaws];

/**
 * The suite can fail: one mistake at a time is laid on a copy of the reference driver, and the cases named beside it
 * find it. No case is there that finds nothing.
 */
test("every case finds a flaw", () => {
  const caught = new Set(flaws.flatMap(({ caughtBy }) => caughtBy));
  expect(cases.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([]);
  expect([...caught].filter((id) => !cases.some((it) => it.id === id))).toEqual([]);
});

test.each(["D01", "D15", "D17", "C01", "F01", "K01", "G01", "R01", "S01", "I01"])(
  "the copy as it is keeps %s",
  async (id) => {
    expect(await failureOf(id, [])).toBeUndefined();
  },
);

describe.each(flaws)("a driver that $flaw", ({ caughtBy, patches }) => {
  test.each(caughtBy)("fails %s", async (id) => {
    const failure = await failureOf(id, patches);
    expect(failure).toBeInstanceOf(Error);
    // A mistake in the patch itself would fail every case, and prove nothing.
    expect(failure).not.toBeInstanceOf(SyntaxError);
    expect(failure).not.toBeInstanceOf(ReferenceError);
  });
});

async function failureOf(id: string, patches: readonly Patch[]): Promise<unknown> {
  const it = cases.find((candidate) => candidate.id === id);
  if (it === undefined) throw new RangeError(`no case ${id}`);
  // A patch that no longer fits must not count as a flaw that was found.
  const driver = copyOfReference(patches);
  try {
    await it.run({ id: "reference", driver, rig }, () => Promise.resolve(copyOfReference(patches)));
    return undefined;
  } catch (error) {
    return error;
  }
}
