import { describe, expect, test } from "vitest";
import { drivers } from "#drivers/index";
import { cardCases } from "#test/conformance/card-cases";
import { deviceCases } from "#test/conformance/device-cases";
import { formatCases } from "#test/conformance/format-cases";
import { keypadCases } from "#test/conformance/keypad-cases";
import type { DriverRig } from "#test/conformance/rig";

/**
 * The contract of `src/driver-api`, put to every driver of the real list: a driver that is in the list and has no rig
 * fails here. One driver only: `npx vitest run test/conformance -t acme`.
 */
const cases = [...deviceCases, ...cardCases, ...formatCases, ...keypadCases];

test("every case has its own id", () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

describe.each(Object.entries(drivers))("%s", async (id, load) => {
  const { default: driver } = await load();
  const { rig } = (await import(`../../drivers/${id}/conformance.ts`)) as { readonly rig: DriverRig };

  test("excuses itself only from cases that exist, with a reason", () => {
    for (const [caseId, reason] of Object.entries(rig.exempt)) {
      expect(cases.map((it) => it.id)).toContain(caseId);
      expect(reason).not.toBe("");
    }
  });

  for (const it of cases) {
    const isMeant = it.needs === null || rig.capabilities.includes(it.needs);
    test.skipIf(!isMeant || it.id in rig.exempt)(`${it.id} ${it.promise}`, () => it.run({ id, driver, rig }));
  }
});
