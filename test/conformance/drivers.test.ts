import { describe, expect, test, vi } from "vitest";
import { drivers } from "#drivers/index";
import { cases } from "#test/conformance/cases";
import type { DriverRig } from "#test/conformance/rig";

/**
 * The contract of `src/driver-api`, put to every driver of the real list: a driver that is in the list and has no rig
 * fails here. One driver only: `npx vitest run test/conformance -t acme`.
 */
test("every case has its own id", () => {
  expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
});

/** Some cases play a long conversation once for each of its bytes; a busy machine gets the time. */
const CASE_MS_MAX = 90_000;

describe.each(Object.entries(drivers))("%s", async (id, load) => {
  const { default: driver } = await load();
  const { rig } = (await import(`../../drivers/${id}/conformance.ts`)) as { readonly rig: DriverRig };

  const loadAnew = async () => {
    vi.resetModules();
    return (await load()).default;
  };

  test("excuses itself only from cases that exist, with a reason", () => {
    for (const [caseId, reason] of Object.entries(rig.exempt)) {
      const it = cases.find((candidate) => candidate.id === caseId);
      expect(it, `${caseId} is no case`).toBeDefined();
      expect(reason).not.toBe("");
    }
  });

  for (const it of cases) {
    const isMeant = it.needs === null || rig.capabilities.includes(it.needs);
    test.skipIf(!isMeant || it.id in rig.exempt)(
      `${it.id} ${it.promise}`,
      () => it.run({ id, driver, rig }, loadAnew),
      CASE_MS_MAX,
    );
  }
});
