import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allEndpoints } from "./all-routes.js";
import { openApiDocument } from "./openapi.js";

const path = new URL("../../docs/openapi.json", import.meta.url);

/** Renew it with `npm run docs`. */
test("docs/openapi.json is the document of every route there is", () => {
  const text = `${JSON.stringify(openApiDocument(allEndpoints), null, 1)}\n`;
  if (process.env["UPDATE_DOCS"] === "1") writeFileSync(path, text);
  expect(readFileSync(path, "utf8")).toBe(text);
});
