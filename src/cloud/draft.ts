import type { Cursor } from "#src/engine/ports";
import type { SnapshotProgress } from "#src/engine/snapshot";
import type { JsonObject } from "#src/lib/json";
import { toHex } from "#src/lib/hex";
import { restMs, SESSION_HELD_MS, slowRestMs } from "./backoff.js";
import type {
  CarrierOrder,
  LinkState,
  LocalView,
  Notice,
  ProblemCode,
  StoreOp,
  Turn,
  Welcomed,
} from "./sync-state.js";
import type { GatewayMessage } from "./wire.js";

interface FailOptions {
  /** The other side's wish. */
  readonly retryAfterMs?: number | undefined;
  /** Rest exactly so long. */
  readonly nextTryMs?: number | undefined;
  readonly fault?: string;
}

/** How a session ends when another gateway begins one with the same identity. */
const ENDS_BY_ANOTHER: ReadonlySet<ProblemCode> = new Set(["carrier.session_lost", "cloud.asked_for_hello"]);
/** In a row, none of which held: a cloud that lost its memory does so once. */
const TAKEN_MAX = 3;
/** Kinds of faults that the log was told of. */
const FAULTS_REMEMBERED = 64;

/**
 * One turn of the core while it is being worked out. What the turn has already ordered counts as done for the rest of
 * it (`cursor`, `acked`, `begun`), since the orders are carried out before anything is sent.
 */
export class Draft {
  readonly local: LocalView;
  state: LinkState;
  cursor: Cursor | null;
  snapshot: SnapshotProgress | null;
  acked: number;
  readonly begun = new Set<string>();
  readonly #store: StoreOp[] = [];
  readonly #carrier: CarrierOrder[] = [];
  readonly #send: GatewayMessage[] = [];
  readonly #notices: Notice[] = [];

  constructor(state: LinkState, local: LocalView) {
    this.state = state;
    this.local = local;
    this.cursor = local.cursor;
    this.snapshot = local.snapshot;
    this.acked = local.ackedSeq;
  }

  order(op: StoreOp): void {
    this.#store.push(op);
    if (op.type === "storePage") this.cursor = op.page.cursor;
    if (op.type === "beginSnapshot") this.snapshot = { ...op.snapshot, next: 0 };
    if (op.type === "storeSnapshotPart" && op.part.endsChunk && this.snapshot !== null)
      this.snapshot = { ...this.snapshot, next: this.snapshot.next + 1 };
    if (op.type === "setAcked") this.acked = op.seq;
    if (op.type === "runCommand") this.begun.add(op.command.id);
  }

  carrier(order: CarrierOrder): void {
    this.#carrier.push(order);
  }

  send(message: GatewayMessage): void {
    this.#send.push(message);
  }

  notice(level: Notice["level"], event: string, message: string, data: JsonObject = {}): void {
    this.#notices.push({ level, event, message, data });
  }

  /** At which level to tell of a fault in a message: the log hears of each kind once. */
  levelOnce(level: Notice["level"], fault: string): Notice["level"] {
    const { told } = this.state;
    if (told.faults.includes(fault)) return "debug";
    this.state = {
      ...this.state,
      told: { ...told, faults: [...told.faults, fault].slice(-FAULTS_REMEMBERED) },
    };
    return level;
  }

  /** Changes the session's facts; only while one is open. */
  session(change: Partial<Welcomed>): void {
    const { phase } = this.state;
    if (phase.name === "welcomed") this.state = { ...this.state, phase: { ...phase, ...change } };
  }

  /** `fault` counts it where its code says less than is known. */
  problem(code: ProblemCode, message: string, fault: string = code): void {
    const { problem, told } = this.state;
    const since = problem?.code === code ? problem.since : this.local.wall;
    this.state = { ...this.state, problem: { code, message, since }, told: { ...told, problem: code } };
    const level = told.problem === code ? "debug" : "warn";
    const data = { problem: code, reason: message, fault };
    this.notice(level, "cloud.problem", "the cloud link has a problem", data);
  }

  /** Ends the session, says why, and rests before the next try. */
  fail(found: ProblemCode, what: string, options: FailOptions = {}): void {
    const { phase } = this.state;
    if (phase.name === "stopped") return;
    const { retryAfterMs = 0, nextTryMs, fault } = options;
    const hasHeld = phase.name === "welcomed" && this.local.now - phase.since >= SESSION_HELD_MS;
    const isEndedByAnother = phase.name === "welcomed" && ENDS_BY_ANOTHER.has(found);
    const taken = hasHeld ? 0 : this.state.taken + Number(isEndedByAnother);
    const isTaken = isEndedByAnother && taken >= TAKEN_MAX;
    const code = isTaken ? "carrier.taken_over" : found;
    const message = isTaken ? takenOver(what, taken) : what;
    const isRefused = code === "carrier.unauthorized" || code === "carrier.certificate_refused";
    const failures = (hasHeld ? 0 : this.state.failures) + (isRefused ? 0 : 1);
    const refusals = isRefused ? (hasHeld ? 0 : this.state.refusals) + 1 : 0;
    const chance = this.#chance();
    const rest =
      nextTryMs ?? (isRefused ? slowRestMs(refusals, chance) : retryAfterMs + restMs(failures, chance));
    if (hasHeld) this.state = { ...this.state, told: { ...this.state.told, problem: null } };
    this.problem(code, message, fault);
    this.carrier({ type: "close", why: { code, message } });
    const resting = { name: "resting", until: this.local.now + Math.ceil(rest) } as const;
    this.state = { ...this.state, phase: resting, failures, refusals, taken };
  }

  randomId(): string {
    return toHex(this.local.random(16));
  }

  #chance(): number {
    const bytes = this.local.random(4);
    return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
  }

  finish(): Turn {
    const { phase } = this.state;
    return {
      state: this.state,
      store: this.#store,
      carrier: this.#carrier,
      session: phase.name === "welcomed" ? phase.session : null,
      // What was to be said in a session that ended within this turn is said in the next.
      send: phase.name === "welcomed" || phase.name === "greeting" ? this.#send : [],
      notices: this.#notices,
    };
  }
}

function takenOver(what: string, times: number): string {
  return `${what}; ${times} sessions ended so, each soon after it began: perhaps another gateway has this one's identity; is a copy of it running somewhere?`;
}
