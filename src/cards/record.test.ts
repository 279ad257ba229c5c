import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { CARD_TYPES, type CardRecord, decodeRecord, encodeRecord, RECORD_BYTES } from "./record.js";
import { classicSectorKey, macKey, ntagPasswordKeys, type SiteKeys } from "./site-keys.js";
import vectors from "./vectors.json" with { type: "json" };
import { encodeWiegand, WIEGAND_FORMATS } from "./wiegand.js";

const published = vectors.record;
const keys: SiteKeys = {
  version: published.keyVersion,
  issuer: new Secret(fromHex(published.issuer)),
  cardMaster: new Secret(fromHex(published.master)),
};
const number = encodeWiegand(WIEGAND_FORMATS[0]!, published.wiegand); /* H10301 */
const worked: CardRecord = {
  ...published.fields,
  type: "guest",
  wiegand: number.isValid ? number.bits : null,
};
const UID = published.classic.uid;

const records: fc.Arbitrary<CardRecord> = fc.record({
  type: fc.constantFrom(...CARD_TYPES),
  credentialId: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(toHex),
  sequence: fc.nat(0xffff),
  overridesDeadbolt: fc.boolean(),
  allowsPassage: fc.boolean(),
  isSingleUse: fc.boolean(),
  validFrom: fc.nat(0xffffffff),
  validTo: fc.nat(0xffffffff),
  door: fc.nat(0xffff),
  zones: fc.nat(0xffffffff),
  wiegand: fc.option(
    fc
      .integer({ min: 1, max: 40 })
      .chain((length) =>
        fc.record({ length: fc.constant(length), word: fc.bigInt(0n, 2n ** BigInt(length) - 1n) }),
      ),
  ),
});
const uids = fc
  .constantFrom(4, 7, 10)
  .chain((length) => fc.uint8Array({ minLength: length, maxLength: length }).map(toHex));

describe("published bytes", () => {
  test.each([published.classic, published.ntag])(
    "record on card $uid, and back",
    ({ uid, bytes, macKey: expected }) => {
      expect(toHex(macKey(keys, uid).reveal())).toBe(expected);
      expect(toHex(encodeRecord(worked, uid, keys))).toBe(bytes);
      expect(decodeRecord(fromHex(bytes), uid, [keys])).toEqual({
        is: "ours",
        record: worked,
        keyVersion: 1,
      });
    },
  );

  test("keys of a Classic sector", () => {
    const { uid, sector, keyA, keyB } = published.classic;
    const slots = (["A", "B"] as const).map((slot) =>
      toHex(classicSectorKey(keys, uid, sector, slot).reveal()),
    );
    expect(slots).toEqual([keyA, keyB]);
  });

  test("password and acknowledge of an NTAG", () => {
    const { pwd, pack } = ntagPasswordKeys(keys, published.ntag.uid);
    expect([toHex(pwd.reveal()), toHex(pack.reveal())]).toEqual([published.ntag.pwd, published.ntag.pack]);
  });
});

test("the description for lock makers works the same example", () => {
  const text = readFileSync(new URL("../../docs/card-format.md", import.meta.url), "utf8").replaceAll(
    /\s/g,
    "",
  );
  const { classic, ntag, master } = published;
  const { keyA, keyB } = classic;
  for (const hex of [
    master,
    keyA,
    keyB,
    classic.macKey,
    classic.bytes,
    ntag.pwd,
    ntag.pack,
    ntag.macKey,
    ntag.bytes,
  ])
    expect(text).toContain(hex);
});

test("decoding what was encoded gives the same record", () => {
  fc.assert(
    fc.property(records, uids, (record, uid) => {
      expect(decodeRecord(encodeRecord(record, uid, keys), uid, [keys])).toEqual({
        is: "ours",
        record,
        keyVersion: 1,
      });
    }),
  );
});

test("any bytes decode to something, and none but the site's own to `ours`", () => {
  const start = encodeRecord(worked, UID, keys);
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.uint8Array({ minLength: RECORD_BYTES, maxLength: RECORD_BYTES }),
    fc
      .tuple(fc.nat(RECORD_BYTES), fc.uint8Array({ minLength: RECORD_BYTES, maxLength: RECORD_BYTES }))
      .map(([kept, noise]) => Uint8Array.from(noise, (byte, i) => (i < kept ? (start[i] ?? 0) : byte))),
  );
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const { is } = decodeRecord(bytes, UID, [keys]);
      expect(is === "ours").toBe(toHex(bytes) === toHex(start));
    }),
  );
});

test("no bit can change unseen, and no other card may carry the record", () => {
  const bytes = encodeRecord(worked, UID, keys);
  for (let bit = 0; bit < RECORD_BYTES * 8; bit++) {
    const changed = bytes.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
    expect(decodeRecord(changed, UID, [keys]).is).not.toBe("ours");
  }
  expect(decodeRecord(bytes, "deadbeee", [keys])).toEqual({ is: "damaged", reason: "mac" });
  expect(decodeRecord(bytes, "deadbeef000000", [keys])).toEqual({ is: "damaged", reason: "mac" });
});

describe("what is not a valid record of the site", () => {
  const bytes = encodeRecord(worked, UID, keys);
  const changed = (at: number, value: number) => bytes.map((byte, i) => (i === at ? value : byte));

  test.each([
    ["zeros", new Uint8Array(RECORD_BYTES), { is: "blank" }],
    ["no record", changed(0, 0x4e), { is: "foreign", reason: "no_record" }],
    ["another layout", changed(2, 2), { is: "foreign", reason: "layout" }],
    ["another site", changed(4, 0), { is: "foreign", reason: "issuer" }],
    [
      "the last rest of a wiped record",
      Uint8Array.from({ length: RECORD_BYTES }, (_, i) => (i < 4 ? (bytes[i] ?? 0) : 0)),
      { is: "damaged", reason: "no_issuer" },
    ],
    ["keys that the site does not have", changed(18, 9), { is: "damaged", reason: "key_version" }],
    ["a wrong MAC", changed(47, 0), { is: "damaged", reason: "mac" }],
    ["a byte too few", bytes.slice(1), { is: "damaged", reason: "length" }],
  ])("%s", (_, given, expected) => {
    expect(decodeRecord(given, UID, [keys])).toEqual(expected);
  });

  test("another site with the same key version and other keys", () => {
    const other: SiteKeys = { ...keys, cardMaster: new Secret(new Uint8Array(16).fill(1)) };
    expect(decodeRecord(bytes, UID, [other])).toEqual({ is: "damaged", reason: "mac" });
  });
});

test("a number that does not fit its field is an error of the caller", () => {
  expect(() => encodeRecord({ ...worked, sequence: 0x10000 }, UID, keys)).toThrow(RangeError);
  expect(() => encodeRecord({ ...worked, credentialId: "11" }, UID, keys)).toThrow(RangeError);
  expect(() => encodeRecord({ ...worked, wiegand: { length: 2, word: 4n } }, UID, keys)).toThrow(RangeError);
});
