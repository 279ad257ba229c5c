import { parseArgs } from "node:util";
import { live, minimised, stepsOf } from "./history.js";

/** `npm run histories -- --seed N --steps M` tells one history; `--histories K` lives through K from that seed on. */
const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    steps: { type: "string", default: "300" },
    histories: { type: "string" },
  },
});
const [first, count] = [Number(values.seed), Number(values.steps)];
const isOne = values.histories === undefined;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const startedAt = performance.now();
const histories = Number(values.histories ?? 1);
for (let seed = first; seed < first + histories; seed++) {
  const steps = stepsOf(seed, count);
  const { violation, trace } = await live(seed, steps);
  if (isOne) say(trace.join("\n"));
  if (violation === null) continue;
  say(`seed ${seed} broke ${violation.message}`);
  const fewer = await minimised(seed, steps, violation);
  const told = await live(seed, fewer);
  say(`${fewer.length} of ${steps.length} steps are enough:\n${told.trace.join("\n")}`);
  say(`${told.violation?.message ?? ""}\nreplay: npm run histories -- --seed ${seed} --steps ${count}`);
  process.exit(1);
}
const seconds = (performance.now() - startedAt) / 1_000;
say(`${histories} histories of ${count} steps: every invariant held, ${seconds.toFixed(1)} s`);
