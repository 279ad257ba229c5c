import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";

/**
 * A system call as strace tells it. `begin` and `end` are its places in the order of the trace: it had returned before
 * another began when its `end` is smaller than the other's `begin`.
 */
export interface Syscall {
  readonly name: string;
  readonly descriptor: number | null;
  /** What the descriptor is open on. */
  readonly path: string;
  /** Bytes that were written. */
  readonly data: Buffer;
  /** Numbers after descriptor and data: size and offset of a `pwrite64`, the length of an `ftruncate`. */
  readonly numbers: readonly number[];
  /** null: it never returned. */
  readonly result: number | null;
  readonly begin: number;
  readonly end: number;
}

export interface TraceOptions {
  readonly file: string;
  readonly calls: readonly string[];
  /** Of the data of each call. */
  readonly bytesMax: number;
}

/**
 * What comes before a command to trace it, with all its threads; paths and bytes come as hex. strace stands aside
 * (`-D`): the command is our own child, and signals go to it.
 */
export function tracing({ file, calls, bytesMax }: TraceOptions): readonly string[] {
  const what = ["-e", `trace=${calls.join(",")}`];
  return ["strace", "-D", "-f", "--seccomp-bpf", "-y", "-xx", "-s", String(bytesMax), ...what, "-o", file];
}

/** What was traced; null as long as strace has not told the end of the process `pid`, a little after it came. */
export function readTrace(file: string, pid: number): readonly Syscall[] | null {
  const isOver = new RegExp(`^${pid} +\\+\\+\\+ `, "m").test(endOf(file));
  return isOver ? parseTrace(readFileSync(file, "latin1")) : null;
}

/** Where the ends of the threads are told. */
function endOf(file: string): string {
  const tail = Buffer.alloc(8_192);
  const descriptor = openSync(file, "r");
  const from = Math.max(0, fstatSync(descriptor).size - tail.length);
  const size = readSync(descriptor, tail, 0, tail.length, from);
  closeSync(descriptor);
  return tail.toString("latin1", 0, size);
}

const UNFINISHED = " <unfinished ...>";

export function parseTrace(text: string): readonly Syscall[] {
  const calls: Syscall[] = [];
  /** Calls that have not returned, by thread. */
  const open = new Map<string, { readonly index: number; readonly head: string }>();
  for (const [line, content] of text.split("\n").entries()) {
    const [, thread = "", said = ""] = /^(\d+) +(.*)$/.exec(content) ?? [];
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(said)?.[1];
    const begun = open.get(thread);
    if (rest !== undefined) {
      open.delete(thread);
      const call = begun && calls[begun.index];
      if (call !== undefined)
        calls[begun?.index ?? 0] = callOf(`${begun?.head ?? ""}${rest}`, call.begin, line);
    } else if (said.endsWith(UNFINISHED)) {
      const head = said.slice(0, -UNFINISHED.length);
      open.set(thread, { index: calls.length, head });
      calls.push(callOf(head, line, Infinity));
    } else if (/^\w+\(/.test(said)) calls.push(callOf(said, line, line));
  }
  return calls;
}

/** `name(3<\x2f\x74>, "\x00\x01", 2, 32) = 2`; a `writev` has several quoted parts. */
function callOf(text: string, begin: number, end: number): Syscall {
  const [head = "", name = "", descriptor, path = ""] = /^(\w+)\((\d+)?(?:<([^>]*)>)?/.exec(text) ?? [];
  const quoted = [...text.matchAll(/"([^"]*)"/g)].map(([, bytes = ""]) => bytesOf(bytes));
  const tail = text.slice(Math.max(head.length, text.lastIndexOf('"') + 1));
  const result = /\) += (-?\d+)/.exec(tail)?.[1];
  return {
    name,
    descriptor: descriptor === undefined ? null : Number(descriptor),
    path: bytesOf(path).toString(),
    data: Buffer.concat(quoted),
    numbers: [...tail.replace(/\) += .*$/, "").matchAll(/, (\d+)/g)].map(([, digits]) => Number(digits)),
    result: result === undefined ? null : Number(result),
    begin,
    end,
  };
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll("\\x", ""), "hex");
}
