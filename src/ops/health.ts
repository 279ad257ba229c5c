import type { OfflineUse } from "#src/engine/offline-work";
import type { DeviceStatus } from "#src/engine/devices-port";
import { RESERVE_BYTES } from "#src/engine/reserve";
import type { TimeReading } from "#src/engine/time";
import type { Log } from "#src/lib/log";

/** `degraded`: works with less, and heals by itself. `failed`: does not do its work; mostly a person must act. */
export type HealthState = "ok" | "degraded" | "failed";

export interface Verdict {
  /** `store`, `clock`, `cloud`, `journal`, `desired`, `codes`, `webhooks`, `keys`, `offline`, or `device <key>`. */
  readonly part: string;
  readonly state: HealthState;
  /** A stable word for programs. */
  readonly code: string;
  /** A sentence for a person: what is so, and what to do about it. */
  readonly message: string;
}

export interface HealthPart extends Verdict {
  /** When state or code last changed, epoch ms. */
  readonly since: number;
}

/** What the verdicts are made of. */
export interface SiteFacts {
  readonly store: { readonly freeBytes: number | null };
  readonly clock: Pick<TimeReading, "quality"> & { readonly floorAheadMs: number };
  readonly devices: readonly Pick<DeviceStatus, "key" | "state" | "problem">[];
  /** null: no cloud is configured. */
  readonly cloud: CloudFacts | null;
  readonly desired: { readonly blocked: number; readonly quarantined: number };
  /** Codes long on their way, and slots that are left alone; null: the site has no locks. */
  readonly codes: { readonly late: number; readonly resting: number } | null;
  /** Receivers that did not take an event three times running, and how many of theirs wait; null: there are none. */
  readonly webhooks: { readonly failing: number; readonly late: number } | null;
  readonly keys: { readonly isNeeded: boolean; readonly count: number };
  /** null: no limit. */
  readonly offline: {
    readonly limit: { readonly ms: number; readonly keys: number };
    readonly used: OfflineUse;
  } | null;
}

export interface CloudFacts {
  readonly phase: string;
  readonly isCaughtUp: boolean;
  readonly problem: { readonly code: string; readonly message: string } | null;
  readonly unacknowledged: number;
  /** The preferred one first. */
  readonly carriers: readonly {
    readonly name: string;
    readonly state: string;
    readonly problem: { readonly message: string } | null;
  }[];
}

const MIB = 1024 * 1024;
const FREE_LOW_BYTES = 512 * MIB;
/** More events than the cloud takes in a few seconds. */
const BACKLOG_MIN = 1_000;
const OFFLINE_NEAR = 0.8;

/** One verdict a part, in the order in which they are shown. */
export function judge(facts: SiteFacts): readonly Verdict[] {
  return [
    storeVerdict(facts.store),
    clockVerdict(facts.clock),
    ...facts.devices.map(deviceVerdict),
    ...(facts.cloud === null ? [] : [cloudVerdict(facts.cloud), journalVerdict(facts.cloud)]),
    desiredVerdict(facts.desired),
    ...(facts.codes === null ? [] : [codesVerdict(facts.codes)]),
    ...(facts.webhooks === null ? [] : [webhooksVerdict(facts.webhooks)]),
    ...(facts.keys.isNeeded ? [keysVerdict(facts.keys)] : []),
    ...(facts.offline === null ? [] : [offlineVerdict(facts.offline)]),
  ];
}

/** The worst of all. */
export function overall(parts: readonly Pick<Verdict, "state">[]): HealthState {
  if (parts.some(({ state }) => state === "failed")) return "failed";
  return parts.some(({ state }) => state === "degraded") ? "degraded" : "ok";
}

const LEVELS = { ok: "info", degraded: "warn", failed: "error" } as const satisfies Record<
  HealthState,
  keyof Log
>;

/** Passing by themselves, within seconds. */
const ON_THE_WAY: ReadonlySet<string> = new Set(["device.opening", "cloud.connecting", "cloud.catching_up"]);

