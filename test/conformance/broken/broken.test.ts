import { describe, expect, test } from "vitest";
import { rig as msr605 } from "#drivers/msr605/conformance";
import { rig as reference } from "#drivers/reference/conformance";
import { copyOf, type Patch } from "#test/conformance/broken/copy";
import { cardFlaws } from "#test/conformance/broken/card-flaws";
import type { Flaw } from "#test/conformance/broken/flaw";
import { lockFlaws } from "#test/conformance/broken/lock-flaws";
import { sessionFlaws } from "#test/conformance/broken/session-flaws";
import { stripeFlaws } from "#test/conformance/broken/stripe-flaws";
import { cases } from "#test/conformance/cases";
import type { Ports } from "#test/conformance/ports";
import { serialPorts } from "#test/conformance/serial-ports";

const flaws = [...sessionFlaws, ...cardFlaws, ...stripeFlaws, ...lockFlaws];
const rigs = { reference, msr605 } as const;

/**
 * The suite can fail: one mistake at a time is laid on a copy of a driver, and the cases named beside it find it, in
 * memory and over a real port. No case is there that finds nothing.
 */
test("every case finds a flaw", () => {
  const caught = new Set(flaws.flatMap(({ caughtBy }) => caughtBy));
  expect(cases.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([]);
  expect([...caught].filter((id) => !cases.some((it) => it.id === id))).toEqual([]);
});

const lines: readonly (readonly [string, Ports | null])[] = [
  ["in memory", null],
  ["over a real serial port", serialPorts],
];

describe.each(lines)("%s", (_, ports) => {
  test.each([
    ...["D01", "D15", "D17", "C01", "F01", "K01", "G01", "R01", "S01", "I01"].map((id) => ["reference", id]),
    ...["D01", "D15", "D17", "W01", "W04", "S01"].map((id) => ["msr605", id]),
  ] as [Flaw["driver"], string][])("the copy of %s as it is keeps %s", async (driver, id) => {
    expect(await failureOf(driver, id, [], ports)).toBeUndefined();
  });

  describe.each(flaws)("a driver that $flaw", ({ driver, caughtBy, patches }) => {
    test.each(caughtBy)("fails %s", async (id) => {
      const failure = await failureOf(driver, id, patches, ports);
      expect(failure).toBeInstanceOf(Error);
      // A mistake in the patch itself would fail every case, and prove nothing.
      expect(failure).not.toBeInstanceOf(SyntaxError);
      expect(failure).not.toBeInstanceOf(ReferenceError);
    });
  });
});

async function failureOf(
  driverId: Flaw["driver"],
  id: string,
  patches: readonly Patch[],
  ports: Ports | null,
): Promise<unknown> {
  const it = cases.find((candidate) => candidate.id === id);
  if (it === undefined) throw new RangeError(`no case ${id}`);
  // A patch that no longer fits must not count as a flaw that was found.
  const driver = copyOf(driverId, patches);
  const subject = { id: driverId, driver, rig: rigs[driverId], ...(ports !== null && { ports }) };
  try {
    await it.run(subject, () => Promise.resolve(copyOf(driverId, patches)));
    return undefined;
  } catch (error) {
    return error;
  }
}
