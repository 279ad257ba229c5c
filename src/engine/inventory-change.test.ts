import { expect, test } from "vitest";
import { EngineRig, INVENTORY, SITE } from "#test/support/engine-rig";

const A = "eeeeeeee-0000-4000-8000-00000000000a";
const B = "eeeeeeee-0000-4000-8000-00000000000b";
const withoutPool = {
  ...INVENTORY,
  entrances: INVENTORY.entrances.filter(({ id }) => id !== SITE.pool),
};

test("an entrance that left the configuration blocks its credentials, and only those, until it is back", async () => {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A, { allowed_acs_entrance_ids: [SITE.room101, SITE.pool] });
  rig.put();
  await rig.job("encode", A);
  rig.feedCredential(B);
  rig.crash(withoutPool);
  expect(rig.row(A).blocked).toBe("entrance_removed");
  expect(rig.row(B).blocked).toBeNull();
  expect(rig.state(A)).toBe("issued");
  expect((await rig.job("encode", A)).error?.message).toMatch(/names an entrance that is not in/);
  rig.crash();
  expect(rig.row(A).blocked).toBeNull();
  expect(rig.state(A)).toBe("issued");
});

test("a configuration that is as it was is told once", async () => {
  const rig = await new EngineRig().ready();
  rig.crash();
  expect(rig.journal().filter((k) => k === "inventory")).toHaveLength(1);
});
