import type { CloudStatus } from "#src/cloud/link";
import { isoInstant } from "#src/domain/seam/instant";
import { outerName } from "#src/domain/credential/credential.states";
import type { OfflineLimit } from "#src/engine/engine-deps";
import type { OfflineUse } from "#src/engine/offline-work";
import type { DevicesPort } from "#src/engine/devices-port";
import type { Store } from "#src/engine/ports";
import type { SnapshotProgress } from "#src/engine/snapshot";
import type { TimeReading } from "#src/engine/time";
import type { Clock } from "#src/lib/deadline";
import type { JsonObject } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import { Health, type HealthPart, type SiteFacts } from "#src/ops/health";
import { Metrics } from "#src/ops/metrics";
import { storeSize } from "#src/store/store";

/** A lock that was away for a moment is no trouble. */
const CODES_LATE_MS = 10 * 60_000;

/** What the gateway can be asked about itself. The functions are asked late: not every part is there at the start. */
export interface ObservedGateway {
  readonly store: Store;
  readonly storePath: string;
  /** Left on the disk of the store; null: unknown. */
  readonly freeBytes: () => number | null;
  readonly devices: DevicesPort;
  readonly clock: Clock;
  readonly log: Log;
  readonly time: { read(): TimeReading; floorAheadMs(): number };
  /** Cards are made here with keys of the site's own. */
  readonly needsKeys: boolean;
  readonly hasLocks: boolean;
  /** null: no cloud is configured. */
  readonly cloud: () => CloudStatus | null;
  /** Bytes of memory by driver, of those that run in processes of their own. */
  readonly driverMemory: () => ReadonlyMap<string, number>;
  /** null: no limit. */
  readonly snapshot: () => SnapshotProgress | null;
  readonly offline: () => { readonly limit: OfflineLimit; readonly used: OfflineUse } | null;
}

/** Health, metrics and the state of the synchronisation, all made from the same facts. */
export class Observability {
  readonly metrics: Metrics;
  readonly #gateway: ObservedGateway;
  readonly #health: Health;

  constructor(gateway: ObservedGateway) {
    const { store, devices, clock, log, storePath } = gateway;
    this.#gateway = gateway;
    this.#health = new Health(log);
    this.metrics = new Metrics({
      clock,
      tally: store.tally,
      devices: () => devices.status(),
      cloud: () => this.#meteredCloud(),
      lastSeq: () => store.journal.lastSeq(),
      storeBytes: () => storeSize(storePath),
      health: () => this.health(),
      driverMemory: gateway.driverMemory,
      webhooks: () => store.webhooks.waiting(),
    });
  }

  /** Looks at every part now. Call it every few seconds too, so that changes are logged when they happen. */
  health(): readonly HealthPart[] {
    return this.#health.update(this.#facts(), this.#gateway.time.read().now);
  }

  /** What is wanted, what is stored and what is proved on cards; what keeps them apart, and what happens next. */
  sync(): JsonObject {
    const { store } = this.#gateway;
    return {
      cloud: cloudFacts(this.#gateway.cloud()),
      snapshot: snapshotFacts(this.#gateway.snapshot()),
      credentials: credentialFacts(store),
      oldest_gap: oldestGap(store),
      blocked: blockedFacts(store),
      waiting_to_be_stepped: store.tally.dirty(),
      offline: offlineFacts(this.#gateway.offline()),
    };
  }

  #facts(): SiteFacts {
    const { store, devices, time, needsKeys, hasLocks, freeBytes } = this.#gateway;
    const cloud = this.#gateway.cloud();
    return {
      store: { freeBytes: freeBytes() },
      clock: { quality: time.read().quality, floorAheadMs: time.floorAheadMs() },
      devices: devices.status(),
      cloud: cloud === null ? null : { ...cloud, unacknowledged: cloud.lastSeq - cloud.ackedSeq },
      desired: {
        blocked: store.tally.blocked().reduce((sum, { count }) => sum + count, 0),
        quarantined: store.tally.quarantined(),
      },
      codes: hasLocks ? this.#codes() : null,
      webhooks: this.#webhooks(),
      keys: { isNeeded: needsKeys, count: store.keySets.list().length },
      offline: this.#gateway.offline(),
    };
  }

  #webhooks(): SiteFacts["webhooks"] {
    const { webhooks } = this.#gateway.store;
    if (webhooks.list().length === 0) return null;
    const late = webhooks.waiting().filter((line) => line.late > 0);
    return { failing: late.length, late: late.reduce((sum, line) => sum + line.late, 0) };
  }

  #codes(): NonNullable<SiteFacts["codes"]> {
    const { now } = this.#gateway.time.read();
    return this.#gateway.store.keypads.trouble({ now, late: now - CODES_LATE_MS });
  }

