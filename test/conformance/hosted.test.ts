import { describe, test } from "vitest";
import { drivers } from "#drivers/index";
import { cases } from "#test/conformance/cases";
import type { DriverRig } from "#test/conformance/rig";
import { hostedCopy } from "#test/support/hosted-copy";

/**
 * A driver that runs in a process of its own keeps the contract as if it did not: the whole suite, put to drivers whose
 * every call, event, key and error crosses as text. Between them they have every capability but the stripe's pulls.
 */
const HOSTED = ["reference", "osdp", "msr605"] as const;
const CASE_MS_MAX = 90_000;

describe.each(HOSTED)("%s, hosted", async (id) => {
  const load = async () => hostedCopy((await drivers[id]()).default);
  const driver = await load();
  const { rig } = (await import(`../../drivers/${id}/conformance.ts`)) as { readonly rig: DriverRig };
  for (const it of cases) {
    const isMeant = it.needs === null || rig.capabilities.includes(it.needs);
    test.skipIf(!isMeant || it.id in rig.exempt)(
      `${it.id} ${it.promise}`,
      () => it.run({ id, driver, rig }, load),
      CASE_MS_MAX,
    );
  }
});
