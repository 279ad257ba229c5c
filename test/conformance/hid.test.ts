import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { casesFor, driversOn, rigOf, titleOf } from "#test/conformance/suite";
import { freshSocket, nodeInHidWorld } from "../hid/run.js";

/**
 * The whole suite once more for every driver of a HID device, through the real node-hid. The emulated machine can only
 * be entered by a process that starts in it, so a vitest of its own plays the cases there (`test/hid/drivers.play.ts`),
 * a driver at a time; here each of them is shown as if it had been played here.
 */
const root = join(import.meta.dirname, "../..");
const PLAYED_WITHIN_MS = 400_000;

const Report = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ title: z.string(), status: z.string(), failureMessages: z.array(z.string()) }),
      ),
    }),
  ),
});

describe.each(await driversOn("hid"))("%s over the real node-hid", async (id) => {
  const rig = await rigOf(id);
  let played = new Map<string, readonly string[]>();
  let printed = "";

  beforeAll(async () => {
    const socket = freshSocket();
    const file = `${socket}.json`;
    const vitest = [
      join(root, "node_modules/vitest/vitest.mjs"),
      "run",
      "--config",
      "test/hid/vitest.config.ts",
    ];
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
    const env = { ...process.env, LOCKBRIDGE_HID_WORLD: socket };
    const command = [...vitest, ...reporters, "-t", `^${id} `];
    ({ printed } = await nodeInHidWorld(socket, command, { cwd: root, env }));
    const { testResults } = Report.parse(JSON.parse(readFileSync(file, "utf8")));
    const results = testResults.flatMap(({ assertionResults }) => assertionResults);
    const run = results.filter(({ status }) => status === "passed" || status === "failed");
    played = new Map(run.map(({ title, failureMessages }) => [title, failureMessages]));
  }, PLAYED_WITHIN_MS);

  for (const it of casesFor(rig)) {
    test(titleOf(it), () => {
      expect(played.get(titleOf(it)) ?? ["it was not played", printed]).toEqual([]);
    });
  }
});
