import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import msr605Driver from "#drivers/msr605/index";
import { MsrSimulator } from "#drivers/msr605/simulator";
import referenceDriver from "#drivers/reference/index";
import { ReferenceSimulator, SimulatedClassic } from "#drivers/reference/simulator";
import { Devices } from "#src/devices/devices";
import type { SupervisedDevice } from "#src/devices/supervisor";
import type { Inventory } from "#src/domain/inventory";
import type { ObjectKind } from "#src/domain/spec";
import { Engine } from "#src/engine/engine";
import type { EngineDeps } from "#src/engine/engine-deps";
import type { Outcome } from "#src/engine/jobs";
import type { ObjectRow, SeamEvent, Store } from "#src/engine/ports";
import type { TimeSource } from "#src/engine/time";
import { toHex } from "#src/lib/hex";
import type { JsonObject } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import { Secret } from "#src/lib/secret";
import { MemoryLine } from "#test/support/memory-line";
import { tempStore } from "#test/support/temp-store";
import { VirtualClock } from "#test/support/virtual-clock";

export const SITE = {
  workspace: "aaaaaaaa-0000-4000-8000-000000000000",
  system: "aaaaaaaa-0000-4000-8000-000000000001",
  issuerSystem: "aaaaaaaa-0000-4000-8000-000000000002",
  room101: "bbbbbbbb-0000-4000-8000-000000000101",
  room102: "bbbbbbbb-0000-4000-8000-000000000102",
  pool: "bbbbbbbb-0000-4000-8000-000000000003",
  vaultRoom: "bbbbbbbb-0000-4000-8000-000000000201",
  desk: "cccccccc-0000-4000-8000-000000000001",
  issuer: "cccccccc-0000-4000-8000-000000000002",
  user: "dddddddd-0000-4000-8000-000000000001",
} as const;

export const INVENTORY: Inventory = {
  workspaceId: SITE.workspace,
  connectedAccountId: "aaaaaaaa-0000-4000-8000-00000000000c",
  siteName: "Harbour Hotel",
  timeZone: "Europe/Lisbon",
  systems: [
    { id: SITE.system, key: "main", name: "Harbour locks", externalType: null, cardProfiles: ["classic"] },
    { id: SITE.issuerSystem, key: "vault", name: "Vault", externalType: null, cardProfiles: [] },
  ],
  entrances: [
    {
      id: SITE.room101,
      key: "room-101",
      name: "101",
      systemId: SITE.system,
      door: 101,
      zone: null,
      keypad: null,
    },
    {
      id: SITE.room102,
      key: "room-102",
      name: "102",
      systemId: SITE.system,
      door: 102,
      zone: null,
      keypad: null,
    },
    { id: SITE.pool, key: "pool", name: "Pool", systemId: SITE.system, door: null, zone: 3, keypad: null },
    {
      id: SITE.vaultRoom,
      key: "vault-1",
      name: "Vault 1",
      systemId: SITE.issuerSystem,
      door: null,
      zone: null,
      keypad: null,
    },
  ],
  encoders: [
    { id: SITE.desk, key: "front-desk", name: "Front desk", systemId: SITE.system, unit: "bench/main" },
    {
      id: SITE.issuer,
      key: "vault-desk",
      name: "Vault desk",
      systemId: SITE.issuerSystem,
      unit: "bench/issuer",
    },
  ],
  locks: [],
};

const STRIPES = "/dev/stripes";
const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };
const BY = { opBy: "test" };

export interface EngineRigOptions {
  readonly offline?: { readonly ms: number; readonly keys: number } | null;
  /** What has surely passed, when that is not what the clock says. */
  readonly certain?: number;
  /** Where the wall clock starts, epoch ms. */
  readonly startAt?: number;
  readonly inventory?: Inventory;
  /** The quality of the time; without it the wall clock is trusted. */
  readonly time?: (clock: VirtualClock, store: Store) => TimeSource;
  /** Left on the disk; without it the disk is never full. */
  readonly freeBytes?: () => number | null;
  /** How doors are opened whose keypad only reports. */
  readonly doors?: EngineDeps["doors"];
  /** Formats of badges, by system. */
  readonly badgeFormats?: EngineDeps["badgeFormats"];
  /** With an encoder for magnetic stripes beside the bench: unit `stripes/main`. */
  readonly hasStripes?: boolean;
}

