import { describe, expect, test } from "vitest";
import { aesCmac, cmacSubkeys } from "#src/lib/aes-cmac";
import { fromHex, toHex } from "#src/lib/hex";
import { diversifyAes128 } from "./crypto.js";
import vectors from "./vectors.json" with { type: "json" };

describe("CMAC", () => {
  const key = fromHex(vectors.cmac.key);

  test.each(vectors.cmac.macs)("of $message", ({ message, mac }) => {
    expect(toHex(aesCmac(key, fromHex(message)))).toBe(mac);
  });

  test.each([vectors.cmac, { ...vectors.diversification, key: vectors.diversification.master }])(
    "subkeys of $key",
    (vector) => {
      const { k1, k2 } = cmacSubkeys(fromHex(vector.key));
      expect([toHex(k1), toHex(k2)]).toEqual([vector.k1, vector.k2]);
    },
  );
});

describe("AN10922", () => {
  const { master, keys, plainCmacOfShortInput } = vectors.diversification;

  test.each(keys)("key for $input", ({ input, key }) => {
    expect(toHex(diversifyAes128(fromHex(master), fromHex(input)))).toBe(key);
  });

  test("a short input is padded to 32 bytes, which plain CMAC does not", () => {
    expect(toHex(aesCmac(fromHex(master), fromHex("01deadbeef")))).toBe(plainCmacOfShortInput);
  });

  test("an input of 31 bytes fills both blocks and is plain CMAC", () => {
    const input = new Uint8Array(31).fill(7);
    const whole = Uint8Array.from([1, ...input]);
    expect(diversifyAes128(fromHex(master), input)).toEqual(aesCmac(fromHex(master), whole));
  });

  test.each([0, 32])("refuses an input of %i bytes", (length) => {
    expect(() => diversifyAes128(fromHex(master), new Uint8Array(length))).toThrow("1–31 bytes");
  });
});
