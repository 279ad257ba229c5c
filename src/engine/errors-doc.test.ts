import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DRIVER_ERRORS } from "#driver-api";
import { ADVICE } from "./device-problem.js";
import { TIME_UNKNOWN } from "./encode-rules.js";
import { STORAGE_FULL } from "./reserve.js";

const text = readFileSync(join(import.meta.dirname, "../../docs/errors.md"), "utf8");
const sections = text.split(/^### /m).slice(1);
const codes = sections.map((section) => /^`([^`]+)`\n/.exec(section)?.[1]);

test("docs/errors.md has a paragraph for every code, and for none that does not exist", () => {
  expect([...codes].sort()).toEqual([...Object.keys(ADVICE), STORAGE_FULL, TIME_UNKNOWN].sort());
  expect(codes).toEqual(expect.arrayContaining(Object.keys(DRIVER_ERRORS)));
  for (const section of sections) {
    const paragraph = section.split("\n\n")[1] ?? "";
    expect(paragraph.length).toBeGreaterThan(60);
  }
});
