import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { Pn532Simulator } from "#drivers/pn532/simulator";
import { credentialsCreate } from "#src/api/schemas/credentials";
import { deskCredentialGet, devicesList } from "#src/api/schemas/desk";
import { attemptsGet, encodeCredential, encodersGet, scanCredential } from "#src/api/schemas/encoders";
import { usersCreate } from "#src/api/schemas/users";
import { DaemonClient } from "#src/cli/daemon-client";
import { objectId } from "#src/config/ids";
import type { Step } from "#src/engine/jobs";
import type { Gateway } from "#src/gateway";
import type { Log } from "#src/lib/log";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { until } from "#src/sandbox/demo-site";
import { configuredGateway } from "#test/support/configured-gateway";
import { typed } from "#test/support/typed";
import { Plug } from "./plug.js";

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
/** Far more than it takes: a busy machine is no fault. */
const HEALED_WITHIN_MS = 15_000;

const deviceFacts = z.looseObject({
  key: z.string(),
  state: z.string(),
  since: z.string(),
  identity: z.looseObject({ model: z.string() }).nullable(),
  problem: z.object({ code: z.string(), message: z.string(), advice: z.string() }).nullable(),
  next_try_ms: z.number().nullable(),
});
export type DeviceFacts = z.infer<typeof deviceFacts>;

const lifeFacts = z.looseObject({
  state: z.string(),
  generation: z.number(),
  doubt: z.looseObject({ generation: z.number(), uid: z.string() }).nullable(),
});

/** One desk of the site: an encoder of the API, and the PN532 behind it. */
export class Desk {
  readonly key: string;
  readonly encoderId: string;
  readonly simulator = new Pn532Simulator();
  readonly plug: Plug;

  constructor(key: string, { siteId, directory }: { siteId: string; directory: string }) {
    this.key = key;
    this.encoderId = objectId(siteId, "acs_encoder", key);
    this.plug = new Plug(join(directory, `${key}.tty`), this.simulator);
  }

  put(card = blank()): MifareClassicCard {
    this.simulator.takeCard();
    this.simulator.putCard(card);
    return card;
  }
}

export const blank = () => new MifareClassicCard({ uid: new Uint8Array(randomBytes(4)) });

/** The whole gateway without a cloud, with a PN532 on a real pseudo-terminal for every key in `keys`. */
export async function startHealSite(
  keys: readonly string[],
  { plugged = keys }: { readonly plugged?: readonly string[] } = {},
): Promise<HealSite> {
  const directory = mkdtempSync(join(tmpdir(), "lockbridge-heal-"));
  const siteId = randomUUID();
  const desks = new Map(keys.map((key) => [key, new Desk(key, { siteId, directory })]));
  for (const key of plugged) await desks.get(key)?.plug.plugIn();
  const socket = join(directory, "lockbridge.sock");
  const each = <T>(value: (desk: Desk) => T) =>
    Object.fromEntries([...desks.values()].map((desk) => [desk.key, value(desk)]));
  const document = {
    site: { id: siteId, name: "Harbour Hotel", time_zone: "Europe/Lisbon" },
    state_dir: directory,
    socket,
    api: { host: "127.0.0.1", port: 0 },
    devices: each(({ plug }) => ({ driver: "pn532", port: plug.port })),
    systems: { main: { name: "Harbour locks", card_profiles: ["classic"] } },
    card_profiles: { classic: { format: "lockbridge48", container: "classic", sector: 1 } },
    encoders: each(({ key }) => ({ name: key, system: "main", unit: key })),
    entrances: { "room-101": { system: "main", name: "101", door: 101 } },
  };
  const fatal: Error[] = [];
  const { gateway } = await configuredGateway(document, {
    log: quiet,
    onFatal: (error) => fatal.push(error),
  });
  gateway.desk.keys.create({ name: "test", role: "admin", seesPins: true });
  const site = new HealSite({ directory, socket, siteId, desks, gateway, fatal });
  for (const key of plugged) await site.healed(key);
  return site;
}

export class HealSite {
  readonly socket: string;
  readonly directory: string;
  readonly gateway: Gateway;
  readonly client: DaemonClient;
  /** What would have ended the daemon. */
  readonly fatal: readonly Error[];
  readonly #desks: ReadonlyMap<string, Desk>;
  readonly #systemId: string;
  readonly #entranceId: string;

