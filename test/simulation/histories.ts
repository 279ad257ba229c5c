import { parseArgs } from "node:util";
import { brokenBy, live, stepsOf } from "./history.js";

/** `npm run histories -- --seed N --steps M` tells one history; `--histories K` lives through K from that seed on. */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "300" },
    histories: { type: "string" },
  },
});
const [first, count] = [Number(values.seed), Number(values.steps)];
const histories = Number(values.histories ?? 1);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

if (values.histories === undefined) say((await live(first, stepsOf(first, count))).trace.join("\n"));
const startedAt = performance.now();
for (let seed = first; seed < first + histories; seed++) {
  const broken = await brokenBy(seed, count);
  if (broken === null) continue;
  say(broken);
  process.exit(1);
}
const seconds = (performance.now() - startedAt) / 1_000;
const each = (seconds / histories).toFixed(2);
say(
  `${histories} histories of ${count} steps: every invariant held, ${seconds.toFixed(1)} s, ${each} s each`,
);
