import type { EnginePort } from "#src/cloud/link";
import type { Job } from "#src/engine/jobs";
import type { Engine } from "#src/engine/engine";
import type { Cursor, Store } from "#src/engine/ports";
import type { JsonObject } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import type { CloudBackup } from "#src/sandbox/cloud/backup";
import { CloudSite } from "#src/sandbox/cloud/site";
import { Chance } from "./chance.js";
import { PhysicalCard } from "./deck.js";
import { Disk, templateStore } from "./disk.js";
import { Bench } from "./encoder.js";
import { Life } from "./life.js";
import { FINE, SimulatedCarrier, type Weather } from "./network.js";
import { type Command, Oracle } from "./oracle.js";
import { WORKSPACE } from "./site.js";
import { diskFull, StoreError } from "#src/store/store-error";
import { LifeClock, Timeline, type Wall } from "./timeline.js";
import { overriding, watchedStore } from "./watched-store.js";

/** Takes one rule away, from outside, to see that the simulation notices. Nothing of it exists in production. */
export interface Tampering {
  readonly store?: (store: Store) => Store;
  readonly engine?: (engine: Engine) => void;
  readonly booted?: (life: Life) => void;
  readonly port?: (port: EnginePort) => EnginePort;
  readonly site?: (site: CloudSite) => void;
  /** What reaches the gateway. */
  readonly customs?: (message: JsonObject, life: { readonly cursor: number }) => JsonObject;
  /** The system vouches for any clock. */
  readonly believesEveryClock?: boolean;
}

export interface Conditions {
  /** At rest the network is there for one second an hour. */
  readonly hasSlots?: boolean;
  /** Each message by itself, or bundled; by default each connection has its own way. */
  readonly carrier?: "single" | "bundled";
}

const RESTARTS_AFTER_MS = 2_000;

/** Everything that a history happens in. */
export class World {
  readonly timeline = new Timeline();
  /** Decides what happens; begins anew with every step, so that a step does the same when others are left out. */
  readonly chance = new Chance(0);
  readonly oracle = new Oracle();
  readonly bench = new Bench();
  readonly wall: Wall = { aheadMs: 0, isTrusted: true };
  readonly weather: Weather = { ...FINE };
  readonly site: CloudSite;
  readonly cards: PhysicalCard[] = [];
  readonly users: string[] = [];
  readonly credentials: string[] = [];
  readonly poison: string[] = [];
  readonly trace: string[] = [];
  readonly backups: CloudBackup[] = [];
  /** The process dies at so many-th transaction from now, before or after it is on disk. */
  crashAt: { countdown: number; readonly when: "before" | "after" } | null = null;
  life: Life | null = null;
  isDiskFull = false;
  /** What was stored is stepped so much later: the machine has other things to do. */
  stepsLateByMs = 0;
  /** How far ahead of the truth a clock that the system vouched for ever was. */
  vouchedAheadMs = 0;
  readonly #ids: Chance;
  readonly #disk = new Disk(templateStore());
  readonly #tampering: Tampering;
  #bundles = (): boolean => this.chance.isOneIn(2);
  #kill: (() => void) | null = null;
  #corpses: Store[] = [];
  /** What is on the disk, whatever the daemon is made to believe. */
  #stored: Store | null = null;

  constructor(seed: number, tampering: Tampering = {}, { carrier }: Conditions = {}) {
    if (carrier !== undefined) this.#bundles = () => carrier === "bundled";
    this.#ids = new Chance(seed ^ 0x5eed);
    this.#tampering = tampering;
    this.site = new CloudSite({
      siteId: WORKSPACE,
      gatewayId: "gateway",
      clock: this.timeline,
      commandLifeMs: 40_000,
      chunkBytes: 4_000,
      random: (size) => this.#ids.bytes(size),
    });
    tampering.site?.(this.site);
    this.timeline.onError = (error) => {
      // Nothing can be kept, so nothing is done: the process ends, and tries again.
      if (error instanceof StoreError && error.code === "disk_full") this.crash();
      else this.oracle.fail("X", `the daemon threw: ${String((error as Error).stack)}`);
    };
    for (let n = 0; n < 6; n++) this.cards.push(new PhysicalCard(Uint8Array.of(0xca, 0xfe, 0, n)));
    this.bench.spare = this.cards[0] ?? null;
    this.boot();
  }

