import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openPty, type PtyEnd } from "#src/sandbox/pty";
import { lockHolder, lockingPid, openHolder, portHolder } from "#src/transports/port-holder";

/** As proc_locks(5) prints them; the fourth line waits for the lock of the third. */
const LOCKS = `1: POSIX  ADVISORY  WRITE 28113 fe:00:2182120 1073741826 1073742335
2: POSIX  ADVISORY  WRITE 999 00:1a:3 0 EOF
3: FLOCK  ADVISORY  WRITE 31720 00:1a:3 0 EOF
3: -> FLOCK  ADVISORY  WRITE 31999 00:1a:3 0 EOF
4: FLOCK  ADVISORY  WRITE 4711 103:2a7f0:18446744073709551615 0 EOF
`;
const makedev = (major: bigint, minor: bigint): bigint =>
  ((major & 0xfffff000n) << 32n) |
  ((major & 0xfffn) << 8n) |
  ((minor & 0xffffff00n) << 12n) |
  (minor & 0xffn);

test.each([
  ["the one that has it", makedev(0n, 0x1an), 3n, 31720],
  ["large numbers", makedev(0x103n, 0x2a7f0n), 18446744073709551615n, 4711],
  ["another file", makedev(0n, 0x1an), 4n, null],
  ["the same number on another device", makedev(1n, 0x1an), 3n, null],
  ["a lock of another kind", makedev(0xfen, 0n), 2182120n, null],
])("reads the kernel's list of locks: %s", (_what, device, inode, pid) => {
  expect(lockingPid(LOCKS, device, inode)).toBe(pid);
});

test("whatever stands in the list, it is read without a throw", () => {
  const word = fc.oneof(
    fc.constantFrom("1:", "FLOCK", "->", "00:1a:3", "00:1a", "-5", "ADVISORY"),
    fc.string(),
  );
  const line = fc.array(word, { maxLength: 8 }).map((words) => words.join(" "));
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const pid = lockingPid(lines.join("\n"), makedev(0n, 0x1an), 3n);
      expect(pid === null || pid >= 0).toBe(true);
    }),
  );
});

let pty: PtyEnd;
let directory: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "lb-holder-"));
  pty = await openPty(join(directory, "tty"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill();
  await pty.unplug();
});

async function run(command: string, words: readonly string[]): Promise<number> {
  const child = spawn(command, words, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  await once(child.stdout, "data");
  return child.pid ?? 0;
}

test("names the process that has locked a port, found by any of its names", async () => {
  const byId = join(directory, "by-id");
  symlinkSync(pty.path, byId);
  expect(await lockHolder(byId)).toBeNull();
  const pid = await run("flock", ["--no-fork", pty.path, "sh", "-c", "echo; exec cat"]);
  await expect.poll(() => lockHolder(byId)).toEqual({ pid, command: "cat" });
  expect(await portHolder(pty.path)).toEqual({ pid, command: "cat" });
});

/** A process file system of our own making. */
function proc(name: string, locks = "", target = ""): string {
  const root = mkdtempSync(join(tmpdir(), "lb-proc-"));
  mkdirSync(join(root, "77", "fd"), { recursive: true });
  writeFileSync(join(root, "77", "comm"), name);
  writeFileSync(join(root, "locks"), locks);
  if (target !== "") symlinkSync(target, join(root, "77", "fd", "5"));
  return root;
}

test("a program that has the port open without a lock is named too, but only to whom asks for any", async () => {
  const port = join(directory, "port");
  writeFileSync(port, "");
  const root = proc("minicom\n", "", port);
  expect(await portHolder(port, root)).toEqual({ pid: 77, command: "minicom" });
  expect(await lockHolder(port, root)).toBeNull();
  expect(await openHolder(port, root)).toEqual({ pid: 77, command: "minicom" });
  expect(await openHolder(join(directory, "other"), root)).toBeNull();
  expect(await portHolder(join(directory, "other"), root)).toBeNull();
});

test("a name cannot act on a terminal, and one that is hidden is no failure", async () => {
  const port = join(directory, "port");
  writeFileSync(port, "");
  const { dev, ino } = statSync(port);
  const major = (dev >> 8).toString(16).padStart(2, "0");
  const minor = (dev & 0xff).toString(16).padStart(2, "0");
  const locks = (pid: number) => `1: FLOCK  ADVISORY  WRITE ${pid} ${major}:${minor}:${ino} 0 EOF\n`;
  expect(await lockHolder(port, proc("a\x1b[2Jb\n", locks(77)))).toEqual({ pid: 77, command: "a?[2Jb" });
  expect(await lockHolder(port, proc("a", locks(78)))).toEqual({ pid: 78, command: null });
  expect(await portHolder(port, join(directory, "no-proc"))).toBeNull();
});
