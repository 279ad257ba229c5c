import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DRIVER_ERRORS } from "#driver-api";
import { ADVICE } from "./device-problem.js";
import { TIME_UNKNOWN } from "./encode-rules.js";
import { STORAGE_FULL } from "./reserve.js";

const text = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
const sections = text.split(/^### /m).slice(1);
/** A heading may name several: "`no_keys`, `no_card_profile`". */
const codes = sections.flatMap((section) =>
  [...(/^.*$/m.exec(section)?.[0] ?? "").matchAll(/`([^`]+)`/g)].map(([, code]) => code),
);
/** A job's own, which no device and no card has to do with. */
const JOB_CODES = [STORAGE_FULL, TIME_UNKNOWN, "no_keys", "no_card_profile"];

test("docs/errors.md has a paragraph for every code, and for none that does not exist", () => {
  expect([...codes].sort()).toEqual([...Object.keys(ADVICE), ...JOB_CODES].sort());
  expect(codes).toEqual(expect.arrayContaining(Object.keys(DRIVER_ERRORS)));
  for (const section of sections) {
    const paragraph = section.split("\n\n")[1] ?? "";
    expect(paragraph.length).toBeGreaterThan(60);
  }
});
