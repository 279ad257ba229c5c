import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCursor, encodeCursor } from "./cursor.js";

test("leads back to where it was made, and is base64 that needs no escaping", () => {
  fc.assert(
    fc.property(fc.nat(2 ** 52), fc.uuid(), (createdAt, id) => {
      const cursor = encodeCursor({ createdAt, id });
      expect(cursor).toMatch(/^(?:[0-9A-Za-z]{4})+$/);
      expect(decodeCursor(cursor)).toEqual({ createdAt, id });
    }),
  );
});

test("nothing else is a cursor", () => {
  fc.assert(fc.property(fc.string(), (text) => decodeCursor(text) === undefined));
  fc.assert(fc.property(fc.base64String(), (text) => decodeCursor(text) === undefined));
});

test("one changed character spoils it", () => {
  const cursor = encodeCursor({ createdAt: 1_795_356_000_000, id: randomUUID() });
  for (let at = 0; at < cursor.length; at++) {
    const changed = cursor.slice(0, at) + (cursor[at] === "A" ? "B" : "A") + cursor.slice(at + 1);
    expect(decodeCursor(changed)).not.toEqual(decodeCursor(cursor));
  }
  expect(decodeCursor(cursor.slice(0, -4))).toBeUndefined();
  expect(decodeCursor(`${cursor}AAAA`)).toBeUndefined();
});
