import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Database from "better-sqlite3";
import { stringify } from "yaml";
import { mintApiKey } from "#src/api/api-key";
import { objectId } from "#src/config/ids";
import { realClock } from "#src/ops/clock";
import { type Cloud, createCloud } from "#src/sandbox/cloud/server";
import { SimulatedSite } from "#src/sandbox/simulated-site";
import type { Evidence } from "./needles.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const hooks = join(root, "test/support/typescript-hooks.mjs");
const READY_WITHIN_MS = 30_000;

/** Runs one of our TypeScript files with this working directory. */
function nodeWords(script: string, words: readonly string[]): readonly string[] {
  return ["--conditions=source", "--import", hooks, join(root, script), ...words];
}

/** Digits enough that no clock or counter says them by chance. */
export const newPin = (): string => Array.from(randomBytes(16), (byte) => byte % 10).join("");

/** A cloud, an encoder and the directory of a gateway; what the gateway says goes into the evidence. */
export class CanarySite {
  readonly stateDir = mkdtempSync(join(tmpdir(), "lockbridge-canary-"));
  readonly socket = join(this.stateDir, "lockbridge.sock");
  readonly configPath = join(this.stateDir, "lockbridge.yaml");
  readonly siteId = randomUUID();
  readonly gatewayId = randomUUID();
  readonly gatewayToken = randomBytes(24).toString("hex");
  /** In hex, as the configuration has it. */
  readonly readerKey = randomBytes(16).toString("hex");
  readonly cloudKey = mintApiKey((size) => new Uint8Array(randomBytes(size)));
  readonly hardware = new SimulatedSite(this.stateDir);
  readonly #evidence: Evidence;
  #cloud: Cloud | null = null;
  #child: ChildProcess | null = null;
  #life = 0;
  /** Of the API, over TCP. */
  endpoint = "";

  private constructor(evidence: Evidence) {
    this.#evidence = evidence;
  }

  static async create(evidence: Evidence): Promise<CanarySite> {
    const site = new CanarySite(evidence);
    // The first lock keeps windows itself, so that PINs with and without them are on locks.
    site.hardware.locks.simulator.schedulers.add("lock-1");
    await site.hardware.plugIn();
    const { siteId, cloudKey, gatewayId, gatewayToken } = site;
    site.#cloud = await createCloud({
      port: 0,
      siteId,
      apiKey: cloudKey,
      gatewayId,
      gatewayToken,
      clock: realClock,
    });
    site.configure(site.cloud.endpoint);
    return site;
  }

  get cloud(): Cloud {
    if (this.#cloud === null) throw new Error("there is no cloud yet");
    return this.#cloud;
  }

  id(kind: "acs_system" | "acs_encoder" | "acs_entrance", key: string): string {
    return objectId(this.siteId, kind, key);
  }

  lockId(unit: string): string {
    return objectId(this.siteId, "device", unit);
  }

  configure(cloudUrl: string): void {
    const document = {
      site: { id: this.siteId, name: "Canaries", time_zone: "Europe/Lisbon" },
      state_dir: this.stateDir,
      socket: this.socket,
      api: { host: "127.0.0.1", port: 0 },
      log: { level: "trace" },
      devices: {
        desk: { driver: "pn532", port: this.hardware.encoder.port },
        locks: { driver: "reference", port: this.hardware.locks.port },
        bus: {
          driver: "osdp",
          port: this.hardware.readers.port,
          units: { gate: { address: 1, install: true, key: this.readerKey } },
        },
      },
      systems: { main: { card_profiles: ["classic"] } },
      card_profiles: { classic: { format: "lockbridge48", container: "classic", sector: 1 } },
      encoders: { desk: { system: "main", unit: "desk" } },
      entrances: {
        "room-101": { system: "main", door: 101 },
        back: { system: "main", keypad: "locks/lock-1" },
        cellar: { system: "main", keypad: "locks/lock-2" },
        gate: { system: "main", keypad: "bus/gate" },
      },
      cloud: {
        [cloudUrl.startsWith("mqtt:") ? "url" : "http"]: cloudUrl,
        gateway: this.gatewayId,
        token: this.gatewayToken,
      },
      limits: { card_wait_s: 2 },
    };
    writeFileSync(this.configPath, stringify(document), { mode: 0o600 });
  }

  /** Starts the daemon and waits until the given line of its log. */
  async start(until = "device.ready", mode = ""): Promise<void> {
    const life = ++this.#life;
    const report = ["--report-uncaught-exception", `--report-directory=${this.stateDir}`];
    const words = [...report, ...nodeWords("test/canary/daemon.ts", [this.configPath, mode])];
    // Libraries are asked to say all they know.
    const env = { ...process.env, DEBUG: "*" };
    const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"], env });
    this.#child = child;
    let said = "";
    let complained = "";
    child.stderr.on("data", (chunk: Buffer) => (complained += chunk.toString()));
    const hears = new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no ${until}:\n${said}`)), READY_WITHIN_MS);
      const stop = (end: () => void): void => {
        clearTimeout(late);
        end();
      };
      child.stdout.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        this.endpoint = /"endpoint":"(http:[^"]+)"/.exec(said)?.[1] ?? this.endpoint;
        if (said.includes(`"event":"${until}"`)) stop(resolve);
      });
      child.once("close", () => stop(() => reject(new Error(`the daemon ended:\n${said}${complained}`))));
    });
    child.once("close", () => {
      this.#evidence.add(`log of life ${life}`, said);
      this.#evidence.add(`stderr of life ${life}`, complained);
    });
    await hears;
  }

  /** Ends the daemon with a signal and answers its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) throw new Error("no daemon runs");
    this.#child = null;
    if (child.exitCode === null && child.signalCode === null) {
      const closed = once(child, "close");
      child.kill(signal);
      await closed;
    }
    return child.exitCode;
  }

  /** Runs one command of the CLI. `isSecret`: what it prints is a secret by intent, and is no evidence. */
  async cli(words: readonly string[], { isSecret = false } = {}): Promise<string> {
    const command = nodeWords("src/main.ts", ["--socket", this.socket, ...words]);
    const { out, error } = await new Promise<{ out: string; error: string }>((resolve) => {
      execFile(process.execPath, command, { cwd: this.stateDir, timeout: 30_000 }, (_, out, error) =>
        resolve({ out, error }),
      );
    });
    if (!isSecret) this.#evidence.add(`cli ${words.join(" ")}: stdout`, out);
    this.#evidence.add(`cli ${words.join(" ")}: stderr`, error);
    return out;
  }

  /** Everything on disk but the files that are there to hold secrets. */
  collectFiles(): void {
    for (const name of readdirSync(this.stateDir)) {
      const path = join(this.stateDir, name);
      const isKept = /\.db(-\w+)?$|^report.*\.json$/.test(name);
      if (isKept && existsSync(path)) this.#evidence.add(`file ${name}`, readFileSync(path));
    }
  }

  /** Every value of every row, as the database gives it back: no value lies across two pages there. */
  collectRows(): void {
    const database = new Database(join(this.stateDir, "lockbridge.db"), { readonly: true });
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .pluck()
      .all() as string[];
    for (const table of tables) {
      for (const row of database.prepare(`SELECT * FROM "${table}"`).raw().iterate() as Iterable<unknown[]>) {
        for (const value of row)
          this.#evidence.add(`rows of ${table}`, value instanceof Uint8Array ? value : String(value));
      }
    }
    database.close();
  }

  async close(): Promise<void> {
    if (this.#child !== null) await this.end("SIGKILL");
    await this.#cloud?.close();
    await this.hardware.unplug();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}