/** Remembers since when each part is as it is, and logs every change. */
export class Health {
  readonly #log: Log;
  #parts: readonly HealthPart[] = [];
  /** What the log said last of each part. */
  readonly #told = new Map<string, HealthState>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `now`: epoch ms. */
  update(facts: SiteFacts, now: number): readonly HealthPart[] {
    this.#parts = judge(facts).map((verdict) => this.#dated(verdict, now));
    return this.#parts;
  }

  #dated(verdict: Verdict, now: number): HealthPart {
    const { part, state, code } = verdict;
    const before = this.#parts.find((other) => other.part === part);
    if (before?.state === state && before.code === code) return { ...verdict, since: before.since };
    this.#tell(verdict);
    return { ...verdict, since: now };
  }

  /** What is well from the start, or on its way to be, is no news. */
  #tell({ part, state, code }: Verdict): void {
    const told = this.#told.get(part) ?? "ok";
    if (ON_THE_WAY.has(code) || (state === "ok" && told === "ok")) return;
    this.#told.set(part, state);
    this.#log[LEVELS[state]](
      { event: "health.changed", part, state, problem: state === "ok" ? null : code },
      "the health of a part changed",
    );
  }
}

// ── The parts ────────────────────────────────────────────────────────────────────────────────────────────────────

function storeVerdict({ freeBytes }: SiteFacts["store"]): Verdict {
  const free = freeBytes === null ? "" : `${Math.floor(freeBytes / MIB)} MB are free`;
  if (freeBytes !== null && freeBytes < RESERVE_BYTES)
    return failed(
      "store",
      "store.full",
      `${free}: no key is made until space is freed on the disk, and soon nothing can be recorded any more`,
    );
  if (freeBytes !== null && freeBytes < FREE_LOW_BYTES)
    return degraded("store", "store.space_low", `${free}: free space on the disk soon`);
  return ok("store", "store.ready", "takes and keeps what happens");
}

function clockVerdict({ quality, floorAheadMs }: SiteFacts["clock"]): Verdict {
  if (floorAheadMs > 0) {
    const behind = durationOf(floorAheadMs);
    return failed(
      "clock",
      "clock.behind_floor",
      `the clock is ${behind} behind the latest time that was ever trusted, and time stands still: if the clock is right, run lockbridge doctor --reset-clock-floor`,
    );
  }
  switch (quality) {
    case "trusted":
      return ok("clock", "clock.trusted", "the time is known");
    case "estimated":
      return degraded(
        "clock",
        "clock.estimated",
        "the time is carried on from when it was last known: give the machine a time server (timedatectl)",
      );
    case "unknown":
      return degraded(
        "clock",
        "clock.unknown",
        "the time was never known, so nothing ends by its date: give the machine a time server (timedatectl)",
      );
  }
}

function deviceVerdict({ key, state, problem }: SiteFacts["devices"][number]): Verdict {
  const part = `device ${key}`;
  if (state === "ready" || state === "busy") return ok(part, "device.ready", "ready");
  if (problem !== null) return failed(part, problem.code, problem.message);
  return degraded(part, "device.opening", "is being opened");
}

/** Problems of the link that no waiting heals. */
const NEEDS_A_PERSON: ReadonlySet<string> = new Set([
  "carrier.tls",
  "carrier.certificate_refused",
  "carrier.taken_over",
  "carrier.redirected",
  "carrier.unauthorized",
  "carrier.not_found",
  "cloud.unreadable",
  "feed.chunk_damaged",
  "feed.went_back",
  "journal.behind_cloud",
  "store.failed",
]);