  constructor(parts: {
    directory: string;
    socket: string;
    siteId: string;
    desks: ReadonlyMap<string, Desk>;
    gateway: Gateway;
    fatal: readonly Error[];
  }) {
    this.directory = parts.directory;
    this.socket = parts.socket;
    this.gateway = parts.gateway;
    this.fatal = parts.fatal;
    this.client = new DaemonClient(parts.socket);
    this.#desks = parts.desks;
    this.#systemId = objectId(parts.siteId, "acs_system", "main");
    this.#entranceId = objectId(parts.siteId, "acs_entrance", "room-101");
  }

  desk(key: string): Desk {
    const desk = this.#desks.get(key);
    if (desk === undefined) throw new Error(`no desk ${key}`);
    return desk;
  }

  /** A guest's credential that waits for its card. */
  async credential(): Promise<string> {
    const { acs_user } = await this.client.call(usersCreate, {
      acs_system_id: this.#systemId,
      full_name: "Ada",
    });
    const { acs_credential } = await this.client.call(credentialsCreate, {
      acs_user_id: acs_user.acs_user_id,
      access_method: "card",
      allowed_acs_entrance_ids: [this.#entranceId],
      ends_at: new Date(Date.now() + 86_400_000).toISOString(),
    });
    return acs_credential.acs_credential_id;
  }

  /** Begins to encode; the id of the action attempt. */
  async begin(key: string, credentialId: string): Promise<string> {
    const { action_attempt } = await this.client.call(encodeCredential, {
      acs_encoder_id: this.desk(key).encoderId,
      acs_credential_id: credentialId,
    });
    return action_attempt.action_attempt_id;
  }

  async attempt(id: string) {
    return (await this.client.call(attemptsGet, { action_attempt_id: id })).action_attempt;
  }

  async ended(id: string) {
    await until("the attempt has ended", async () => (await this.attempt(id)).status !== "pending");
    return this.attempt(id);
  }

  async encode(key: string, credentialId: string) {
    return this.ended(await this.begin(key, credentialId));
  }

  async scan(key: string) {
    const { action_attempt } = await this.client.call(scanCredential, {
      acs_encoder_id: this.desk(key).encoderId,
    });
    return this.ended(action_attempt.action_attempt_id);
  }

  /** Calls `then` the moment a job at this desk says `step` for the first time from now on. */
  atStep(key: string, step: Step, then: () => void): void {
    const { encoderId } = this.desk(key);
    const stop = this.gateway.engine.jobs.onProgress((job, progress) => {
      if (job.encoderId !== encoderId || progress.step !== step) return;
      stop();
      then();
    });
  }

  async life(credentialId: string) {
    const { credential } = await this.client.call(deskCredentialGet, { acs_credential_id: credentialId });
    return lifeFacts.parse(credential);
  }

  async device(key: string): Promise<DeviceFacts> {
    const { devices } = await this.client.call(devicesList, {});
    const facts = z.array(deviceFacts).parse(devices);
    const found = facts.find((device) => device.key === key);
    if (found === undefined) throw new Error(`no device ${key}`);
    return found;
  }

  /** The errors of the desk's acs_encoder. */
  async encoderErrors(key: string) {
    const { acs_encoder } = await this.client.call(encodersGet, { acs_encoder_id: this.desk(key).encoderId });
    return acs_encoder.errors;
  }

  async healed(key: string): Promise<void> {
    await until(`${key} is ready`, async () => (await this.device(key)).state === "ready", HEALED_WITHIN_MS);
  }

  async hasProblem(key: string, code: string): Promise<DeviceFacts> {
    await until(
      `${key} has the problem ${code}`,
      async () => (await this.device(key)).problem?.code === code,
      HEALED_WITHIN_MS,
    );
    return this.device(key);
  }

  /** What a person at the terminal reads. */
  async cli(...words: readonly string[]): Promise<string> {
    let said = "";
    await typed([...words, "--socket", this.socket], {}, (piece) => (said += piece));
    return said;
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await Promise.all([...this.#desks.values()].map(({ plug }) => plug.throwAway()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
