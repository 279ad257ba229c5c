import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Meter } from "#src/engine/engine-deps";
import type { Job, Progress } from "#src/engine/jobs";
import type { DeviceState, DeviceStatus } from "#src/engine/devices-port";
import type { StoreTally } from "#src/engine/ports";
import type { Clock } from "#src/lib/deadline";
import { type HealthPart, overall } from "./health.js";

/** What is read at the moment of asking. Everything else is counted as it happens. */
export interface MeteredSite {
  readonly clock: Clock;
  readonly tally: StoreTally;
  devices(): readonly Pick<DeviceStatus, "key" | "state">[];
  /** null: no cloud is configured. */
  cloud(): MeteredCloud | null;
  lastSeq(): number;
  storeBytes(): { readonly databaseBytes: number; readonly logBytes: number };
  health(): readonly HealthPart[];
  /** Bytes of memory by driver, of those that run in processes of their own. */
  driverMemory(): ReadonlyMap<string, number>;
  /** Of each receiver of events: how many wait for it, and how many of those failed too often to hold up others. */
  webhooks(): readonly { readonly count: number; readonly late: number }[];
}

export interface MeteredCloud {
  readonly phase: string;
  /** Seconds since the last welcome; null: there never was one. */
  readonly welcomeAgeS: number | null;
  readonly cursorRev: number;
  readonly head: number | null;
  readonly ackedSeq: number;
  readonly carriers: readonly { readonly name: string; readonly state: string }[];
}

const DEVICE_STATES = [
  "absent",
  "opening",
  "ready",
  "busy",
  "backing_off",
  "closed",
] as const satisfies readonly DeviceState[];
const PHASES = ["stopped", "resting", "opening", "greeting", "welcomed"] as const;
const CARRIER_STATES = ["in_use", "trying", "proving", "standby", "out"] as const;

const KINDS: ReadonlyMap<string, string> = new Map([
  ["ENCODE_CREDENTIAL", "encode"],
  ["SCAN_CREDENTIAL", "scan"],
  ["ERASE_CARD", "erase"],
]);

/** Error types of action attempts. What is not among them counts as `other`, so that no text ever becomes a label. */
const OUTCOMES: ReadonlySet<string> = new Set([
  "no_credential_on_encoder",
  "incompatible_card_format",
  "encoding_interrupted",
  "encoder_not_online",
  "encoder_communication_timeout",
  "bridge_disconnected",
  "credential_deleted",
  "credential_cannot_be_reissued",
  "action_attempt_expired",
  "uncategorized_error",
]);

/** Seconds: from a fast step of a fast encoder to a person who looks for a card. */
const STEP_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const LOOP_RESOLUTION_MS = 50;
const NS_PER_S = 1e9;

/**
 * Figures for Prometheus. Labels come from lists of the code or keys of the configuration: no id, no name of a guest,
 * no text of an error ever becomes one.
 */
