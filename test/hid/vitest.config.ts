import { defineConfig } from "vitest/config";
import root from "../../vitest.config.js";

/** What is played inside of the emulated machine: see `test/conformance/hid.test.ts`. */
export default defineConfig({
  resolve: root.resolve ?? {},
  ssr: root.ssr ?? {},
  test: { include: ["test/hid/*.play.ts"], pool: "forks", maxWorkers: 1, hookTimeout: 30_000 },
});
