import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Authority, type Identity } from "#test/support/certificates";

export interface MosquittoOptions {
  readonly site: string;
  readonly authority: Authority;
  readonly identity: Identity;
  /** Who may come with a password instead of a certificate, on the listener for that. */
  readonly passwords?: Readonly<Record<string, string>>;
  /** For measurements: says no more than that it serves and what goes wrong, and holds no small packet back. */
  readonly isTerse?: boolean;
}

/** Where a broker listens, each on a free port of 127.0.0.1. */
const LISTENERS = ["certificates", "websockets", "passwords"] as const;
type Listener = (typeof LISTENERS)[number];

/**
 * Debian's Mosquitto as a child process. It keeps nothing on disk: killed, it has forgotten every queue, session and
 * retained message. A gateway may use its own topics only; the user `cloud` may use all of the site.
 */
export class Mosquitto {
  readonly #folder = mkdtempSync(join(tmpdir(), "lockbridge-mosquitto-"));
  readonly #configPath = join(this.#folder, "mosquitto.conf");
  readonly #ports: Readonly<Record<Listener, number>>;
  /** What it said. */
  readonly log: string[] = [];
  #child: ChildProcess | null = null;

  static async start(options: MosquittoOptions): Promise<Mosquitto> {
    const [certificates = 0, websockets = 0, passwords = 0] = await freePorts(LISTENERS.length);
    const broker = new Mosquitto(options, { certificates, websockets, passwords });
    await broker.run();
    return broker;
  }

  private constructor(options: MosquittoOptions, ports: Readonly<Record<Listener, number>>) {
    this.#ports = ports;
    const aclPath = join(this.#folder, "acl");
    const passwordPath = join(this.#folder, "passwords");
    writeFileSync(aclPath, aclOf(options.site));
    const passwords = Object.entries(options.passwords ?? {});
    writeFileSync(passwordPath, passwords.map(([user, password]) => `${user}:${password}\n`).join(""));
    if (passwords.length > 0) execFileSync("mosquitto_passwd", ["-U", passwordPath], { stdio: "pipe" });
    const { authority, identity } = options;
    const tls = [
      `cafile ${authority.path}`,
      `certfile ${identity.certificatePath}`,
      `keyfile ${identity.keyPath}`,
    ];
    const byCertificate = [
      ...tls,
      "require_certificate true",
      "use_identity_as_username true",
      `acl_file ${aclPath}`,
    ];
    writeFileSync(
      this.#configPath,
      [
        "per_listener_settings true",
        // Ignored for anybody else; root would lose access to this folder by becoming `mosquitto`.
        "user root",
        "persistence false",
        "log_dest stderr",
        ...(options.isTerse === true ? ["log_type error", "log_type information"] : ["log_type all"]),
        ...(options.isTerse === true ? ["connection_messages false", "set_tcp_nodelay true"] : []),
        `listener ${ports.certificates} 127.0.0.1`,
        ...byCertificate,
        `listener ${ports.websockets} 127.0.0.1`,
        "protocol websockets",
        ...byCertificate,
        `listener ${ports.passwords} 127.0.0.1`,
        ...tls,
        "allow_anonymous false",
        `password_file ${passwordPath}`,
        `acl_file ${aclPath}`,
        "",
      ].join("\n"),
    );
  }

  url(listener: Listener): string {
    return `${listener === "websockets" ? "wss" : "mqtts"}://127.0.0.1:${this.#ports[listener]}`;
  }

  /** Starts it, again on the same ports; resolves when it serves. */
  async run(): Promise<void> {
    // Debian keeps it where only root looks.
    const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` };
    const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
    const child = spawn("mosquitto", ["-c", this.#configPath], { stdio, env });
    this.#child = child;
    // Nothing stays behind, however the tests end.
    const killWithUs = () => void child.kill("SIGKILL");
    process.once("exit", killWithUs);
    child.once("exit", () => process.off("exit", killWithUs));
    const serves = new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`mosquitto ended (${code}): ${this.log.join("\n")}`)));
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          this.log.push(line);
          if (/mosquitto version \S+ running/.test(line)) resolve();
        });
      }
    });
    await serves;
  }

  /** As a power cut. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function aclOf(site: string): string {
  return [
    `pattern write lockbridge/v1/${site}/%u/u/#`,
    `pattern read lockbridge/v1/${site}/%u/d/#`,
    "user cloud",
    `topic readwrite lockbridge/v1/${site}/#`,
    "",
  ].join("\n");
}

/** Held all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
