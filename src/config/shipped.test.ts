import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { drivers } from "#drivers/index";
import { loadConfig } from "./load.js";
import { configJsonSchema } from "./schema.js";

const folder = join(import.meta.dirname, "../../config");

test("the example is a good configuration for the drivers there are", async () => {
  const known = {
    ids: Object.keys(drivers),
    load: async (id: string) => (await drivers[id as keyof typeof drivers]()).default,
  };
  const loaded = await loadConfig(join(folder, "lockbridge.example.yaml"), { env: {}, drivers: known });
  expect(loaded.ok ? [] : loaded.problems).toEqual([]);
});

/** Renew it with UPDATE_DOCS=1. */
test("the JSON Schema that editors use is the one of the code", () => {
  const path = join(folder, "lockbridge.schema.json");
  const text = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, text);
  expect(readFileSync(path, "utf8")).toBe(text);
});
