import { spawnSync } from "node:child_process";
import { constants, openSync } from "node:fs";

/** A new pseudo-terminal, raw: its far end is a file of this process, the near one is opened by its path. */
export interface Pty {
  readonly fd: number;
  readonly path: string;
}

/** Node cannot unlock a terminal by itself, so a helper does, and many at a time cost no more than one. */
const AT_A_TIME = 128;
/** By this path, because umockdev takes what is opened right under /dev for a device of its own. */
const MULTIPLEXER = "/proc/self/root/dev/ptmx";
/** Of ioctl_tty(2). */
const HELPER = `
import fcntl, struct, sys, tty
TIOCSPTLCK, TIOCGPTN = 0x40045431, 0x80045430
for fd in range(3, 3 + int(sys.argv[1])):
    fcntl.ioctl(fd, TIOCSPTLCK, struct.pack("i", 0))
    tty.setraw(fd)
    print(struct.unpack("I", fcntl.ioctl(fd, TIOCGPTN, bytes(4)))[0])
`;

const ready: Pty[] = [];

export function takePty(): Pty {
  if (ready.length === 0) ready.push(...makePtys(AT_A_TIME));
  const pty = ready.shift();
  if (pty === undefined) throw new Error("no pseudo-terminal could be made");
  return pty;
}

function makePtys(count: number): readonly Pty[] {
  const mode = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK;
  const fds = Array.from({ length: count }, () => openSync(MULTIPLEXER, mode));
  const helper = spawnSync("python3", ["-I", "-S", "-c", HELPER, `${count}`], {
    stdio: ["ignore", "pipe", "pipe", ...fds],
    encoding: "utf8",
  });
  if (helper.error !== undefined || helper.status !== 0)
    throw new Error(`python3 could not unlock the pseudo-terminals: ${helper.stderr}`, {
      cause: helper.error,
    });
  const numbers = helper.stdout.trim().split("\n");
  return fds.map((fd, index) => ({ fd, path: `/dev/pts/${numbers[index] ?? "none"}` }));
}
