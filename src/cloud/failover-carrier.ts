import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import { SESSION_HELD_MS } from "./backoff.js";
import type { Carrier, CarrierSink, CarrierStatus } from "./carrier.js";
import {
  betterWay,
  chooseWay,
  type Failure,
  failedOver,
  heldOver,
  isFaultOfWay,
  type Moment,
  newWay,
  restBeforeNext,
  type Way,
  welcomedOver,
} from "./failover.js";
import type { CarrierProblem } from "./sync-state.js";
import type { GatewayMessage } from "./wire.js";

export interface FailoverDeps {
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly log: Log;
}

/** A better carrier is used again when its connection has held for so long. */
const PROVEN_AFTER_MS = 3 * 60_000;

export interface CarrierChoice {
  readonly carrier: Carrier;
  /** Of its other end. */
  readonly host: string;
  /** Who issued the certificate that is shown there, for a person to read; null: unknown. */
  readonly issuer?: () => Promise<string | null>;
}

interface Used {
  readonly at: number;
  readonly began: number;
  /** When the cloud welcomed over it; null: not yet. */
  welcomedAt: number | null;
}

/** `choices` in the order of preference; at least one. */
export function createFailoverCarrier(choices: readonly CarrierChoice[], deps: FailoverDeps): Carrier {
  return new FailoverCarrier(choices, deps);
}

/**
 * Uses the best carrier that works. All decisions are `failover.ts`; here they are carried out. While a lesser carrier is
 * in use the better one is connected now and then, and nothing is said over it until its connection has held; what
 * the cloud sends over it meanwhile is not taken, since hello repairs that.
 */
class FailoverCarrier implements Carrier {
  readonly #choices: readonly CarrierChoice[];
  /** Words on whose certificate was shown instead of a trusted one, by carrier. */
  readonly #issuers = new Map<number, string>();
  readonly #deps: FailoverDeps;
  #ways: readonly Way[];
  #sink: CarrierSink | null = null;
  #boot = 0;
  #used: Used | null = null;
  /** The one that was used last: its name and whether it encrypts are what is asked for between sessions. */
  #last = 0;
  #proving: { readonly at: number; readonly began: number; isUp: boolean } | null = null;
  #cancelTimer = (): void => undefined;

  constructor(choices: readonly CarrierChoice[], deps: FailoverDeps) {
    this.#choices = choices;
    this.#ways = choices.map(({ carrier, host }) => newWay(carrier.name, host));
    this.#deps = deps;
  }

  get name(): string {
    return this.#carrier(this.#last).name;
  }

  get isEncrypted(): boolean {
    return this.#carrier(this.#last).isEncrypted;
  }

