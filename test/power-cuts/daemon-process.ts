import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { withinMs } from "./waiting.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const hooks = fileURLToPath(new URL("../support/typescript-hooks.mjs", import.meta.url));

/** How to run one of our TypeScript files as a process of its own. */
export function nodeCommand(script: string, ...words: string[]): readonly [string, ...string[]] {
  return [process.execPath, "--conditions=source", "--import", hooks, join(here, script), ...words];
}

const READY_WITHIN_MS = 30_000;
const END_WITHIN_MS = 20_000;

/** What the daemon logs when it has come so far. */
export type Milestone = "gateway.ready" | "device.ready" | "cloud.welcomed";

/** One life of the daemon: loaded, started, and ended by a signal. */
export class DaemonProcess {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #milestones = new Map<Milestone, Promise<Record<string, unknown>>>();
  readonly #reached = new Map<string, (line: Record<string, unknown>) => void>();
  readonly #loaded: Promise<void>;
  #isEnding = false;
  /** Everything it said on stdout and stderr. */
  said = "";

  /** `before` is a command that runs it, a tracer for one. */
  constructor(configPath: string, before: readonly string[] = []) {
    const [program = "", ...words] = [...before, ...nodeCommand("daemon.ts", configPath)];
    // Its machine has a clock that is set right.
    const env = { ...process.env, PATH: `${join(here, "synchronised")}:${process.env["PATH"] ?? ""}` };
    this.#child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"], env });
    this.#gone = once(this.#child, "close");
    this.#gone.catch(() => undefined);
    this.#child.stdin?.on("error", () => undefined);
    for (const milestone of ["gateway.ready", "device.ready", "cloud.welcomed"] as const) {
      this.#milestones.set(milestone, new Promise((resolve) => this.#reached.set(milestone, resolve)));
    }
    let onLoaded = (): void => undefined;
    this.#loaded = new Promise((resolve) => (onLoaded = resolve));
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.said += chunk.toString()));
    createInterface({ input: this.#child.stdout ?? process.stdin }).on("line", (line) => {
      this.said += `${line}\n`;
      if (line === "loaded") onLoaded();
      else this.#hear(line);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Starts it. Resolves when it has begun to. */
  async start(): Promise<void> {
    await this.#unlessGone(this.#loaded, "it was loaded");
    this.#child.stdin?.end("\n");
  }

  /** The log line of a milestone. Rejects when the daemon ends before it gets there. */
  reaches(milestone: Milestone): Promise<Record<string, unknown>> {
    return this.#unlessGone(
      this.#milestones.get(milestone) ?? Promise.reject(new Error(milestone)),
      milestone,
    );
  }

  /** As a power cut does it. Resolves when nothing of it runs any more. */
  async cut(): Promise<void> {
    this.#isEnding = true;
    this.#child.kill("SIGKILL");
    await this.#gone;
  }

  /** As a service manager does it. Rejects unless it ends by itself with code 0. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    this.#child.kill("SIGTERM");
    await withinMs(END_WITHIN_MS, "the daemon ends", this.#gone);
    if (this.#child.exitCode !== 0)
      throw new Error(`the daemon ended with ${this.#child.exitCode}:\n${this.said}`);
  }

  #hear(line: string): void {
    const parsed: unknown = line.startsWith("{") ? JSON.parse(line) : null;
    if (typeof parsed !== "object" || parsed === null || !("event" in parsed)) return;
    this.#reached.get(String(parsed.event))?.({ ...parsed });
  }

  async #unlessGone<T>(awaited: Promise<T>, what: string): Promise<T> {
    const gone = this.#gone.then(() => {
      throw new Error(`the daemon ended before ${what}${this.#isEnding ? "" : `, by itself:\n${this.said}`}`);
    });
    gone.catch(() => undefined);
    return withinMs(READY_WITHIN_MS, what, Promise.race([awaited, gone]));
  }
}
