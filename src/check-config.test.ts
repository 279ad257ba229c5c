import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checkConfig } from "#src/check-config";

const directory = mkdtempSync(join(tmpdir(), "lb-check-"));
afterAll(() => rmSync(directory, { recursive: true }));

const hex = (digit: string) => digit.repeat(32);
const KEYS = {
  S2_AccessControl: hex("a"),
  S2_Authenticated: hex("b"),
  S2_Unauthenticated: hex("c"),
  S0_Legacy: hex("d"),
};

/** A site with a Z-Wave stick; the line of `stick` is the fifth. */
function siteWithStick(): string {
  const keys = join(directory, "keys.json");
  writeFileSync(keys, JSON.stringify(KEYS), { mode: 0o600 });
  const path = join(directory, "lockbridge.yaml");
  const lines = [
    "site: { id: 6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10, name: Harbour Hotel, time_zone: Europe/Lisbon }",
    `state_dir: ${directory}`,
    `socket: ${join(directory, "sock")}`,
    "devices:",
    `  stick: { driver: zwave, port: /dev/ttyUSB0, keys: "\${file:${keys}}" }`,
  ];
  writeFileSync(path, lines.join("\n"));
  return path;
}

test("a driver whose library is not on this machine is a mistake at its line, with what to do", async () => {
  const { problems } = await checkConfig(siteWithStick(), {}, () => false);
  expect(problems).toEqual([
    {
      line: 5,
      column: 1,
      message:
        "the driver zwave needs zwave-js, which is not installed here: node scripts/install.mjs install --with zwave-js",
    },
  ]);
});

test("where it is installed nothing is wrong", async () => {
  expect((await checkConfig(siteWithStick(), {})).problems).toEqual([]);
});
