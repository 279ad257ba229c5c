import { configDefaults, defineConfig } from "vitest/config";

// Vitest hands these to Node too, for whatever is required from node_modules: nothing that is for `import` only.
const conditions = ["source", "node"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Open: once in its runs the kill test found a card whose generation the record no longer named (docs/power-cuts.md).
    // Until that is explained it runs by `npm run power-cuts`, and its claim is not made.
    exclude: [
      ...configDefaults.exclude,
      ...(process.env["POWER_CUTS"] === undefined ? ["test/power-cuts/kill.test.ts"] : []),
    ],
    include: ["src/**/*.test.ts", "drivers/**/*.test.ts", "test/**/*.test.ts"],
    pool: "forks",
    // Processes, serial lines and files are shared with other work on the machine: more workers only wait.
    maxWorkers: 2,
    // A test that needs longer than this is stuck. What is known to be slow says so at the test.
    testTimeout: 20_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
  },
});