  note(line: string): void {
    this.trace.push(`${String(this.timeline.monotonic()).padStart(9)}  ${line}`);
  }

  newId(): string {
    return this.site.newId();
  }

  pin(): string {
    const pin = String(10_000_000 + this.#ids.below(89_999_999));
    this.oracle.pins.push(pin);
    return pin;
  }

  get isAlive(): boolean {
    return this.life !== null;
  }

  /** The job that has the encoder. */
  get jobAtWork(): Job | undefined {
    return this.life?.engine.jobs.running().find(({ progress }) => progress.length > 1);
  }

  boot(): void {
    if (this.life !== null) return;
    const { timeline, wall, bench, oracle, weather, chance, site } = this;
    const clock = new LifeClock(timeline, wall);
    const disk = this.#disk.open();
    this.#stored = disk;
    const self = { isAlive: true };
    const customs = this.#tampering.customs;
    const carrier = new SimulatedCarrier(
      { site, timeline, chance, bundles: () => this.#bundles() },
      weather,
      {
        opens: (bytes) => customs !== undefined || Buffer.from(bytes).includes('"cmd"'),
        inspect: (message) => {
          if (message["type"] === "cmd") oracle.offered(message as unknown as Command, timeline.monotonic());
          const cursor = this.life?.link.status().cursor?.rev ?? 0;
          return customs?.(message, { cursor }) ?? message;
        },
      },
    );
    this.#kill = () => {
      self.isAlive = false;
      this.life = null;
      clock.die();
      carrier.kill();
      bench.deafen();
      this.#disk.fork();
      this.#corpses.push(disk);
      this.note("the daemon dies");
      timeline.startTimer(RESTARTS_AFTER_MS, () => this.boot());
    };
    const watched = this.#watched(disk, self);
    const store = this.#tampering.store?.(watched) ?? watched;
    const vouched: Wall = {
      get aheadMs() {
        return wall.aheadMs;
      },
      isTrusted: true,
    };
    const life = new Life({
      store,
      clock,
      wall: this.#tampering.believesEveryClock === true ? vouched : wall,
      bench,
      carrier,
      random: (size) => this.#ids.bytes(size),
      log: this.#log(self),
      port: (port) => this.#port(this.#tampering.port?.(port) ?? port, self, carrier),
      built: (engine) => {
        const step = engine.stepDirty.bind(engine);
        engine.stepDirty = () => {
          if (this.stepsLateByMs === 0) step();
          else clock.startTimer(this.stepsLateByMs, step);
        };
        this.#tampering.engine?.(engine);
        engine.jobs.onProgress((job, { step }) => {
          if (
            self.isAlive &&
            step === "waiting_for_card" &&
            job.progress.length === 2 &&
            job.cause.cmd !== undefined
          )
            oracle.acted(job.cause.cmd);
        });
      },
      witness: {
        crash: () => {
          if (self.isAlive) this.crash();
        },
        beforeWrite: (card) => {
          const job = this.jobAtWork;
          const row =
            job?.credentialId == null ? undefined : disk.objects.get("acs_credential", job.credentialId);
          oracle.beforeWrite(card, job, row);
        },
        planDone: (card) =>
          oracle.written(card, card.state(disk.keySets.list()), this.jobAtWork, timeline.monotonic()),
      },
    });
    if (!self.isAlive) {
      // It died while it started, and went on registering itself.
      clock.die();
      bench.deafen();
      return;
    }
    this.life = life;
    this.note("the daemon runs");
    this.#tampering.booted?.(life);
  }

  /** The process ends here, whatever it is doing. It starts again soon. */
  crash(): void {
    const kill = this.#kill;
    this.#kill = null;
    kill?.();
  }

  async advance(ms: number): Promise<void> {
    await this.timeline.advance(ms);
    for (const corpse of this.#corpses.splice(0)) corpse.close();
  }

  end(): void {
    const { life } = this;
    if (life !== null) {
      this.#kill = null;
      life.carrier.kill();
      life.store.close();
    }
    this.site.close();
    this.#disk.remove();
  }

  #watched(disk: Store, self: { readonly isAlive: boolean }): Store {
    const { oracle } = this;
    const isDue = (when: "before" | "after"): boolean => {
      if (!self.isAlive || this.crashAt?.when !== when) return false;
      this.crashAt.countdown -= 1;
      if (this.crashAt.countdown > 0) return false;
      this.crashAt = null;
      return true;
    };
    return watchedStore(disk, {
      writing: () => {
        if (this.isDiskFull && self.isAlive) throw diskFull("the site's disk", new Error("ENOSPC"));
      },
      beforeCommit: () => {
        if (isDue("before")) this.crash();
      },
      committed: ({ rows, events, ends }) => {
        if (!self.isAlive) return;
        for (const row of rows) oracle.stored(row);
        for (const event of events)
          oracle.journaled(event, (uid) =>
            this.cards.find(({ seen }) => seen.uid === uid)?.state(disk.keySets.list()),
          );
        for (const [id, status] of ends) oracle.ended("site", id, status);
        if (isDue("after")) this.crash();
      },
    });
  }

  #port(port: EnginePort, self: { readonly isAlive: boolean }, carrier: SimulatedCarrier): EnginePort {
    const { oracle, timeline } = this;
    return overriding(port, {
      storePage: (page) => {
        const before = port.cursor()?.rev ?? 0;
        port.storePage(page);
        if (self.isAlive) this.#cursorMoved(port.cursor(), before);
      },
      beginSnapshot: (snapshot) => {
        port.beginSnapshot(snapshot);
        if (self.isAlive) this.note(`a snapshot at ${snapshot.rev} of epoch ${snapshot.epoch.n} is taken in`);
      },
      sweepSnapshot: () => {
        port.sweepSnapshot();
        if (!self.isAlive || port.snapshot() !== null) return;
        this.note("the snapshot is taken in");
        this.#cursorMoved(port.cursor(), 0);
      },
      runCommand: (command) => {
        if (self.isAlive) oracle.ran(command.id, carrier.session, timeline.monotonic());
        port.runCommand(command);
      },
    });
  }

