import { describe, expect, test } from "vitest";
import { drivers } from "#drivers/index";
import { cases } from "#test/conformance/cases";
import type { DriverRig } from "#test/conformance/rig";

/**
 * The same cases once more through the real `serialport`, a pseudo-terminal and real time, for every driver of a serial
 * line: all but those that play a conversation anew for each of its bytes or wait for minutes, which take hours in real
 * time, and those that look at a line or a clock between two turns of one and the same event loop.
 */
const IN_REAL_TIME = new Set(
  "D01 D02 D03 D05 D06 D07 D08 D09 D10 D12 D15 T10 T13 C01 C09 C11 C12 C13 C19 C20 C21 C22 C23 C25 F01".split(
    " ",
  ),
);
const CASE_MS_MAX = 10_000;

test("every case that is named is one", () => {
  const ids = new Set(cases.map(({ id }) => id));
  expect([...IN_REAL_TIME].filter((id) => !ids.has(id))).toEqual([]);
});

for (const [id, load] of Object.entries(drivers)) {
  const { default: driver } = await load();
  const { rig } = (await import(`../../drivers/${id}/conformance.ts`)) as { readonly rig: DriverRig };
  // A driver with a library of its own is put to all of them in real time anyway.
  if (driver.transport !== "serial" || rig.time !== undefined) continue;
  describe(`${id} over a real serial port`, () => {
    for (const it of cases) {
      if (!IN_REAL_TIME.has(it.id)) continue;
      const isMeant = it.needs === null || rig.capabilities.includes(it.needs);
      test.skipIf(!isMeant || it.id in rig.exempt)(
        `${it.id} ${it.promise}`,
        () => it.run({ id, driver, rig, isOverPty: true }, () => Promise.resolve(driver)),
        CASE_MS_MAX,
      );
    }
  });
}
