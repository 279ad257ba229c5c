import { expect, test } from "vitest";
import { EngineRig, SITE } from "#test/support/engine-rig";
import { enrolTypedBadge } from "./gateway-badges.js";
import type { TypedBadge } from "./model.js";

const A = "11111111-0000-4000-8000-000000000001";
const B = "11111111-0000-4000-8000-000000000002";
const BY = { name: "test", role: "admin", seesPins: true } as const;

async function desk() {
  const rig = await new EngineRig().ready();
  rig.feedCredential(A);
  rig.feedCredential(B);
  const enrol = (credentialId: string, badge: Partial<TypedBadge>) => {
    const typed = { format: undefined, facility: 101, number: 1_337, overwrite: false, ...badge };
    return enrolTypedBadge(rig.engine, { credentialId, ...typed }, BY);
  };
  return { rig, enrol };
}

test("a typed number becomes the bits that a reader would send", async () => {
  const { rig, enrol } = await desk();
  const row = enrol(A, { format: "C1000-35" });
  expect(row.record?.context.issued).toMatchObject({
    cardNumber: "101-1337",
    encoderId: null,
    badge: { format: "C1000-35", bitCount: 35, bits: "0194014e60" },
  });
  expect([rig.state(A), rig.events().at(-1)]).toEqual(["issued", "acs_credential.issued"]);
});

test.each([
  [{}, "format", "several formats have such numbers (H10301, H10306, H10304, C1000-35): name one"],
  [{ format: "H10301", facility: 256 }, "facility_code", "H10301 has a value from 0 to 255 here"],
  [{ format: "H10302" }, "facility_code", "H10302 has no facility code"],
  [{ format: "H10301", number: 65_536 }, "number", "H10301 has a value from 0 to 65535 here"],
  [{ format: "H10399" }, "format", "none of this system's formats has such numbers"],
])("%o is refused at %s", async (badge, parameter, message) => {
  const { rig, enrol } = await desk();
  expect(() => enrol(A, badge)).toThrow(
    expect.objectContaining({ status: 400, parameter, message: expect.stringContaining(message) as string }),
  );
  expect(rig.state(A)).toBe("waiting_to_be_issued");
});

test("somebody's badge is taken from him only when that is asked for", async () => {
  const { rig, enrol } = await desk();
  enrol(A, { format: "H10301" });
  expect(() => enrol(B, { format: "H10301" })).toThrow(/belongs to another credential/);
  enrol(B, { format: "H10301", overwrite: true });
  expect([rig.state(A), rig.state(B)]).toEqual(["invalidated", "issued"]);
});

test("nothing and nobody: a credential that there is not, one that was revoked", async () => {
  const { rig, enrol } = await desk();
  expect(() => enrol(SITE.user, {})).toThrow(expect.objectContaining({ status: 404 }));
  rig.feedCredential(A, { state: "revoked" });
  expect(() => enrol(A, { format: "H10301" })).toThrow(/revoked or deleted/);
});
