/**
 * What `npm test` runs: every check, also after one has failed, a line each; at the end `N passed, N failed`, where
 * each check counts as one and the tests count one by one. Exits 0 only when nothing failed.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Independent of one another: two run at a time. */
const STATIC_CHECKS = [
  { name: "lint", command: ["eslint", ".", "--max-warnings", "0"] },
  { name: "build", command: ["node", "scripts/setup.mjs", "build"] },
  { name: "types", command: ["tsc", "-p", "tsconfig.json", "--noEmit"] },
  { name: "format", command: ["prettier", "--check", "--log-level", "warn", "."] },
  {
    name: "boundaries",
    command: ["depcruise", "--config", ".dependency-cruiser.cjs", "src", "drivers"],
  },
];
const AT_A_TIME = 2;

async function main() {
  const tally = { passed: 0, failed: 0 };
  const waiting = [...STATIC_CHECKS];
  const lane = async () => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
      const { isOk, output, seconds } = await run(check.command, "kept");
      tally[isOk ? "passed" : "failed"] += 1;
      console.log(line(check.name, isOk, seconds));
      if (!isOk) console.log(output.trimEnd());
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));

  const tests = await runTests();
  tally.passed += tests.passed;
  tally.failed += tests.failed;
  console.log(`\n${tally.passed} passed, ${tally.failed} failed`);
  process.exitCode = tally.failed === 0 ? 0 : 1;
}

async function runTests() {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-check-"));
  const file = join(folder, "vitest.json");
  try {
    const command = ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const { isOk, seconds } = await run(command, "shown");
    const counted = count(file);
    // Vitest also fails for what is no test: an unhandled rejection, a file that does not load.
    const failed = isOk ? counted.failed : Math.max(1, counted.failed);
    console.log(line(`tests: ${counted.passed} passed, ${failed} failed`, failed === 0, seconds));
    return { passed: counted.passed, failed };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Tests of vitest's own report; a file that failed without running a test counts as one failure. */
function count(file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 1 };
  }
  const unloaded = report.testResults.filter(
    (result) =>
      result.status === "failed" && result.assertionResults.every(({ status }) => status !== "failed"),
  );
  return { passed: report.numPassedTests, failed: report.numFailedTests + unloaded.length };
}

function run([program, ...words], output) {
  const begun = performance.now();
  const PATH = `${join(root, "node_modules", ".bin")}:${process.env.PATH ?? ""}`;
  const stdio = output === "shown" ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"];
  const child = spawn(program, words, { cwd: root, stdio, env: { ...process.env, PATH } });
  const chunks = [];
  child.stdout?.on("data", (chunk) => chunks.push(chunk));
  child.stderr?.on("data", (chunk) => chunks.push(chunk));
  return new Promise((resolve) => {
    const end = (isOk, extra) =>
      resolve({
        isOk,
        output: Buffer.concat(chunks).toString() + extra,
        seconds: (performance.now() - begun) / 1000,
      });
    child.once("error", (error) => end(false, `${program}: ${error.message}`));
    child.once("close", (code) => end(code === 0, ""));
  });
}

function line(name, isOk, seconds) {
  return `${isOk ? "ok    " : "FAILED"}  ${name}  (${seconds.toFixed(1)} s)`;
}

await main();
