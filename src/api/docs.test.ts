import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { jobsStream } from "./schemas/desk.js";
import { metricsGet } from "./schemas/health.js";
import { gatewayRoutes, healthRoutes, seamRoutes, seamSimulationRoutes, simulationRoutes } from "./server.js";

test("docs/api.md lists every route with its methods and role, and no other", () => {
  const text = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");
  const rows = [...text.matchAll(/^\| `(\/[^`]*)` +\| ([A-Z ]+?) +\| (\w+) +\| \S/gm)];
  const documented = rows.map(([, path, methods, role]) => `${path} ${methods} ${role}`);
  const endpoints = [
    ...seamRoutes,
    ...seamSimulationRoutes,
    ...healthRoutes,
    ...gatewayRoutes,
    ...simulationRoutes,
  ].map((route) => route.endpoint);
  const served = [...endpoints, jobsStream, metricsGet].map(
    ({ path, methods, role }) => `${path} ${methods.join(" ")} ${role ?? "none"}`,
  );
  expect(documented.sort()).toEqual(served.sort());
});
