import fc from "fast-check";
import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { testSealingKey } from "#test/support/temp-store";
import { Sealer } from "./sealer.js";

const sealer = new Sealer(testSealingKey);
const place = { table: "objects", row: "acs_credential 1", column: "code_sealed" };
const damagedError = expect.objectContaining({ code: "damaged" }) as Error;

test("opens what it sealed, never sealed alike", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (plain) => {
      const sealed = sealer.seal(place, plain);
      expect(Uint8Array.from(sealer.open(place, sealed))).toEqual(plain);
      expect(sealer.seal(place, plain).equals(sealed)).toBe(false);
    }),
  );
});

test("a value that was changed at any byte does not open", () => {
  const sealed = sealer.seal(place, Buffer.from("4711"));
  sealed.forEach((byte, at) => {
    const changed = Buffer.from(sealed);
    changed[at] = byte ^ 1;
    expect(() => sealer.open(place, changed)).toThrow(damagedError);
    expect(() => sealer.open(place, sealed.subarray(0, at))).toThrow(damagedError);
  });
});

test("a value that was moved to another place, or sealed with another key, does not open", () => {
  const sealed = sealer.seal(place, Buffer.from("4711"));
  for (const elsewhere of [{ table: "other" }, { row: "acs_credential 2" }, { column: "other" }])
    expect(() => sealer.open({ ...place, ...elsewhere }, sealed)).toThrow(damagedError);
  const other = new Sealer(new Secret(new Uint8Array(32)));
  expect(() => other.open(place, sealed)).toThrow(damagedError);
  expect(other.lookup(new Secret("4711"))).not.toEqual(sealer.lookup(new Secret("4711")));
});
