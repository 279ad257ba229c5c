/**
 * Under the unit's filter: starts a driver's process from the installed tree, has it open a port, and says how many
 * threads both have. usage: hosted.mjs PROGRAM PORT
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [program, port] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(program, "dist/src", path)).href);
const { Hosts } = await load("hosts/hosts.js");
const { hostProgram } = await load("gateway-lines.js");
const { realClock } = await load("ops/clock.js");

const log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const line = await new Hosts({ clock: realClock, log, program: hostProgram }).open("reference", port);
const children = readFileSync("/proc/self/task/" + process.pid + "/children", "utf8")
  .trim()
  .split(" ");
const threads = [process.pid, ...children].map((pid) =>
  Number(/^Threads:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
);
await line.close();
process.stdout.write(JSON.stringify({ threads }));
