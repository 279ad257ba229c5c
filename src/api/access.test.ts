import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { admit, type KeyCheck } from "./access.js";
import { apiKeyDigest, isApiKey, mintApiKey } from "./api-key.js";

const anybody: KeyCheck = () => ({ name: "anybody", role: "admin" });

test.each([
  "seam_cst1abcdef",
  "seam_at1abcdef",
  "seam_pk1abcdef",
  "eyJhbGciOi",
  "abc",
  "seam_",
  "seam_abc\u00e9",
])("%s is no API key, even where it would be known", (key) => {
  expect(isApiKey(key)).toBe(false);
  expect(() => admit(anybody, `Bearer ${key}`, undefined)).toThrow("valid API key");
});

test("minted keys are API keys, all different, and looked up by their digest", () => {
  const keys = Array.from({ length: 50 }, () => mintApiKey(randomBytes));
  expect(keys.every(isApiKey)).toBe(true);
  expect(new Set(keys.map(apiKeyDigest)).size).toBe(50);
  expect(admit(anybody, `Bearer ${keys[0]}`, "192.168.1.9").caller).toEqual({
    name: "anybody",
    role: "admin",
    seesPins: true,
    from: "192.168.1.9",
  });
});

test("only a viewer sees no PINs; the local socket is an administrator whatever it sends", () => {
  const viewer: KeyCheck = () => ({ name: "kiosk", role: "viewer" });
  expect(admit(viewer, "Bearer seam_kiosk", undefined).caller.seesPins).toBe(false);
  expect(admit("local socket", "Bearer seam_kiosk", undefined)).toEqual({
    caller: { name: "local socket", role: "admin", seesPins: true, from: "local socket" },
    key: null,
  });
});
