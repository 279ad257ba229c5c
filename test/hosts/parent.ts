import { Hosts } from "#src/hosts/hosts";
import type { Log } from "#src/lib/log";
import { realClock } from "#src/ops/clock";
import { sourceProgram } from "#test/hosts/programs";

/** A gateway that has one driver's process and does nothing else, until it is killed. */
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const hosts = new Hosts({ clock: realClock, log: quiet, program: sourceProgram("src/hosted-driver.ts") });
await hosts.open("reference", process.argv[2] ?? "");
process.stdout.write("open\n");
setInterval(() => undefined, 1_000);