function cloudVerdict({ phase, isCaughtUp, problem, carriers }: CloudFacts): Verdict {
  if (problem !== null) {
    return {
      ...degraded("cloud", problem.code, problem.message),
      state: NEEDS_A_PERSON.has(problem.code) ? "failed" : "degraded",
    };
  }
  if (phase !== "welcomed") return degraded("cloud", "cloud.connecting", "no session with the cloud yet");
  if (!isCaughtUp)
    return degraded("cloud", "cloud.catching_up", "connected, and changes are still on their way");
  const [preferred] = carriers;
  if (preferred === undefined || preferred.state === "in_use")
    return ok("cloud", "cloud.in_step", "connected, and all changes are here");
  const used = carriers.find(({ state }) => state === "in_use")?.name ?? "another carrier";
  const reason = preferred.problem === null ? "" : `: ${preferred.problem.message}`;
  return degraded(
    "cloud",
    "cloud.second_carrier",
    `connected over ${used}, and all changes are here; ${preferred.name} is not in use${reason}`,
  );
}

function journalVerdict({ unacknowledged }: CloudFacts): Verdict {
  if (unacknowledged < BACKLOG_MIN)
    return ok("journal", "journal.in_step", "the cloud keeps up with what happens here");
  return degraded(
    "journal",
    "journal.backlog",
    `${unacknowledged} events wait for the cloud to take them; none is lost`,
  );
}

function desiredVerdict({ blocked, quarantined }: SiteFacts["desired"]): Verdict {
  const count = blocked + quarantined;
  if (count === 0) return ok("desired", "desired.applied", "everything that is wanted is understood");
  return degraded(
    "desired",
    "desired.blocked",
    `${count} wanted objects cannot be carried out: lockbridge sync names them and their reasons`,
  );
}

function codesVerdict({ late, resting }: NonNullable<SiteFacts["codes"]>): Verdict {
  if (resting > 0) {
    const what = resting === 1 ? "1 slot of a lock is" : `${resting} slots of locks are`;
    return failed(
      "codes",
      "codes.left_alone",
      `${what} left alone after too many tries: lockbridge codes list --lock says why, lockbridge codes retry tries again`,
    );
  }
  if (late > 0) {
    const what = late === 1 ? "1 code is" : `${late} codes are`;
    return degraded(
      "codes",
      "codes.late",
      `${what} long on the way to or from a lock: lockbridge codes list --lock says why`,
    );
  }
  return ok("codes", "codes.in_step", "locks have the codes that are wanted there");
}

function webhooksVerdict({ failing, late }: NonNullable<SiteFacts["webhooks"]>): Verdict {
  if (failing === 0) return ok("webhooks", "webhooks.in_step", "apps' receivers take their events");
  const who = failing === 1 ? "1 receiver does" : `${failing} receivers do`;
  return degraded(
    "webhooks",
    "webhooks.failing",
    `${who} not take events, and ${late} wait for another try: lockbridge webhooks names them and their reasons`,
  );
}

function keysVerdict({ count }: SiteFacts["keys"]): Verdict {
  if (count > 0) return ok("keys", "keys.present", "cards can be written and read");
  return failed(
    "keys",
    "keys.missing",
    "there are no card keys: lockbridge keys create, or lockbridge keys import",
  );
}

function offlineVerdict({ limit, used }: NonNullable<SiteFacts["offline"]>): Verdict {
  const share = Math.max(used.ms / limit.ms, used.keys / limit.keys);
  if (share >= 1)
    return failed(
      "offline",
      "offline.used_up",
      "no card is written any more without the cloud: connect the gateway to it",
    );
  if (share >= OFFLINE_NEAR)
    return degraded(
      "offline",
      "offline.near_limit",
      "the work without the cloud will soon end: connect the gateway to it",
    );
  return ok("offline", "offline.within_limit", "cards may be written without the cloud");
}

function ok(part: string, code: string, message: string): Verdict {
  return { part, state: "ok", code, message };
}
function degraded(part: string, code: string, message: string): Verdict {
  return { part, state: "degraded", code, message };
}
function failed(part: string, code: string, message: string): Verdict {
  return { part, state: "failed", code, message };
}

function durationOf(ms: number): string {
  if (ms < 120_000) return `${Math.ceil(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} days`;
}
