import { gatewayDesk } from "#src/api/gateway-desk";
import { gatewayInclusion } from "#src/api/gateway-inclusion";
import { gatewayModel } from "#src/api/gateway-model";
import type { DeskModel, SeamModel } from "#src/api/model";
import { enginePort } from "#src/cloud/engine-port";
import { type CloudLink, createCloudLink, type EnginePort } from "#src/cloud/link";
import { Engine } from "#src/engine/engine";
import type { Retention, Store } from "#src/engine/ports";
import { keepUp } from "#src/gateway-upkeep";
import type { Log } from "#src/lib/log";
import { StoreError } from "#src/store/store-error";
import { FlooredTime } from "#src/ops/time-source";
import { PROFILE } from "./deck.js";
import { type Bench, Encoder, type Witness } from "./encoder.js";
import type { SimulatedCarrier } from "./network.js";
import { inventory } from "./site.js";
import type { LifeClock, Wall } from "./timeline.js";

const DAY_MS = 86_400_000;
export const RETENTION: Retention = {
  eventsMs: 30 * DAY_MS,
  eventsMax: 20,
  attemptsMs: 30 * DAY_MS,
  auditMs: 30 * DAY_MS,
  auditMax: 200,
  tombstonesMs: 400 * DAY_MS,
};

export const OFFLINE_LIMIT = { ms: 3_600_000, keys: 6 };

export interface LifeDeps {
  readonly store: Store;
  readonly clock: LifeClock;
  readonly wall: Wall;
  readonly bench: Bench;
  readonly witness: Witness;
  readonly carrier: SimulatedCarrier;
  readonly random: (size: number) => Uint8Array;
  readonly log: Log;
  readonly port: (port: EnginePort) => EnginePort;
  /** Called with the engine before it recovers. */
  readonly built: (engine: Engine) => void;
}

/** One run of the daemon, wired as `gateway.ts` wires it, from start to crash. */
export class Life {
  readonly store: Store;
  readonly engine: Engine;
  readonly link: CloudLink;
  readonly seam: SeamModel;
  readonly desk: DeskModel;
  readonly carrier: SimulatedCarrier;
  readonly time: FlooredTime;

  constructor(deps: LifeDeps) {
    const { store, clock, wall, bench, random, log, carrier } = deps;
    this.store = store;
    this.carrier = carrier;
    const floor = {
      read: () => {
        const value = store.meta.get("clock_floor");
        return typeof value === "number" ? value : null;
      },
      write: (value: number | null) => store.meta.set("clock_floor", value),
    };
    const sync = { isSynchronised: () => wall.isTrusted, recheck: () => undefined };
    this.time = new FlooredTime(clock, floor, sync);
    const devices = new Encoder(bench, clock, deps.witness);
    this.engine = new Engine({
      store,
      devices,
      clock,
      time: this.time,
      random,
      log,
      inventory,
      version: "1",
      profiles: new Map([["classic", PROFILE]]),
      limits: { cardWaitMs: 30_000, jobMs: 60_000, attemptMs: 150_000 },
      offline: OFFLINE_LIMIT,
    });
    deps.built(this.engine);
    this.engine.recover();
    this.engine.offlineWork.start();
    const port = deps.port(enginePort(this.engine, (now) => this.time.learn(now)));
    const common = { gateway: "gateway", sw: "1", clock, time: this.time, random, log, carrier };
    this.link = createCloudLink({ ...common, store, engine: port });
    this.seam = gatewayModel(this.engine, { isSandbox: true });
    this.desk = gatewayDesk(this.engine, {
      seam: this.seam,
      simulation: undefined,
      cloud: () => this.link.status(),
      version: "1",
      health: () => [],
      sync: () => ({}),
      resetClockFloor: () => this.time.resetFloor(),
      confirmClock: () => this.time.confirm(),
      ports: { found: () => Promise.resolve([]), probe: () => Promise.resolve({ found: [], tried: [] }) },
      inclusion: gatewayInclusion({
        devices: { including: () => [], useDevice: () => Promise.reject(new Error("there is no stick")) },
        configured: [],
        clock,
        random,
        audit: () => undefined,
      }),
    });
    devices.onChange((status) => {
      try {
        this.engine.deviceChanged(status);
      } catch (error) {
        // As `devices` does: the news of a device waits for nobody's disk.
        if (!(error instanceof StoreError)) throw error;
      }
    });
    this.link.start();
    keepUp(this.engine, {
      link: this.link,
      time: this.time,
      log,
      retention: RETENTION,
      look: () => undefined,
      heard: () => undefined,
    });
  }
}