  #meteredCloud() {
    const cloud = this.#gateway.cloud();
    if (cloud === null) return null;
    const { phase, lastWelcomeAt, cursor, head, ackedSeq, carriers } = cloud;
    const ageMs = lastWelcomeAt === null ? null : this.#gateway.time.read().now - lastWelcomeAt;
    return {
      phase,
      welcomeAgeS: ageMs === null ? null : Math.max(0, ageMs) / 1_000,
      cursorRev: cursor?.rev ?? 0,
      head,
      ackedSeq,
      carriers,
    };
  }
}

// ── The state of the synchronisation ─────────────────────────────────────────────────────────────────────────────

function cloudFacts(cloud: CloudStatus | null): JsonObject | null {
  if (cloud === null) return null;
  const { carrier, phase, lastWelcomeAt, cursor, head, isCaughtUp, ackedSeq, lastSeq, problem, nextTryMs } =
    cloud;
  return {
    carrier,
    phase,
    last_welcome_at: lastWelcomeAt === null ? null : isoInstant(lastWelcomeAt),
    problem: problemFacts(problem),
    next_try_ms: nextTryMs === null ? null : Math.round(nextTryMs),
    carriers: cloud.carriers.map((way) => ({
      carrier: way.name,
      state: way.state,
      problem: problemFacts(way.problem),
      next_try_ms: way.nextTryMs === null ? null : Math.round(way.nextTryMs),
    })),
    feed: {
      /** Newest change that the cloud has; null: not known while it is away. */
      head,
      /** Newest change that is stored here. */
      cursor: cursor?.rev ?? 0,
      is_caught_up: isCaughtUp,
    },
    journal: { last_seq: lastSeq, acked_seq: ackedSeq, unacknowledged: lastSeq - ackedSeq },
  };
}

/** The whole of the feed, taken in anew in chunks; the cursor stays where it was until the end. */
function snapshotFacts(progress: SnapshotProgress | null): JsonObject | null {
  if (progress === null) return null;
  return { rev: progress.rev, chunks: progress.chunks.length, chunks_stored: progress.next };
}

function problemFacts(problem: CloudStatus["problem"]): JsonObject | null {
  if (problem === null) return null;
  return { code: problem.code, message: problem.message, since: isoInstant(problem.since) };
}

/** Wanted: not taken away again. Proved: read back from the card that was written last. */
function credentialFacts(store: Store): JsonObject {
  const rows = store.tally.credentials();
  const sum = (isCounted: (row: (typeof rows)[number]) => boolean): number =>
    rows.filter(isCounted).reduce((total, { count }) => total + count, 0);
  const stored = store.objects.count("acs_credential");
  const states = new Map<string, number>();
  for (const { state, count } of rows)
    states.set(outerName(state), (states.get(outerName(state)) ?? 0) + count);
  return {
    stored,
    wanted: stored - sum(({ denied }) => denied),
    proved: sum(({ denied, state }) => !denied && state === PROVED),
    /** Taken away, and a card of it may still open. */
    revoked_and_open: sum(({ denied, state }) => denied && state === "invalidating"),
    by_state: Object.fromEntries(states),
  };
}

const PROVED = "issued";

/** The wanted credential that has been in its unproved state for longest. */
function oldestGap({ tally }: Store): JsonObject | null {
  const [oldest] = tally
    .credentials()
    .filter(({ denied, state }) => !denied && state !== PROVED)
    .sort((a, b) => a.since - b.since);
  const found = oldest === undefined ? undefined : tally.oldestIn(oldest.state);
  if (oldest === undefined || found === undefined) return null;
  return { acs_credential_id: found.id, state: outerName(oldest.state), since: isoInstant(found.since) };
}

/** So many are named; the counts are of all. */
const NAMED_MAX = 20;

function blockedFacts(store: Store): JsonObject {
  const blocked = store.tally.blocked();
  return {
    count: blocked.reduce((sum, { count }) => sum + count, 0) + store.tally.quarantined(),
    by_reason: Object.fromEntries(blocked.map(({ reason, count }) => [reason, count])),
    not_understood: store.tally.quarantined(),
    items: [
      ...store.objects
        .blocked("", NAMED_MAX)
        .map(({ kind, id, rev, blocked: reason }) => ({ kind, id, rev, reason })),
      ...store.quarantine.list(NAMED_MAX).map(({ kind, id, rev, code }) => ({ kind, id, rev, reason: code })),
    ].slice(0, NAMED_MAX),
  };
}

function offlineFacts(offline: ReturnType<ObservedGateway["offline"]>): JsonObject | null {
  if (offline === null) return null;
  const { limit, used } = offline;
  return {
    since: used.since === null ? null : isoInstant(used.since),
    used_ms: Math.round(used.ms),
    left_ms: Math.max(0, Math.round(limit.ms - used.ms)),
    cards_used: used.keys,
    cards_left: Math.max(0, limit.keys - used.keys),
  };
}
