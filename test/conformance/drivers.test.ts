import { describe, expect, test } from "vitest";
import { cases } from "#test/conformance/cases";
import { driverIds, rigOf, testDriver } from "#test/conformance/suite";

/**
 * The contract of `src/driver-api`, put to every driver of the real list, on a line in memory, where it costs little to
 * play a conversation anew for each of its bytes: a driver that is in the list and has no rig fails here. One driver only:
 * `npx vitest run test/conformance -t acme`. Over real ports: `serial.test.ts`, `serial-others.test.ts`, `hid.test.ts`. A
 * driver that needs real time is put to it there alone, and a PC/SC driver here alone: the real service with its virtual
 * reader takes a good part of a second to see each card.
 */
test("every case has its own id", () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

describe.each(driverIds)("%s", async (id) => {
  const rig = await rigOf(id);

  test("excuses itself only from cases that exist, with a reason", () => {
    for (const [caseId, reason] of Object.entries(rig.exempt)) {
      const it = cases.find((candidate) => candidate.id === caseId);
      expect(it, `${caseId} is no case`).toBeDefined();
      expect(reason).not.toBe("");
    }
  });

  if (rig.time === undefined) await testDriver(id);
});
