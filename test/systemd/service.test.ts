import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { openPty } from "#src/sandbox/pty";
import { checkout, debianRoot, installBelow, makeRoot, requireBuild } from "./staged-root.js";
import { allowedCalls, settings } from "./unit-file.js";

/** The unit and its companions, judged by systemd's own tools on an installed tree, and lived under by the daemon. */
let root = "";

beforeAll(() => {
  requireBuild();
  root = makeRoot();
  installBelow(root);
}, 180_000);

afterAll(() => rmSync(root, { recursive: true, force: true }));

function tool(program: string, words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8" });
  return { status, said: stdout + stderr };
}

test("systemd finds nothing wrong with the installed unit", () => {
  execFileSync("cp", ["-a", "/usr/lib/systemd/system", join(root, "usr/lib/systemd/")]);
  const unit = "lockbridge.service";
  expect(tool("systemd-analyze", ["verify", `--root=${root}`, "--man=no", unit])).toEqual({
    status: 0,
    said: "",
  });
});

test("systemd rates the sandbox as OK: an exposure of 2.0 or less", () => {
  const path = join(root, "usr/lib/systemd/system/lockbridge.service");
  const rate = (unit: string) =>
    tool("systemd-analyze", ["security", "--offline=true", "--threshold=20", "--no-pager", unit]);
  expect(rate(path)).toMatchObject({ status: 0 });
  const open = join(debianRoot(), "lockbridge.service");
  writeFileSync(
    open,
    readFileSync(path, "utf8").replace(/^(SystemCallFilter|CapabilityBoundingSet)=.*$/gm, ""),
  );
  expect(rate(open).status).not.toBe(0);
});

test("sysusers and tmpfiles give the daemon its user and keep the configuration from others", () => {
  expect(tool("systemd-sysusers", [`--root=${root}`])).toMatchObject({ status: 0 });
  const users = readFileSync(join(root, "etc/passwd"), "utf8");
  expect(users).toMatch(
    /^lockbridge:[^:]*:\d+:\d+:Lockbridge gateway:\/var\/lib\/lockbridge:\/usr\/sbin\/nologin$/m,
  );
  const words = ["--create", `--root=${root}`, "lockbridge.conf"];
  const { status, said } = tool("systemd-tmpfiles", words);
  // Only root can give files away; whether the lines are understood shows either way.
  if (process.getuid?.() !== 0) {
    expect(said).not.toMatch(/unknown|invalid|failed to parse/i);
    return;
  }
  expect({ status, said }).toEqual({ status: 0, said: "" });
  const group = Number(/^lockbridge:[^:]*:(\d+):/m.exec(readFileSync(join(root, "etc/group"), "utf8"))?.[1]);
  const factsOf = (path: string) => {
    const { mode, uid, gid } = statSync(join(root, path));
    return { mode: (mode & 0o7777).toString(8), uid, gid };
  };
  expect(factsOf("etc/lockbridge")).toEqual({ mode: "750", uid: 0, gid: group });
  expect(factsOf("etc/lockbridge/lockbridge.yaml")).toEqual({ mode: "640", uid: 0, gid: group });
  expect(factsOf("etc/lockbridge/credentials")).toEqual({ mode: "700", uid: 0, gid: 0 });
});

test("every line of the udev rules is well formed", () => {
  const match = /^(ACTION|SUBSYSTEM|KERNEL|ENV\{\w+\}|ATTRS?\{\w+\})(==|!=)"[^"]+"$/;
  const assign = /^(ENV\{\w+\}|GROUP|MODE|GOTO|LABEL)="[^"]+"$/;
  const lines = readFileSync(join(checkout, "systemd/60-lockbridge.rules"), "utf8").split("\n");
  const rules = lines.filter((line) => line !== "" && !line.startsWith("#"));
  const wrong = rules.flatMap((rule) =>
    rule.split(/, */).filter((part) => !match.test(part) && !assign.test(part)),
  );
  expect(wrong).toEqual([]);
  const named = (key: string) =>
    rules.flatMap((rule) => [...rule.matchAll(new RegExp(`${key}="(\\w+)"`, "g"))]);
  const labels = named("LABEL").map(([, name]) => name);
  expect(
    named("GOTO")
      .map(([, name]) => name)
      .filter((name) => !labels.includes(name)),
  ).toEqual([]);
});

// ── The daemon under the unit's filter ───────────────────────────────────────────────────────────────────────────