  /** I1 and I2: what the cursor passed is stored, or refused and recorded. */
  #cursorMoved(cursor: Cursor | null, after: number): void {
    const { epoch, head } = this.site.feed;
    const store = this.#stored;
    if (cursor === null) return;
    const isOfCloud = cursor.epoch.n === epoch.n && cursor.epoch.id === epoch.id;
    this.oracle.cursorAt(cursor, isOfCloud ? head : Infinity);
    // What another history had is gone with it.
    if (store === null || !isOfCloud) return;
    const upTo = cursor.rev;
    const quarantine = store.quarantine.list(1_000);
    for (let since = after; since < upTo;) {
      const { items, to } = this.site.feed.page(since);
      for (const { kind, id, rev } of items) {
        if (rev > upTo) continue;
        const row = store.objects.get(kind, id);
        const isStored =
          (row !== undefined && row.epoch === epoch.n && row.rev >= rev) ||
          store.objects.tombstone(kind, id) !== undefined;
        if (!isStored && !quarantine.some((item) => item.id === id && item.rev >= rev))
          this.oracle.fail("I2", `the cursor is at ${upTo}, and change ${rev} (${kind} ${id}) is not stored`);
      }
      since = to;
    }
  }

  #log(self: { readonly isAlive: boolean }): Log {
    const say = (level: string) => (fields: object, message: string) => {
      if (!self.isAlive) return;
      this.oracle.told("the log", `${JSON.stringify(fields)} ${message}`);
      const { err } = fields as { err?: Error };
      if (level === "error" && !isDiskFull(fields)) {
        this.oracle.fail(
          "X",
          `the daemon logs an error: ${message} ${JSON.stringify(fields)} ${err?.stack ?? ""}`,
        );
      }
    };
    const log: Log = {
      debug: say("debug"),
      info: say("info"),
      warn: say("warn"),
      error: say("error"),
      child: () => log,
    };
    return log;
  }
}

function isDiskFull(fields: object): boolean {
  return /ENOSPC|disk.*full/i.test(
    JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.message : value)),
  );
}
