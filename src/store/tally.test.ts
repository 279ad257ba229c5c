import { expect, test } from "vitest";
import { credentialRecord, objectRow, tempStore } from "#test/support/temp-store";

const credential = (id: string, state: string, since: number, spec = "active", changes = {}) =>
  objectRow({ id, spec: { state: spec }, record: credentialRecord({ since }, state), ...changes });

test("credentials are counted by state; what is gone or was never stepped is not among them", () => {
  const { objects, tally } = tempStore();
  objects.put(credential("a", "issued", 30));
  objects.put(credential("b", "issued", 20));
  objects.put(credential("c", "issuing.presenting", 40));
  objects.put(credential("d", "invalidating", 50, "revoked"));
  objects.put(credential("e", "deleted", 10, "deleted", { gone: true }));
  objects.put(objectRow({ id: "f", dirty: true }));
  objects.put(objectRow({ kind: "acs_user", id: "u" }));
  expect(tally.credentials()).toEqual([
    { denied: false, state: "issued", count: 2, since: 20 },
    { denied: false, state: "issuing.presenting", count: 1, since: 40 },
    { denied: true, state: "invalidating", count: 1, since: 50 },
  ]);
  expect(tally.oldestIn("issued")).toEqual({ id: "b", since: 20 });
  expect([tally.oldestIn("invalidating"), tally.oldestIn("deleted")]).toEqual([undefined, undefined]);
  objects.put(credential("b", "needs_to_be_reissued", 60));
  expect(tally.oldestIn("issued")).toEqual({ id: "a", since: 30 });
  expect(tally.oldestIn("needs_to_be_reissued")).toEqual({ id: "b", since: 60 });
});

test("blocked, dirty and quarantined are counted, reasons without the id that they name", () => {
  const { objects, quarantine, tally } = tempStore();
  objects.put(objectRow({ id: "a", blocked: "missing:u1" }));
  objects.put(objectRow({ id: "b", blocked: "missing:u2", dirty: true }));
  objects.put(objectRow({ id: "c", blocked: "entrance_removed" }));
  quarantine.put({ epoch: 1, rev: 8, kind: "x", id: "y", raw: new Uint8Array(1), code: "schema" });
  expect(tally.blocked()).toEqual([
    { reason: "entrance_removed", count: 1 },
    { reason: "missing", count: 2 },
  ]);
  expect([tally.dirty(), tally.quarantined()]).toEqual([1, 1]);
});