  open(sink: CarrierSink, boot: number): void {
    this.close();
    this.#sink = sink;
    this.#boot = boot;
    const proving = this.#proving;
    if (proving?.isUp === true) {
      this.#move(proving.at);
      sink.up();
      return;
    }
    const at = chooseWay(this.#ways);
    // A connection that is under way already goes on; a proof of what is not better any more is none.
    if (proving !== null && proving.at > at) this.#stopProving();
    this.#use(at);
    if (proving?.at === at) this.#proving = null;
    else this.#carrier(at).open(this.#sinkOf(at), boot);
  }

  send(session: string | null, messages: readonly GatewayMessage[]): void {
    if (this.#used !== null) this.#carrier(this.#used.at).send(session, messages);
  }

  listen(session: string): void {
    const used = this.#used;
    if (used === null) return;
    used.welcomedAt = this.#deps.clock.monotonic();
    this.#ways = welcomedOver(this.#ways, used.at);
    this.#issuers.delete(used.at);
    this.#carrier(used.at).listen(session);
    this.#planProof();
  }

  close(why: Failure | null = null): void {
    const used = this.#used;
    if (used === null) return;
    this.#used = null;
    this.#carrier(used.at).close();
    this.#noteEnd(used, why !== null && isFaultOfWay(why.code) ? why : null);
  }

  async destroy(): Promise<void> {
    this.#cancelTimer();
    this.#used = null;
    this.#proving = null;
    await Promise.all(this.#choices.map(({ carrier }) => carrier.destroy()));
  }

  status(): readonly CarrierStatus[] {
    const now = this.#deps.clock.monotonic();
    return this.#ways.map(({ name, problem, isOut, retryAt, proveAt }, at) => {
      const state = this.#stateOf(at, isOut);
      const isWaiting = state === "out" && (this.#used === null || at < this.#used.at);
      const due = this.#used === null ? retryAt : proveAt;
      return { name, state, problem, nextTryMs: isWaiting ? Math.max(0, due - now) : null };
    });
  }

  #stateOf(at: number, isOut: boolean): CarrierStatus["state"] {
    if (this.#used?.at === at) return this.#used.welcomedAt === null ? "trying" : "in_use";
    if (this.#proving?.at === at) return "proving";
    return isOut ? "out" : "standby";
  }

  #sinkOf(at: number): CarrierSink {
    return {
      up: () => this.#up(at),
      received: (bytes) => {
        if (this.#used?.at === at) this.#sink?.received(bytes);
      },
      down: (problem) => {
        const used = this.#used;
        const isToBeNamed = problem.code === "carrier.tls" && !this.#issuers.has(at);
        if (isToBeNamed && used?.at === at) void this.#nameIssuer(used, problem);
        else this.#down(at, problem);
      },
    };
  }

  /** Finds out whose certificate it was, which gives a proxy away that opens encrypted connections, and goes on then. */
  async #nameIssuer(used: Used, problem: CarrierProblem): Promise<void> {
    const name = (await this.#choices[used.at]?.issuer?.()) ?? null;
    const words = name === null ? "" : `; the certificate that is shown there was issued by "${name}"`;
    this.#issuers.set(used.at, words);
    // Otherwise it was given up meanwhile.
    if (this.#used === used) this.#down(used.at, problem);
  }

  #up(at: number): void {
    if (this.#used?.at === at) this.#sink?.up();
    else if (this.#proving?.at === at) {
      this.#proving.isUp = true;
      this.#arm(PROVEN_AFTER_MS, () => this.#proven());
    }
  }

  #down(at: number, what: CarrierProblem): void {
    const issuer = what.code === "carrier.tls" ? (this.#issuers.get(at) ?? "") : "";
    const problem = { ...what, message: `${what.message}${issuer}` };
    const used = this.#used;
    if (used?.at === at) {
      this.#used = null;
      this.#noteEnd(used, problem);
      this.#sink?.down(isFaultOfWay(problem.code) ? { ...problem, nextTryMs: this.#nextTryMs() } : problem);
    } else if (this.#proving?.at === at) {
      const { began } = this.#proving;
      this.#proving = null;
      this.#ways = failedOver(this.#ways, at, { ...problem, began }, this.#moment());
      this.#planProof();
    }
  }

  /** A better one that is connected already is taken without waiting for anything else. */
  #nextTryMs(): number {
    return restBeforeNext(this.#proving?.isUp === true ? [] : this.#ways, this.#moment());
  }

  /** Every end of a use comes by here once. */
  #noteEnd({ at, began, welcomedAt }: Used, failure: Failure | null): void {
    const moment = this.#moment();
    const hasHeld = welcomedAt !== null && moment.now - welcomedAt >= SESSION_HELD_MS;
    if (hasHeld) this.#ways = heldOver(this.#ways, at);
    // The end of what held is no failed attempt, but the pause that it may ask for holds.
    if (failure === null || (hasHeld && (failure.retryAfterMs ?? 0) === 0)) return;
    const withoutWelcomeSince = welcomedAt === null ? began : moment.now;
    this.#ways = failedOver(this.#ways, at, { ...failure, began: withoutWelcomeSince }, moment);
  }

  #use(at: number): void {
    if (at !== this.#last) {
      const [from, to] = [this.#carrier(this.#last).name, this.#carrier(at).name];
      const reason = this.#ways[this.#last]?.problem?.message ?? null;
      this.#deps.log.info(
        { event: "cloud.carrier_changed", from, to, reason: at < this.#last ? null : reason },
        "the cloud link goes over another carrier",
      );
    }
    this.#used = { at, began: this.#deps.clock.monotonic(), welcomedAt: null };
    this.#last = at;
  }

  /** From the carrier in use to one that is connected already. */
  #move(to: number): void {
    this.close();
    this.#cancelTimer();
    this.#proving = null;
    this.#use(to);
  }

  // ── The way back ───────────────────────────────────────────────────────────────────────────────────────────────

  #planProof(): void {
    if (this.#used?.welcomedAt == null || this.#proving !== null) return;
    const at = betterWay(this.#ways, this.#used.at);
    if (at === null) return;
    const { now } = this.#moment();
    this.#arm((this.#ways[at]?.proveAt ?? now) - now, () => this.#prove());
  }

  #prove(): void {
    const at = this.#used?.welcomedAt == null ? null : betterWay(this.#ways, this.#used.at);
    // Without a session there is nothing to return from; the next welcome plans anew.
    if (at === null || this.#proving !== null) return;
    this.#proving = { at, began: this.#deps.clock.monotonic(), isUp: false };
    this.#carrier(at).open(this.#sinkOf(at), this.#boot);
  }

  #proven(): void {
    const proving = this.#proving;
    // While nothing is in use the next opening finds it.
    if (proving === null || this.#used?.welcomedAt == null) return;
    this.#move(proving.at);
    this.#sink?.up();
  }

  #stopProving(): void {
    if (this.#proving === null) return;
    this.#carrier(this.#proving.at).close();
    this.#proving = null;
    this.#cancelTimer();
  }

  #arm(ms: number, fire: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#deps.clock.startTimer(Math.max(1, ms), fire);
  }

  #moment(): Moment {
    const { clock, random } = this.#deps;
    const bytes = random(4);
    const chance = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
    return { now: clock.monotonic(), wall: clock.now(), chance };
  }

  #carrier(at: number): Carrier {
    const choice = this.#choices[at];
    if (choice === undefined) throw new Error("a link without a carrier");
    return choice.carrier;
  }
}
