import type { Cursor } from "#src/engine/ports";
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

/**
 * One turn of the core while it is being worked out. What the turn has already ordered counts as done for the rest of
 * it (`cursor`, `acked`, `begun`), since the orders are carried out before anything is sent.
 */
export class Draft {
  readonly local: LocalView;
  state: LinkState;
  cursor: Cursor | null;
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
    this.acked = local.ackedSeq;
  }

  order(op: StoreOp): void {
    this.#store.push(op);
    if (op.type === "storePage") this.cursor = op.page.cursor;
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

  /** Changes the session's facts; only while one is open. */
  session(change: Partial<Welcomed>): void {
    const { phase } = this.state;
    if (phase.name === "welcomed") this.state = { ...this.state, phase: { ...phase, ...change } };
  }

  problem(code: ProblemCode, message: string): void {
    const since = this.state.problem?.code === code ? this.state.problem.since : this.local.wall;
    this.state = { ...this.state, problem: { code, message, since } };
    this.notice("warn", "cloud.problem", "the cloud link has a problem", { problem: code, reason: message });
  }

  /** Ends the session, says why, and rests before the next try. */
  fail(code: ProblemCode, message: string, retryAfterMs = 0): void {
    const { phase } = this.state;
    if (phase.name === "stopped") return;
    const hasHeld = phase.name === "welcomed" && this.local.now - phase.since >= SESSION_HELD_MS;
    const isRefused = code === "carrier.unauthorized" || code === "carrier.certificate_refused";
    const failures = (hasHeld ? 0 : this.state.failures) + (isRefused ? 0 : 1);
    const refusals = isRefused ? (hasHeld ? 0 : this.state.refusals) + 1 : 0;
    const chance = this.#chance();
    const rest = isRefused ? slowRestMs(refusals, chance) : retryAfterMs + restMs(failures, chance);
    this.problem(code, message);
    this.carrier({ type: "close" });
    const resting = { name: "resting", until: this.local.now + Math.ceil(rest) } as const;
    this.state = { ...this.state, phase: resting, failures, refusals };
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