export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #clock: Clock;
  readonly #loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  readonly #jobs: Counter<"kind" | "outcome">;
  readonly #steps: Histogram<"kind" | "step">;
  readonly #driverBugs: Counter;
  readonly #cloudFaults: Counter<"fault">;
  readonly #reopens: Counter<"device">;
  /** Devices that were open once: the next opening is a reopening. */
  readonly #opened = new Set<string>();
  /** The step that each job is in, and since when. */
  readonly #underWay = new WeakMap<Job, { readonly step: string; readonly since: number }>();

  constructor(site: MeteredSite) {
    const registers = [this.#registry];
    this.#clock = site.clock;
    this.#loop.enable();
    this.#jobs = new Counter({
      name: "lockbridge_jobs_total",
      help: "Action attempts at encoders that ended, by kind and outcome.",
      labelNames: ["kind", "outcome"],
      registers,
    });
    this.#steps = new Histogram({
      name: "lockbridge_job_step_seconds",
      help: "How long each step of a job took.",
      labelNames: ["kind", "step"],
      buckets: STEP_BUCKETS,
      registers,
    });
    this.#driverBugs = new Counter({
      name: "lockbridge_driver_bugs_total",
      help: "Times that a driver broke its contract.",
      registers,
    });
    this.#cloudFaults = new Counter({
      name: "lockbridge_cloud_faults_total",
      help: "What came from the cloud, or on the way to it, and was not as agreed.",
      labelNames: ["fault"],
      registers,
    });
    this.#reopens = new Counter({
      name: "lockbridge_device_reopens_total",
      help: "Openings of a device after its first.",
      labelNames: ["device"],
      registers,
    });
    gauges(registers, site);
    this.#processGauges(registers);
  }

  /** The text that Prometheus reads. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  stop(): void {
    this.#loop.disable();
  }

  /** Also one that was refused before it became a job. */
  attemptEnded(actionType: string, errorType: string | null): void {
    const kind = KINDS.get(actionType) ?? "other";
    const outcome = errorType === null ? "success" : OUTCOMES.has(errorType) ? errorType : "other";
    this.#jobs.inc({ kind, outcome });
  }

  driverBroke(): void {
    this.#driverBugs.inc();
  }

  /** `fault` is a word of the code's own, never a text of the other side. */
  cloudFault(fault: string): void {
    this.#cloudFaults.inc({ fault });
  }

  /** A job came to its next step. */
  jobStepped(job: Job, { step }: Progress): void {
    const now = this.#clock.monotonic();
    const before = this.#underWay.get(job);
    if (before?.step === step) return;
    if (before !== undefined)
      this.#steps.observe({ kind: job.kind, step: before.step }, (now - before.since) / 1_000);
    this.#underWay.set(job, { step, since: now });
  }

  deviceChanged({ key, state }: Pick<DeviceStatus, "key" | "state">): void {
    if (state === "opening" && this.#opened.has(key)) this.#reopens.inc({ device: key });
    if (state === "ready") this.#opened.add(key);
  }

  #processGauges(registers: Registry[]): void {
    const loop = this.#loop;
    new Gauge({
      name: "lockbridge_event_loop_delay_seconds",
      help: "Delay of the event loop since it was last asked for.",
      labelNames: ["quantile"],
      registers,
      collect() {
        // The histogram counts the waited resolution too.
        const delay = (ns: number): number => Math.max(0, ns / NS_PER_S - LOOP_RESOLUTION_MS / 1_000);
        this.set({ quantile: "0.5" }, delay(loop.percentile(50)));
        this.set({ quantile: "0.99" }, delay(loop.percentile(99)));
        this.set({ quantile: "1" }, delay(loop.max));
        loop.reset();
      },
    });
    gauge(registers, "lockbridge_resident_memory_bytes", "Memory of the process.", () =>
      process.memoryUsage.rss(),
    );
  }
}

function gauges(registers: Registry[], site: MeteredSite): void {
  siteGauges(registers, site);
  cloudGauges(registers, site);
  const { tally } = site;
  new Gauge({
    name: "lockbridge_credentials",
    help: "Credentials by the state of their record, and whether they are denied.",
    labelNames: ["state", "denied"],
    registers,
    collect() {
      this.reset();
      for (const { state, denied, count } of tally.credentials())
        this.inc({ state: state.split(".", 1)[0] ?? state, denied: String(denied) }, count);
    },
  });
  new Gauge({
    name: "lockbridge_blocked_objects",
    help: "Objects that cannot be carried out, by reason.",
    labelNames: ["reason"],
    registers,
    collect() {
      this.reset();
      for (const { reason, count } of tally.blocked()) this.set({ reason }, count);
    },
  });
  gauge(registers, "lockbridge_dirty_objects", "Objects that wait to be stepped.", () => tally.dirty());
  gauge(registers, "lockbridge_quarantined_items", "Items of the feed that no schema accepts.", () =>
    tally.quarantined(),
  );
}

