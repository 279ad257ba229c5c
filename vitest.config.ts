import { defineConfig } from "vitest/config";

// Vitest hands these to Node too, for whatever is required from node_modules: nothing that is for `import` only.
const conditions = ["source", "node"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
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
