import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cases } from "#test/conformance/cases";
import type { Case } from "#test/conformance/case";

const GUIDE = join(import.meta.dirname, "../../docs/driver-guide.md");

const HEADINGS: readonly (readonly [Case["needs"], string])[] = [
  [null, "Every device"],
  ["cardWriter", "Card writers"],
  ["stripeWriter", "Stripe writers"],
  ["keypadLock:on_device", "Locks that hold their codes"],
  ["keypadLock:schedule", "Locks that keep the windows of their codes"],
  ["keypadLock:checksum", "Locks that give out a checksum of their slots"],
  ["keypadLock:readState", "Locks that can be asked how they stand"],
  ["keypadLock:on_gateway", "Doors whose codes the gateway holds"],
  ["cardReader", "Card readers"],
  ["signals", "Lamps and buzzers"],
  ["keyIssuer", "Key issuers"],
];

/** What stands between the two marks of the guide: when this fails, copy the expected text there. */
test("the driver guide lists every case", () => {
  const lists = HEADINGS.map(([needs, heading]) => {
    const lines = cases.filter((it) => it.needs === needs).map(({ id, promise }) => `- ${id} ${promise}\n`);
    return `### ${heading}\n\n${lines.join("")}`;
  });
  const guide = readFileSync(GUIDE, "utf8");
  const [, listed] = /<!-- cases -->\n\n([^]*)\n<!-- \/cases -->/.exec(guide) ?? [];
  expect(listed).toBe(lists.join("\n"));
});

test("no case is left without a heading", () => {
  const needs = HEADINGS.map(([need]) => need);
  expect(cases.filter((it) => !needs.includes(it.needs))).toEqual([]);
});
