import { readdir, readFile, readlink, realpath, stat } from "node:fs/promises";

/** A process that uses a port. */
export interface PortHolder {
  readonly pid: number;
  /** The program's name as the kernel keeps it, at most 15 characters; never its arguments, which may hold secrets. Null when the kernel does not tell. */
  readonly command: string | null;
}

const PROCESSES_MAX = 20_000;

/**
 * The process that has locked the port at `path` with flock(2); null when none has or nobody can tell (Linux tells in
 * /proc/locks, a sandbox may hide it). The port itself is not opened: even a failed try to open one changes its
 * settings under the program that uses it. `proc` is where the process file system is mounted.
 */
export async function lockHolder(path: string, proc = "/proc"): Promise<PortHolder | null> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    const pid = lockingPid(await readFile(`${proc}/locks`, "latin1"), dev, ino);
    return pid === null ? null : { pid, command: await commandOf(pid, proc) };
  } catch {
    return null;
  }
}

/** As `lockHolder`, and where nobody has a lock, the first other process that has the port open, as far as we may see. */
export async function portHolder(path: string, proc = "/proc"): Promise<PortHolder | null> {
  const locked = await lockHolder(path, proc);
  if (locked !== null) return locked;
  const node = await realpath(path).catch(() => null);
  return node === null ? null : openHolder(node, proc);
}

/** For a person; null is somebody who does not show himself. */
export function holderName(holder: PortHolder | null): string {
  if (holder === null) return "another program, which does not show itself";
  if (holder.pid === process.pid) return "this gateway itself";
  return holder.command === null ? `process ${holder.pid}` : `${holder.command} (process ${holder.pid})`;
}

/**
 * A line of /proc/locks is `1: FLOCK  ADVISORY  WRITE 31720 00:1a:3 0 EOF`: process, then device (major and minor, in
 * hex) and number of the locked file (proc_locks(5)). A process that waits for the lock has `->` before its kind.
 */
export function lockingPid(locks: string, device: bigint, inode: bigint): number | null {
  for (const line of locks.split("\n")) {
    const [, kind, , , pid = "", file = ""] = line.trim().split(/\s+/);
    const [major = "", minor = "", number = ""] = file.split(":");
    if (kind !== "FLOCK" || !/^\d{1,10}$/.test(pid) || !/^\d{1,20}$/.test(number)) continue;
    const isDevice = parseInt(major, 16) === majorOf(device) && parseInt(minor, 16) === minorOf(device);
    if (isDevice && BigInt(number) === inode) return Number(pid);
  }
  return null;
}

/** How Linux packs a device number (makedev(3)). */
function majorOf(device: bigint): number {
  return Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n));
}

function minorOf(device: bigint): number {
  return Number((device & 0xffn) | ((device >> 12n) & 0xffffff00n));
}

/** The first other process that has the device node `port`, no link to one, open, as far as we may see. */
export async function openHolder(port: string, proc = "/proc"): Promise<PortHolder | null> {
  try {
    const processes = (await readdir(proc)).filter((name) => /^\d+$/.test(name)).slice(0, PROCESSES_MAX);
    for (const name of processes) {
      const pid = Number(name);
      if (pid !== process.pid && (await hasOpen(pid, port, proc)))
        return { pid, command: await commandOf(pid, proc) };
    }
    return null;
  } catch {
    return null;
  }
}

/** Processes of other users do not show their files, and any may end while it is looked at. */
async function hasOpen(pid: number, port: string, proc: string): Promise<boolean> {
  const directory = `${proc}/${pid}/fd`;
  const files = await readdir(directory).catch(() => []);
  for (const file of files) {
    const target = await readlink(`${directory}/${file}`).catch(() => null);
    if (target === port) return true;
  }
  return false;
}

/** A process gives itself this name: whatever would act on a terminal is taken out. */
async function commandOf(pid: number, proc: string): Promise<string | null> {
  const name = await readFile(`${proc}/${pid}/comm`, "latin1").catch(() => null);
  const printable = name?.trim().replace(/[^\x20-\x7e]/g, "?") ?? "";
  return printable === "" ? null : printable;
}