function siteGauges(registers: Registry[], site: MeteredSite): void {
  new Gauge({
    name: "lockbridge_device_state",
    help: "1 for the state that a device is in, 0 for the others.",
    labelNames: ["device", "state"],
    registers,
    collect() {
      for (const device of site.devices())
        for (const state of DEVICE_STATES)
          this.set({ device: device.key, state }, device.state === state ? 1 : 0);
    },
  });
  new Gauge({
    name: "lockbridge_health",
    help: "Health of each part: 0 ok, 1 degraded, 2 failed. The part `all` is the worst of them.",
    labelNames: ["part"],
    registers,
    collect() {
      this.reset();
      const rank = { ok: 0, degraded: 1, failed: 2 } as const;
      const parts = site.health();
      for (const { part, state } of parts) this.set({ part }, rank[state]);
      this.set({ part: "all" }, rank[overall(parts)]);
    },
  });
  new Gauge({
    name: "lockbridge_store_bytes",
    help: "Size of the store on disk.",
    labelNames: ["file"],
    registers,
    collect() {
      const { databaseBytes, logBytes } = site.storeBytes();
      this.set({ file: "database" }, databaseBytes);
      this.set({ file: "log" }, logBytes);
    },
  });
  new Gauge({
    name: "lockbridge_driver_memory_bytes",
    help: "Memory of the processes of drivers that run in one of their own.",
    labelNames: ["driver"],
    registers,
    collect() {
      this.reset();
      for (const [driver, bytes] of site.driverMemory()) this.set({ driver }, bytes);
    },
  });
  new Gauge({
    name: "lockbridge_webhook_events",
    help: "Events that apps' receivers have not acknowledged: in their turn, or late after three failures.",
    labelNames: ["state"],
    registers,
    collect() {
      const lines = site.webhooks();
      const late = lines.reduce((sum, line) => sum + line.late, 0);
      this.set({ state: "late" }, late);
      this.set({ state: "in_turn" }, lines.reduce((sum, line) => sum + line.count, 0) - late);
    },
  });
  gauge(registers, "lockbridge_journal_last_seq", "Newest event of the journal.", () => site.lastSeq());
}

function cloudGauges(registers: Registry[], site: MeteredSite): void {
  new Gauge({
    name: "lockbridge_cloud_phase",
    help: "1 for the phase that the cloud link is in, 0 for the others; absent without a cloud.",
    labelNames: ["phase"],
    registers,
    collect() {
      const cloud = site.cloud();
      if (cloud !== null) for (const phase of PHASES) this.set({ phase }, cloud.phase === phase ? 1 : 0);
    },
  });
  new Gauge({
    name: "lockbridge_cloud_carrier_state",
    help: "1 for the state that each carrier to the cloud is in, 0 for the others; absent without a cloud.",
    labelNames: ["carrier", "state"],
    registers,
    collect() {
      for (const { name, state: present } of site.cloud()?.carriers ?? [])
        for (const state of CARRIER_STATES) this.set({ carrier: name, state }, state === present ? 1 : 0);
    },
  });
  const ofCloud = (name: string, help: string, of: (cloud: MeteredCloud) => number | null): void =>
    gauge(registers, name, `${help}; absent without a cloud.`, () => {
      const cloud = site.cloud();
      return cloud === null ? null : of(cloud);
    });
  ofCloud(
    "lockbridge_cloud_last_welcome_age_seconds",
    "Since the cloud last welcomed this gateway",
    (cloud) => cloud.welcomeAgeS,
  );
  ofCloud("lockbridge_feed_cursor", "Newest change of the feed that is stored", (cloud) => cloud.cursorRev);
  ofCloud("lockbridge_feed_head", "Newest change of the feed that is known of", (cloud) => cloud.head);
  ofCloud("lockbridge_journal_acked_seq", "Newest event that the cloud has taken", (cloud) => cloud.ackedSeq);
}

/** A gauge without labels; null: there is nothing to say. */
function gauge(registers: Registry[], name: string, help: string, read: () => number | null): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      const value = read();
      if (value === null) this.remove();
      else this.set(value);
    },
  });
}
