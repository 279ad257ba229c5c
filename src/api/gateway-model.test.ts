import { expect, test } from "vitest";
import { EngineRig, INVENTORY, SITE } from "#test/support/engine-rig";
import { gatewayModel } from "./gateway-model.js";

const A = "eeeeeeee-0000-4000-8000-00000000000a";
const BY = { name: "test", role: "admin", seesPins: true } as const;
const errorsOf = (rig: EngineRig) =>
  gatewayModel(rig.engine, { isSandbox: false }).credentials.get(A, BY)["errors"];

test("what keeps a credential from being made is among its errors, and goes with its cause", () => {
  const rig = new EngineRig();
  rig.feedCredential(A, { allowed_acs_entrance_ids: [SITE.pool], acs_user_id: SITE.user });
  expect(errorsOf(rig)).toMatchObject([
    { error_code: "missing", message: expect.stringContaining(`waits for ${SITE.user}`) as string },
  ]);
  rig.feedUser();
  expect(errorsOf(rig)).toEqual([]);
  rig.crash({ ...INVENTORY, entrances: [] });
  expect(errorsOf(rig)).toMatchObject([{ error_code: "entrance_removed" }]);
});
