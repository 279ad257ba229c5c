import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { Pn532Simulator } from "#drivers/pn532/simulator";
import { apiKeyDigest, mintApiKey } from "#src/api/api-key";
import { objectId } from "#src/config/ids";
import type { KeySet } from "#src/engine/ports";
import { Secret } from "#src/lib/secret";
import { realClock } from "#src/ops/clock";
import { attach } from "#src/sandbox/attach";
import { MifareClassicCard } from "#src/sandbox/cards/mifare-classic";
import { NtagCard } from "#src/sandbox/cards/ntag";
import { type Cloud, createCloud } from "#src/sandbox/cloud/server";
import { openPty, type PtyEnd } from "#src/sandbox/pty";
import { loadSealingKey } from "#src/store/sealing-key";
import { openStore } from "#src/store/store";
import { pause } from "./waiting.js";
import { WitnessedCard, type WholeWrite } from "./witnessed-card.js";

const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size));
const CLASSIC_CARDS = 5;
const NTAG_CARDS = 4;

/**
 * All that outlives the daemon: the encoder on its line, the cards, the cloud, the directory with the database. It
 * lives in the process of the test, so that killing the daemon takes nothing of it along.
 */
export class World {
  readonly stateDir: string;
  readonly configPath: string;
  readonly cloud: Cloud;
  readonly deskKey: string;
  readonly ids: { readonly system: string; readonly encoder: string; readonly entrances: readonly string[] };
  readonly simulator: Pn532Simulator;
  readonly cards: readonly WitnessedCard[];
  readonly wholeWrites: WholeWrite[] = [];
  /** Write commands that cards took. */
  cardWrites = 0;
  readonly #pty: PtyEnd;
  readonly #writeListeners = new Set<() => void>();
  /** Life of the daemon that runs now, or that ran last. */
  life = 0;

  private constructor(
    parts: Pick<World, "stateDir" | "configPath" | "cloud" | "deskKey" | "ids"> & {
      readonly pty: PtyEnd;
      readonly keys: KeySet;
    },
  ) {
    this.stateDir = parts.stateDir;
    this.configPath = parts.configPath;
    this.cloud = parts.cloud;
    this.deskKey = parts.deskKey;
    this.ids = parts.ids;
    this.#pty = parts.pty;
    this.simulator = new Pn532Simulator();
    attach(parts.pty, this.simulator);
    const witness = {
      keySets: [parts.keys],
      life: () => this.life,
      onWrite: () => {
        this.cardWrites++;
        for (const listener of [...this.#writeListeners]) listener();
      },
      onWhole: (write: WholeWrite) => void this.wholeWrites.push(write),
    };
    this.cards = [
      ...Array.from({ length: CLASSIC_CARDS }, () => new MifareClassicCard({ uid: random(4) })),
      ...Array.from({ length: NTAG_CARDS }, () => new NtagCard({ uid: Uint8Array.of(0x04, ...random(6)) })),
    ].map((card) => new WitnessedCard(card, witness));
  }

  static async create(): Promise<World> {
    const stateDir = mkdtempSync(join(tmpdir(), "lockbridge-power-"));
    const [siteId, gatewayId, gatewayToken] = [randomUUID(), randomUUID(), randomUUID()];
    const cloud = await createCloud({
      port: 0,
      siteId,
      apiKey: mintApiKey(random),
      gatewayId,
      gatewayToken,
      clock: realClock,
    });
    const port = join(stateDir, "encoder.tty");
    const pty = await openPty(port);
    const configPath = join(stateDir, "lockbridge.yaml");
    const entrances = ["room-101", "room-102", "room-103", "pool"];
    writeFileSync(
      configPath,
      stringify({
        site: { id: siteId, name: "Power cuts", time_zone: "Europe/Lisbon" },
        state_dir: stateDir,
        socket: join(stateDir, "lockbridge.sock"),
        api: { host: "127.0.0.1", port: 0 },
        devices: { desk: { driver: "pn532", port } },
        systems: { main: { card_profiles: ["classic", "ntag"] } },
        card_profiles: {
          classic: { format: "lockbridge48", container: "classic", sector: 1 },
          ntag: { format: "lockbridge48", container: "ntag", page: 4 },
        },
        encoders: { desk: { system: "main", unit: "desk" } },
        entrances: {
          "room-101": { system: "main", door: 101 },
          "room-102": { system: "main", door: 102 },
          "room-103": { system: "main", door: 103 },
          pool: { system: "main", zone: 3 },
        },
        cloud: { http: cloud.endpoint, gateway: gatewayId, token: gatewayToken },
        offline: { hours: 72, keys: 100_000 },
        limits: { card_wait_s: 2 },
      }),
      { mode: 0o600 },
    );
    const { keys, deskKey } = equip(stateDir);
    return new World({
      stateDir,
      configPath,
      cloud,
      deskKey,
      ids: {
        system: objectId(siteId, "acs_system", "main"),
        encoder: objectId(siteId, "acs_encoder", "desk"),
        entrances: entrances.map((key) => objectId(siteId, "acs_entrance", key)),
      },
      pty,
      keys,
    });
  }

  /** Puts this card alone on the encoder. */
  lay(card: WitnessedCard): void {
    this.simulator.takeCard();
    this.simulator.putCard(card);
  }

  card(uid: string): WitnessedCard | undefined {
    return this.cards.find(({ name }) => name === uid);
  }

  /** Resolves at the write command after which it is enough, or when the time is up. */
  async untilWritten(ms: number, isEnough: () => boolean): Promise<void> {
    let onWrite = (): void => undefined;
    const enough = new Promise<void>((resolve) => {
      onWrite = () => {
        if (isEnough()) resolve();
      };
    });
    this.#writeListeners.add(onWrite);
    await Promise.race([enough, pause(ms)]);
    this.#writeListeners.delete(onWrite);
  }

  async close(): Promise<void> {
    await this.#pty.unplug();
    await this.cloud.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

/** A new store with card keys that the test knows, and a key for the API. */
function equip(stateDir: string): { readonly keys: KeySet; readonly deskKey: string } {
  const sealingKey = loadSealingKey({ credentialsDirectory: undefined, stateDir, storeExists: false });
  const store = openStore({
    path: join(stateDir, "lockbridge.db"),
    sealingKey,
    random,
    onFatal(error) {
      throw error;
    },
  });
  const keys: KeySet = {
    version: 1,
    issuer: new Secret(Uint8Array.of(0x0a, 0x0b, 0x0c, 0x0d)),
    cardMaster: new Secret(random(16)),
    createdAt: realClock.now(),
  };
  const deskKey = mintApiKey(random);
  store.keySets.add(keys);
  store.tokens.add({
    id: randomUUID(),
    name: "desk",
    role: "admin",
    sha256: apiKeyDigest(deskKey),
    createdAt: keys.createdAt,
  });
  store.close();
  return { keys, deskKey };
}
