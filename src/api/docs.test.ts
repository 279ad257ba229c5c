import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { allEndpoints } from "./all-routes.js";

test("docs/api.md lists every route with its methods and role, and no other", () => {
  const text = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(\/[^`]*)` +\| ([A-Z ]+?) +\| (\w+) +\| \S/gm)];
  const documented = rows.map(([, path, methods, role]) => `${path} ${methods} ${role}`);
  const served = allEndpoints.map(
    ({ path, methods, role }) => `${path} ${methods.join(" ")} ${role ?? "none"}`,
  );
  expect(documented.sort()).toEqual(served.sort());
});
