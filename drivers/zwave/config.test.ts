import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Secret } from "#src/lib/secret";
import { configSchema } from "./config.js";
import { LIBRARY_VERSION, loadLibrary } from "./library.js";
import { SIMULATED_KEYS } from "./simulator.js";

const file = (change: object = {}) => JSON.stringify({ ...SIMULATED_KEYS, ...change });

test("the keys are taken from a file by reference, as other Z-Wave programs write them", () => {
  const { keys } = configSchema.parse({
    keys: new Secret(file({ S2_AccessControl: "A0".repeat(16), more: 1 })),
  });
  expect(Buffer.from(keys.S2_AccessControl.reveal()).toString("hex")).toBe("a0".repeat(16));
  expect(keys.S0_Legacy.reveal()).toHaveLength(16);
});

test.each([
  ["no keys", {}, /keys must be JSON/],
  ["what is no JSON", { keys: "canary-canary" }, /keys must be JSON/],
  ["a key that is missing", { keys: file({ S0_Legacy: undefined }) }, /keys must be JSON/],
  ["a key of zeros, which everybody knows", { keys: file({ S0_Legacy: "0".repeat(32) }) }, /everybody knows/],
  ["a short key", { keys: file({ S0_Legacy: "canary" }) }, /keys must be JSON/],
  [
    "two keys that are the same",
    { keys: file({ S0_Legacy: SIMULATED_KEYS.S2_AccessControl.toUpperCase() }) },
    /must be different/,
  ],
])("refuses %s, and repeats none of it", (_, config, words) => {
  const { error } = configSchema.safeParse(config);
  expect(error?.message).toMatch(words);
  expect(error?.message).not.toMatch(/canary|a0a1a2/i);
});

test("a library that is not installed is told with the command that installs it", async () => {
  const missing = () => Promise.reject(new Error("Cannot find package 'zwave-js'"));
  await expect(loadLibrary(missing)).rejects.toMatchObject({
    code: "device.refused",
    effect: "none",
    message: expect.stringContaining(`npm install zwave-js@${LIBRARY_VERSION}`) as string,
  });
});

test("the version that is named is the version that is tested", () => {
  const manifest = JSON.parse(readFileSync("package.json", "utf8")) as {
    devDependencies: Record<string, string>;
    peerDependencies: Record<string, string>;
  };
  expect(manifest.devDependencies["zwave-js"]).toBe(LIBRARY_VERSION);
  expect(manifest.peerDependencies["zwave-js"]).toBe(LIBRARY_VERSION);
});
