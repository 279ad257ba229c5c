import { restMs, slowRestMs } from "./backoff.js";
import type { LinkProblem, ProblemCode } from "./sync-state.js";

/**
 * Which of several carriers to use: a decision on plain values. The carriers stand in the order of preference. One that
 * fails twice, or in a way that a second try cannot mend, is out: another is used, and it is tried again beside that
 * one, more and more seldom. Instants are monotonic milliseconds.
 */
export interface Way {
  readonly name: string;
  /** Of the other end; a pause that a host asks for holds for every way to it. */
  readonly host: string;
  /** Attempts in a row without a session that held. */
  readonly failures: number;
  /** When the first of them began. */
  readonly failingSince: number | null;
  /** Of these, how many in a row were refusals, or connections without a cloud behind them. */
  readonly slowFailures: number;
  readonly isOut: boolean;
  /** When it is worth trying, if no other way works. */
  readonly retryAt: number;
  /** When it is worth trying beside another that works. */
  readonly proveAt: number;
  /** What kept it from working last; null since the last welcome. */
  readonly problem: LinkProblem | null;
}

export interface Failure {
  readonly code: ProblemCode;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** What a decision needs from the clock and from chance. */
export interface Moment {
  readonly now: number;
  readonly wall: number;
  /** In [0, 1). */
  readonly chance: number;
}

const FAILURES_MAX = 2;
/** A batch that is too big halves with each failure until it holds a single event. */
const HALVINGS_MAX = 9;
/** An attempt that took so long is not repeated: a gateway is not without a welcome for more than half a minute. */
const LONG_ATTEMPT_MS = 10_000;

/** A second try the same way ends the same way. */
const HOPELESS: ReadonlySet<ProblemCode> = new Set([
  "carrier.unauthorized",
  "carrier.certificate_refused",
  "carrier.tls",
  "carrier.redirected",
  "carrier.not_found",
  "carrier.answer_too_big",
  "carrier.unexpected_answer",
  "cloud.unreadable",
  "feed.chunk_damaged",
]);

/** Somebody must mend something first, and asking often looks like an attack. */
const REFUSALS: ReadonlySet<ProblemCode> = new Set(["carrier.unauthorized", "carrier.certificate_refused"]);

/** The connection comes about and the cloud is not behind it: a proof, which looks at the connection, proves little. */
const UNPROVABLE: ReadonlySet<ProblemCode> = new Set([
  "welcome.missing",
  "cloud.silent",
  "cloud.unreadable",
  "feed.chunk_damaged",
]);

export function newWay(name: string, host: string): Way {
  return {
    name,
    host,
    failures: 0,
    failingSince: null,
    slowFailures: 0,
    isOut: false,
    retryAt: 0,
    proveAt: 0,
    problem: null,
  };
}

/** Is this end of a session, as the link tells it, the fault of the carrier that it came over? */
export function isFaultOfWay(code: ProblemCode): boolean {
  return code.startsWith("carrier.") ? isFailure(code) : UNPROVABLE.has(code);
}

/** The session was lost, or taken by another gateway: over any carrier the same would have happened. */
function isFailure(code: ProblemCode): boolean {
  return code !== "carrier.session_lost" && code !== "carrier.taken_over";
}

/** The first way that is not out; when all are, the one whose time comes first. */
export function chooseWay(ways: readonly Way[]): number {
  const usable = ways.findIndex(({ isOut }) => !isOut);
  if (usable !== -1) return usable;
  return ways.reduce((best, way, at) => (way.retryAt < (ways[best]?.retryAt ?? 0) ? at : best), 0);
}

/** How long to rest before the next attempt. Never nothing, so that gateways that lost one cloud do not return together. */
export function restBeforeNext(ways: readonly Way[], { now, chance }: Moment): number {
  const next = ways[chooseWay(ways)];
  return Math.max(restMs(1, chance), (next?.retryAt ?? 0) - now);
}

/** Of the ways that are preferred to the one in use, the one to prove next; null: there is none. */
export function betterWay(ways: readonly Way[], used: number): number | null {
  if (used === 0) return null;
  return ways
    .slice(0, used)
    .reduce((best, way, at) => (way.proveAt < (ways[best]?.proveAt ?? 0) ? at : best), 0);
}

/** A welcome came: it works, though it must hold before its failures are forgotten. */
export function welcomedOver(ways: readonly Way[], at: number): readonly Way[] {
  return changed(ways, at, (way) => ({ ...way, isOut: false, failingSince: null, problem: null }));
}

/** A session held over it. */
export function heldOver(ways: readonly Way[], at: number): readonly Way[] {
  return changed(ways, at, ({ name, host }) => newWay(name, host));
}

/** An attempt that began at `began` failed, or its session did before it held. */
export function failedOver(
  ways: readonly Way[],
  at: number,
  failure: Failure & { readonly began: number },
  moment: Moment,
): readonly Way[] {
  const paused = pausedBy(ways, at, failure, moment);
  if (!isFailure(failure.code)) return paused;
  return changed(paused, at, (way) => afterFailure(way, failure, moment));
}

function afterFailure(
  way: Way,
  failure: Failure & { readonly began: number },
  { now, wall, chance }: Moment,
): Way {
  const { code, message, retryAfterMs = 0, began } = failure;
  const failures = way.failures + 1;
  const isSlow = REFUSALS.has(code) || UNPROVABLE.has(code);
  const slowFailures = isSlow ? way.slowFailures + 1 : 0;
  const failingSince = way.failingSince ?? began;
  const wasLong = now - failingSince >= LONG_ATTEMPT_MS;
  const failuresMax = code === "carrier.batch_too_big" ? HALVINGS_MAX : FAILURES_MAX;
  const isOut = failures >= failuresMax || HOPELESS.has(code) || retryAfterMs > 0 || wasLong;
  const usual = restMs(failures, chance);
  const slow = isSlow ? slowRestMs(slowFailures, chance) : usual;
  const retryAt = Math.max(way.retryAt, now + retryAfterMs + (REFUSALS.has(code) ? slow : usual));
  return {
    ...way,
    failures,
    failingSince,
    slowFailures,
    isOut: way.isOut || isOut,
    retryAt,
    proveAt: Math.max(retryAt, now + slow),
    problem: { code, message, since: way.problem?.code === code ? way.problem.since : wall },
  };
}

/** A host that asks for a pause gets it on every way. */
function pausedBy(
  ways: readonly Way[],
  at: number,
  { retryAfterMs = 0 }: Failure,
  { now }: Moment,
): readonly Way[] {
  const host = ways[at]?.host;
  if (retryAfterMs === 0) return ways;
  return ways.map((way) =>
    way.host === host
      ? {
          ...way,
          isOut: true,
          retryAt: Math.max(way.retryAt, now + retryAfterMs),
          proveAt: Math.max(way.proveAt, now + retryAfterMs),
        }
      : way,
  );
}

function changed(ways: readonly Way[], at: number, change: (way: Way) => Way): readonly Way[] {
  return ways.map((way, index) => (index === at ? change(way) : way));
}
