import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import type { Log } from "#src/lib/log";
import { VirtualClock } from "#test/support/virtual-clock";
import { Heartbeat, notifyThroughSystemd, serviceManager } from "./systemd.js";

interface Line {
  readonly level: string;
  readonly fields: object;
}

function recordingLog(): Log & { readonly lines: Line[] } {
  const lines: Line[] = [];
  const at = (level: string) => (fields: object) => void lines.push({ level, fields });
  const log = { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
  return { ...log, child: () => recordingLog() };
}

function recorder() {
  const sent: { socket: string; facts: readonly string[] }[] = [];
  return { sent, send: (socket: string, facts: readonly string[]) => void sent.push({ socket, facts }) };
}

function heartbeatRig({ watchdogMs }: { watchdogMs: number | null }) {
  const clock = new VirtualClock();
  const log = recordingLog();
  const fedAt: number[] = [];
  const feed = (): void => void fedAt.push(clock.monotonic());
  const heartbeat = new Heartbeat({ clock, log, watchdogMs, feed });
  return { clock, log, fedAt, heartbeat };
}

/** A loop that reports every `everyMs` until it is told to hang. */
function loop(clock: VirtualClock, heard: () => void, everyMs: number) {
  const state = { hangs: false };
  const turn = (): void => {
    if (!state.hangs) heard();
    clock.startTimer(everyMs, turn);
  };
  turn();
  return state;
}

test("systemd is told what happens, at the socket it named", () => {
  const { sent, send } = recorder();
  const manager = serviceManager({ NOTIFY_SOCKET: "/run/systemd/notify" }, { pid: 7, send });
  manager.notifyReady("listening");
  manager.feedWatchdog();
  manager.notifyStopping();
  expect(sent).toEqual([
    { socket: "/run/systemd/notify", facts: ["READY=1", "STATUS=listening"] },
    { socket: "/run/systemd/notify", facts: ["WATCHDOG=1"] },
    { socket: "/run/systemd/notify", facts: ["STOPPING=1"] },
  ]);
});

/** A socket as systemd has one. Resolves once it can be sent to. */
async function notifySocket() {
  const folder = mkdtempSync(join(tmpdir(), "lockbridge-notify-"));
  const path = join(folder, "notify");
  const socat = spawn("socat", ["-d", "-d", "-u", `UNIX-RECV:${path}`, "STDOUT"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    socat.kill();
    rmSync(folder, { recursive: true });
  });
  for await (const line of createInterface({ input: socat.stderr })) {
    if (line.includes("starting data transfer loop")) break;
  }
  return { path, received: socat.stdout };
}

test("systemd's own program delivers what is sent", async () => {
  const { path, received } = await notifySocket();
  const log = recordingLog();
  const manager = serviceManager({ NOTIFY_SOCKET: path }, { pid: 7, send: notifyThroughSystemd(log) });
  manager.notifyReady("listening at two places");
  let text = "";
  for await (const chunk of received) {
    text += String(chunk);
    if (text.includes("STATUS=")) break;
  }
  expect(text).toContain("READY=1\nSTATUS=listening at two places");
  expect(log.lines).toEqual([]);
});

test("a socket that nobody serves is a line in the log, not a crash", async () => {
  const log = recordingLog();
  const logged = new Promise<object>((resolve) => (log.warn = resolve));
  notifyThroughSystemd(log)("/nowhere/notify", ["WATCHDOG=1"]);
  expect(await logged).toMatchObject({ event: "systemd.unreachable" });
});

test.each([{}, { NOTIFY_SOCKET: "" }])("without systemd nothing is sent: %j", (env) => {
  const { sent, send } = recorder();
  const manager = serviceManager(env, { pid: 7, send });
  manager.notifyReady("listening");
  manager.feedWatchdog();
  manager.notifyStopping();
  expect(sent).toEqual([]);
});

test.each([
  [{ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "7" }, 60_000],
  [{ WATCHDOG_USEC: "60000000" }, 60_000],
  [{ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "8" }, null],
  [{}, null],
  [{ WATCHDOG_USEC: "0" }, null],
  [{ WATCHDOG_USEC: "-5" }, null],
  [{ WATCHDOG_USEC: "soon" }, null],
  [{ WATCHDOG_USEC: "Infinity" }, null],
])("the watchdog's interval in %j is %s ms", (env, expected) => {
  const { send } = recorder();
  const manager = serviceManager({ NOTIFY_SOCKET: "/run/notify", ...env }, { pid: 7, send });
  expect(manager.watchdogMs).toBe(expected);
});

test("the watchdog is fed twice per interval while every part turns", async () => {
  const { clock, log, fedAt, heartbeat } = heartbeatRig({ watchdogMs: 60_000 });
  for (const part of ["store", "engine", "device desk"]) loop(clock, heartbeat.watch(part, 20_000), 5_000);
  heartbeat.start();
  await clock.advance(120_000);
  expect(fedAt).toEqual([0, 30_000, 60_000, 90_000, 120_000]);
  expect(log.lines).toEqual([]);
});

test.each(["store", "engine", "device desk"])("when %s falls silent the feeding stops", async (silent) => {
  const { clock, log, fedAt, heartbeat } = heartbeatRig({ watchdogMs: 60_000 });
  const loops = new Map(
    ["store", "engine", "device desk"].map((part) => [
      part,
      loop(clock, heartbeat.watch(part, 20_000), 5_000),
    ]),
  );
  heartbeat.start();
  await clock.advance(31_000);
  loops.get(silent)!.hangs = true;
  await clock.advance(300_000);
  expect(fedAt).toEqual([0, 30_000]);
  expect(log.lines).toEqual([
    { level: "error", fields: { event: "heartbeat.silent", part: silent, silentMs: 30_000 } },
  ]);
});

test("a part that comes back in time is fed for again, and the log says so", async () => {
  const { clock, log, fedAt, heartbeat } = heartbeatRig({ watchdogMs: 60_000 });
  const engine = loop(clock, heartbeat.watch("engine", 20_000), 5_000);
  heartbeat.start();
  engine.hangs = true;
  await clock.advance(31_000);
  engine.hangs = false;
  await clock.advance(60_000);
  expect(fedAt).toEqual([0, 60_000, 90_000]);
  expect(log.lines.map(({ fields }) => fields)).toEqual([
    { event: "heartbeat.silent", part: "engine", silentMs: 30_000 },
    { event: "heartbeat.back", part: "engine" },
  ]);
});

test("a part that was never heard is silent too", async () => {
  const { clock, fedAt, heartbeat } = heartbeatRig({ watchdogMs: 60_000 });
  heartbeat.watch("engine", 20_000);
  heartbeat.start();
  await clock.advance(90_000);
  expect(fedAt).toEqual([0]);
});

test("where nobody watches, nothing is fed, but silence is logged", async () => {
  const { clock, log, fedAt, heartbeat } = heartbeatRig({ watchdogMs: null });
  heartbeat.watch("engine", 20_000);
  heartbeat.start();
  await clock.advance(90_000);
  expect(fedAt).toEqual([]);
  expect(log.lines).toHaveLength(1);
});

test("a stopped heartbeat leaves no timer", async () => {
  const { clock, fedAt, heartbeat } = heartbeatRig({ watchdogMs: 60_000 });
  heartbeat.start();
  await clock.advance(30_000);
  heartbeat.stop();
  expect(clock.pending).toBe(0);
  expect(fedAt).toEqual([0, 30_000]);
});