/** Engine, real store, real supervisor and driver; the device is simulated byte by byte, time is virtual. */
export class EngineRig {
  readonly clock: VirtualClock;
  readonly simulator: ReferenceSimulator;
  readonly stripes: MsrSimulator;
  readonly store: Store;
  readonly devices: Devices;
  engine: Engine;
  readonly lines: MemoryLine[] = [];
  isPlugged = true;
  #rev = 0;
  readonly #time: TimeSource;
  readonly #inventory: Inventory;
  readonly #freeBytes: () => number | null;
  readonly #doors: EngineDeps["doors"];
  readonly #badgeFormats: EngineDeps["badgeFormats"];

  constructor({
    offline = null,
    certain,
    time,
    startAt,
    inventory = INVENTORY,
    freeBytes = () => null,
    doors,
    badgeFormats,
    hasStripes = false,
  }: EngineRigOptions = {}) {
    this.#freeBytes = freeBytes;
    this.#doors = doors;
    this.#badgeFormats = badgeFormats;
    this.#inventory = inventory;
    this.clock = new VirtualClock(startAt);
    this.simulator = new ReferenceSimulator(this.clock);
    this.stripes = new MsrSimulator(this.clock);
    this.store = tempStore();
    this.#time = time?.(this.clock, this.store) ?? {
      read: () => {
        const now = this.clock.now();
        return { now, quality: "trusted", certain: certain ?? now };
      },
    };
    this.devices = new Devices(
      [
        {
          key: "bench",
          driverId: "reference",
          port: "/dev/reference",
          line: { kind: "serial", settings: { baudRate: 115_200 } },
          open: (line, log, signal) =>
            line === null || !("onData" in line)
              ? Promise.reject(new Error("no serial line"))
              : referenceDriver.open({ reply_timeout_ms: 200 }, { line, clock: this.clock, log }, { signal }),
        },
        ...(hasStripes ? [this.#stripeEncoder()] : []),
      ],
      {
        clock: this.clock,
        log: quiet,
        openers: {
          open: (port) => (port === STRIPES ? Promise.resolve(new MemoryLine(this.stripes)) : this.#plugIn()),
          mark: () => Promise.resolve(String(this.isPlugged)),
        },
      },
    );
    this.engine = this.#newEngine(offline, inventory);
    this.store.keySets.add({
      version: 1,
      issuer: new Secret(new Uint8Array(randomBytes(4))),
      cardMaster: new Secret(new Uint8Array(randomBytes(16))),
      createdAt: this.clock.now(),
    });
    this.engine.recover();
    this.devices.start();
    this.engine.keypads.start();
    onTestFinished(async () => {
      await Promise.all([this.engine.keypads.stop(), this.devices.stop()]);
    });
  }

  #stripeEncoder(): SupervisedDevice {
    return {
      key: "stripes",
      driverId: "msr605",
      port: STRIPES,
      line: { kind: "serial", settings: { baudRate: 9_600 } },
      open: (line, log, signal) =>
        line === null || !("onData" in line)
          ? Promise.reject(new Error("no serial line"))
          : msr605Driver.open(msr605Driver.config.parse({}), { line, clock: this.clock, log }, { signal }),
    };
  }

  #newEngine(offline: { ms: number; keys: number } | null, inventory: Inventory): Engine {
    return new Engine({
      store: this.store,
      devices: this.devices,
      clock: this.clock,
      time: this.#time,
      random: (size) => new Uint8Array(randomBytes(size)),
      log: quiet,
      inventory,
      version: "test",
      profiles: new Map([
        ["classic", { key: "classic", format: "lockbridge48", container: "classic", sector: 1 }],
        ["stripe", { key: "stripe", format: "lockbridge96", container: "magstripe" }],
      ]),
      limits: { cardWaitMs: 60_000, jobMs: 120_000, attemptMs: 150_000 },
      offline,
      freeBytes: this.#freeBytes,
      ...(this.#doors !== undefined && { doors: this.#doors }),
      ...(this.#badgeFormats !== undefined && { badgeFormats: this.#badgeFormats }),
    });
  }

  /** The process died here: a new engine over the same store, perhaps with another configuration. */
  crash(inventory = this.#inventory): void {
    void this.engine.keypads.stop();
    this.engine = this.#newEngine(this.engine.deps.offline, inventory);
    this.engine.recover();
    this.engine.keypads.start();
  }

  #plugIn(): Promise<MemoryLine> {
    if (!this.isPlugged) return Promise.reject(new Error("unplugged"));
    const line = new MemoryLine(this.simulator);
    this.lines.push(line);
    return Promise.resolve(line);
  }

  async ready(): Promise<this> {
    await this.clock.advance(100);
    if (!this.devices.isOnline("bench/main")) await this.clock.advance(5_000);
    return this;
  }

  /** A document comes down the feed. */
  feed(kind: ObjectKind, id: string, spec: JsonObject): void {
    this.#rev++;
    const cursor = { epoch: { n: 1, id: "e" }, rev: this.#rev };
    this.engine.storePage(
      [{ kind, id, epoch: 1, rev: this.#rev, spec, code: null }],
      [],
      cursor,
      this.store.journal.lastSeq(),
    );
  }

  feedUser(changes: JsonObject = {}): void {
    this.feed("acs_user", SITE.user, {
      acs_user_id: SITE.user,
      acs_system_id: SITE.system,
      full_name: "Ada",
      state: "active",
      created_at: "2026-11-22T10:00:00.000Z",
      ...changes,
    });
  }

  feedCredential(id: string, changes: JsonObject = {}): void {
    this.feed("acs_credential", id, {
      acs_credential_id: id,
      acs_system_id: SITE.system,
      acs_user_id: null,
      access_method: "card",
      allowed_acs_entrance_ids: [SITE.room101],
      starts_at: null,
      ends_at: "2026-11-30T11:00:00.000Z",
      is_one_time_use: false,
      has_code: false,
      state: "active",
      created_at: "2026-11-22T10:00:00.000Z",
      ...changes,
    });
  }

  row(id: string): ObjectRow {
    const row = this.store.objects.get("acs_credential", id);
    if (row === undefined) throw new Error(`no credential ${id}`);
    return row;
  }

  state(id: string): string | undefined {
    return this.row(id).record?.state;
  }

  /** Puts a blank (or the given) card on the antenna; nothing else is on it then. */
  put(card = new SimulatedClassic(randomBytes(4))): SimulatedClassic {
    this.simulator.antenna.splice(0, Infinity, card);
    return card;
  }

  take(): void {
    this.simulator.antenna.length = 0;
  }

  start(
    kind: "encode" | "scan" | "erase",
    credentialId: string | null = null,
    overwrite = false,
    encoderId: string = SITE.desk,
  ) {
    const started = this.engine.startJob({ kind, encoderId, credentialId, overwrite, cause: BY });
    if (!started.ok) throw new Error(started.why);
    return started.attempt;
  }

  /** Starts a job and moves time until it has ended. */
  async job(...args: Parameters<EngineRig["start"]>): Promise<Outcome> {
    const attempt = this.start(...args);
    const job = this.engine.jobs.get(attempt.id);
    if (job !== undefined) await this.clock.until(job.ended, { msMax: 200_000 });
    const { status, result, error } = this.store.attempts.get(attempt.id) ?? attempt;
    if (status === "pending") throw new Error("the attempt did not end");
    return { status, result, error };
  }

  /** But for those that say what the site has. */
  events(): string[] {
    return this.store.events
      .list({ where: {}, limit: 1_000 })
      .map(({ event_type }: SeamEvent) => event_type)
      .filter((type) => !type.endsWith(".added"));
  }

  journal(): string[] {
    return this.store.journal.read(1, 1_000).map(({ event }) => event.k);
  }
}

export const uidOf = (card: SimulatedClassic): string => toHex(card.uid);
