/**
 * The gateway as a process of its own, at the most talkative log level, that can be made to crash with its secrets in
 * hand, or to leak on purpose. Arguments: the configuration file, and `leak` for a gateway that leaks.
 */
// First, as in the real process: libraries are kept quiet from there.
import { untilSignal } from "#src/run-gateway";
import { loadConfig } from "#src/config/load";
import { startGateway } from "#src/gateway";
import { knownDrivers } from "#src/gateway-drivers";
import { createLog } from "#src/ops/log";

const [configPath = "", mode = ""] = process.argv.slice(2);
const ended = untilSignal();
const loaded = await loadConfig(configPath, { env: process.env, drivers: knownDrivers });
if (!loaded.ok) throw new Error(`the configuration is wrong: ${JSON.stringify(loaded.problems)}`);
const { config } = loaded;
const log = createLog(config.logLevel);
const gateway = await startGateway({
  config,
  log,
  credentialsDirectory: undefined,
  askClockSync: (answer) => answer(true),
  onFatal(error) {
    throw error;
  },
});
const { store } = gateway.engine.deps;

/** A bug in the middle of work: whatever was being worked on hangs on to the error. */
process.once("SIGUSR2", () => {
  const rows = store.objects.list("acs_credential", { limit: 100 });
  const held = { config, rows, keySets: store.keySets.list() };
  log.error({ event: "test.bug", err: Object.assign(new Error("a bug"), held), ...held }, "a bug");
  throw Object.assign(new Error(`a bug at ${String(rows[0]?.code)}`, { cause: held }), held);
});

if (mode === "leak") {
  const [row] = store.objects.list("acs_credential", { limit: 1 });
  const [keys] = store.keySets.list();
  const pin = row?.code?.reveal() ?? "";
  log.info({ event: "test.leak", text: `the PIN is ${pin}` }, "a leak");
  store.meta.set("leak", Buffer.from(pin).toString("hex"));
  process.stderr.write(`${JSON.stringify(keys?.cardMaster.reveal())}\n`);
}

await ended;
await gateway.stop();