/** Of nobody: the daemon must not need root's calls. A test that is not root stays who it is. */
const USER = process.getuid?.() === 0 ? 65_534 : null;

const underFilter = join(checkout, "test/systemd/under-filter.py");

function writeFilter(folder: string, filters: readonly string[]): string {
  const filter = join(folder, "filter.json");
  const families = settings("RestrictAddressFamilies").join(" ").split(" ");
  writeFileSync(filter, JSON.stringify({ allowed: allowedCalls(filters), families, user: USER }));
  return filter;
}

/** Starts the installed daemon so that a system call the filter does not allow kills it. */
function startUnderFilter(filters: readonly string[]) {
  const folder = debianRoot();
  const socket = join(folder, "run/lockbridge.sock");
  const config = join(folder, "lockbridge.yaml");
  const state = join(folder, "state");
  for (const path of [state, join(folder, "run")]) {
    mkdirSync(path);
    if (USER !== null) chownSync(path, USER, USER);
  }
  const example = readFileSync(join(root, "etc/lockbridge/lockbridge.yaml"), "utf8");
  const ownPlaces = example
    .replace("port: 8480", "port: 0")
    .replace("/run/lockbridge/lockbridge.sock", socket)
    .replace("/var/lib/lockbridge", state);
  writeFileSync(config, ownPlaces);
  chmodSync(config, 0o644);
  const filter = writeFilter(folder, filters);
  const main = join(root, "usr/lib/lockbridge/dist/src/main.js");
  const child = spawn(
    "/usr/bin/python3",
    [underFilter, filter, process.execPath, main, "run", "--config", config],
    { env: { PATH: "/usr/bin:/bin" }, stdio: ["ignore", "pipe", "pipe"] },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const ended = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  return { child, ended, socket, errors: () => errors };
}

async function untilReady(child: ReturnType<typeof startUnderFilter>["child"]): Promise<boolean> {
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('"gateway.ready"')) return true;
  }
  return false;
}

function getStatus(
  socketPath: string,
): Promise<{ readonly code: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method: "POST", path: "/lockbridge/status" }, (answer) => {
      let body = "";
      answer.on("data", (chunk: Buffer) => (body += chunk.toString()));
      answer.on("end", () => resolve({ code: answer.statusCode, body }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("the daemon starts, answers and stops with the system calls that the unit allows", async () => {
  const { child, ended, socket, errors } = startUnderFilter(settings("SystemCallFilter"));
  const isReady = await untilReady(child);
  expect({ isReady, errors: errors() }).toEqual({ isReady: true, errors: "" });
  const { code, body } = await getStatus(socket);
  expect(code).toBe(200);
  expect(body).toContain("front-desk");
  child.kill("SIGTERM");
  expect(await ended).toEqual({ code: 0, signal: null });
}, 60_000);

test("a driver's process starts, opens its port and ends with the system calls that the unit allows", async () => {
  const folder = debianRoot();
  const pty = await openPty(join(folder, "tty"));
  onTestFinished(() => pty.unplug());
  if (USER !== null) chownSync(realpathSync(pty.path), USER, USER);
  const filter = writeFilter(folder, settings("SystemCallFilter"));
  const program = join(root, "usr/lib/lockbridge");
  const script = join(checkout, "test/systemd/hosted.mjs");
  const words = [underFilter, filter, process.execPath, script, program, pty.path];
  const { status, signal, stdout, stderr } = spawnSync("/usr/bin/python3", words, {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", UV_THREADPOOL_SIZE: "16" },
  });
  expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
  const { threads } = JSON.parse(stdout) as { readonly threads: readonly number[] };
  expect(threads).toHaveLength(2);
  // Four such drivers, each with a library that has threads of its own, and somebody who tells systemd.
  const [daemon = 0, driver = 0] = threads;
  expect(daemon + 4 * (driver + 8) + 1).toBeLessThan(Number(settings("TasksMax")[0]));
}, 60_000);

test.each([
  ["memory protection keys", "~@pkey"],
  ["the network", "~@network-io"],
])(
  "the filter bites: without %s the daemon is killed",
  async (_what, denied) => {
    const { child, ended } = startUnderFilter([...settings("SystemCallFilter"), denied]);
    expect(await untilReady(child)).toBe(false);
    expect((await ended).signal).toBe("SIGSYS");
  },
  60_000,
);
