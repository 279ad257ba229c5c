import { expect, test } from "vitest";
import { fromHex, toHex } from "#src/lib/hex";
import { Secret } from "#src/lib/secret";
import { desfireKey, macKey, readerKey, type SiteKeys } from "./site-keys.js";

const site: SiteKeys = {
  version: 1,
  issuer: new Secret(fromHex("0badcafe")),
  cardMaster: new Secret(fromHex("00112233445566778899aabbccddeeff")),
};
const hex = (key: Secret<Uint8Array>) => toHex(key.reveal());

test("every reader has a key of its own, which is no card's, and another one on another site", () => {
  const id = "00068e0704030201";
  const other = { ...site, cardMaster: new Secret(fromHex("00112233445566778899aabbccddeefe")) };
  const keys = [
    readerKey(site, id),
    readerKey(site, "00068e0704030202"),
    readerKey(other, id),
    macKey(site, id),
    desfireKey(site, id, "000000", "read"),
  ];
  expect(new Set(keys.map(hex)).size).toBe(keys.length);
  expect(hex(readerKey(site, id))).toBe(hex(readerKey(site, id)));
  expect(readerKey(site, id).reveal()).toHaveLength(16);
});
