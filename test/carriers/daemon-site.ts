import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import { statusGet, syncGet } from "#src/api/schemas/desk";
import { usersCreate, usersList } from "#src/api/schemas/users";
import { DaemonClient } from "#src/cli/daemon-client";
import { objectId } from "#src/config/ids";
import { GATEWAY, SITE, TOKEN } from "#test/mqtt/rig";
import { DaemonProcess } from "#test/power-cuts/daemon-process";
import type { TwoWays } from "./rig.js";

export const SYSTEM = objectId(SITE, "acs_system", "main");

const journalFacts = z.object({ jid: z.string(), last_seq: z.number() });
const cloudFacts = z.looseObject({
  carrier: z.string(),
  phase: z.string(),
  feed: z.looseObject({ cursor: z.number(), is_caught_up: z.boolean() }),
  journal: z.looseObject({ unacknowledged: z.number() }),
  carriers: z.array(z.looseObject({ carrier: z.string(), state: z.string() })),
});

/** A daemon in a process of its own, with its store in a directory of its own and both ways to the cloud. */
export class DaemonSite {
  readonly #stateDir = mkdtempSync(join(tmpdir(), "lockbridge-carriers-"));
  readonly #configPath = join(this.#stateDir, "lockbridge.yaml");
  readonly #client = new DaemonClient(join(this.#stateDir, "lockbridge.sock"));
  #process: DaemonProcess | null = null;
  /** Everything that lives before this one said. */
  #saidBefore = "";

  constructor(ways: TwoWays) {
    const { certificate, key } = ways.authority.issue(GATEWAY);
    const file = (name: string, text: string): string => {
      const path = join(this.#stateDir, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const tls = {
      ca: file("ca.pem", ways.authority.certificate),
      certificate: file("own.pem", certificate),
      key: `\${file:${file("own.key", key)}}`,
    };
    const document = {
      site: { id: SITE, name: "Carriers", time_zone: "Europe/Lisbon" },
      state_dir: this.#stateDir,
      socket: join(this.#stateDir, "lockbridge.sock"),
      api: { host: "127.0.0.1", port: 0 },
      systems: { main: {} },
      cloud: { url: ways.mqttUrl, http: ways.httpUrl, gateway: GATEWAY, token: TOKEN, tls },
    };
    writeFileSync(this.#configPath, stringify(document), { mode: 0o600 });
  }

  get said(): string {
    return this.#saidBefore + (this.#process?.said ?? "");
  }

  /** Starts it and waits until it serves. */
  async start(): Promise<void> {
    this.#process = new DaemonProcess(this.#configPath);
    await this.#process.start();
    await this.#process.reaches("gateway.ready");
  }

  async kill(): Promise<void> {
    await this.#end((process) => process.cut());
  }

  async stop(): Promise<void> {
    await this.#end((process) => process.stop());
  }

  /** At the desk; answers the id. */
  async addUser(name: string): Promise<string> {
    const { acs_user } = await this.#client.call(usersCreate, { acs_system_id: SYSTEM, full_name: name });
    return acs_user.acs_user_id;
  }

  /** Id → name, of all. */
  async users(): Promise<ReadonlyMap<string, string>> {
    const { acs_users } = await this.#client.call(usersList, { limit: 500 });
    return new Map(acs_users.map(({ acs_user_id, full_name }) => [acs_user_id, String(full_name)]));
  }

  async journal(): Promise<z.infer<typeof journalFacts>> {
    const { status } = await this.#client.call(statusGet, {});
    return journalFacts.parse(status["journal"]);
  }

  async cloud(): Promise<z.infer<typeof cloudFacts>> {
    const { sync } = await this.#client.call(syncGet, {});
    return cloudFacts.parse(sync["cloud"]);
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#stateDir, { recursive: true, force: true });
  }

  async #end(how: (process: DaemonProcess) => Promise<void>): Promise<void> {
    const process = this.#process;
    if (process === null) return;
    await how(process);
    this.#saidBefore += process.said;
    this.#process = null;
  }
}
