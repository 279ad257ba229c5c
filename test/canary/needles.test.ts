import { randomBytes } from "node:crypto";
import { gzipSync } from "node:zlib";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { Evidence, textCanary } from "./needles.js";

const PIN = "8301749265017394";
const KEY = randomBytes(16);
const canaries = [textCanary("pin", PIN), { name: "key", bytes: KEY }];

const careless: Record<string, unknown> = {
  "a line of text": `the code ${PIN} is wrong`,
  "a JSON field": JSON.stringify({ code: PIN }),
  "an escaped JSON": JSON.stringify(JSON.stringify({ code: PIN })),
  "hex of a PIN": Buffer.from(PIN).toString("hex"),
  "hex of a key": KEY.toString("hex").toUpperCase(),
  "an inspected buffer": inspect({ key: KEY }),
  "an inspected Uint8Array": inspect({ key: new Uint8Array(KEY) }, { breakLength: Infinity }),
  "JSON of a buffer": JSON.stringify(KEY),
  "JSON of a Uint8Array": JSON.stringify(new Uint8Array(KEY)),
  "base64 in a longer text": Buffer.from(`{"a":1,"code":"${PIN}"}`).toString("base64"),
  "base64 one byte later": Buffer.from(`{"a":12,"code":"${PIN}"}`).toString("base64"),
  "base64url two bytes later": Buffer.concat([randomBytes(8), KEY, randomBytes(5)]).toString("base64url"),
  "raw in a file": Buffer.concat([randomBytes(4_000), KEY, randomBytes(4_000)]),
};

test.each(Object.keys(careless))("%s is found", (what) => {
  const evidence = new Evidence();
  const text = careless[what];
  evidence.add("log", text instanceof Uint8Array ? text : String(text));
  expect(evidence.search(canaries).map(({ where }) => where)).toContain("log");
});

test("what holds no canary has no hit", () => {
  const evidence = new Evidence();
  evidence.add("noise", randomBytes(1_000_000));
  evidence.add("noise", gzipSync(randomBytes(1_000)).toString("base64"));
  // No white space between: the search passes over it, and the key's first digit may be the PIN's last.
  evidence.add("near", `${PIN.slice(1)}/${PIN.slice(0, -1)}/${KEY.subarray(1).toString("hex")}`);
  expect(evidence.search(canaries)).toEqual([]);
});
