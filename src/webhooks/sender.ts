import type { Delivery, Webhook, WebhooksTable } from "#src/engine/ports";
import type { Clock } from "#src/lib/deadline";
import type { JsonObject } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import type { Post, PostOutcome } from "./post.js";
import { mayCarryPins } from "./receiver.js";
import { HOLDING_TRIES, retryAfterMs, STEP_MS_MAX } from "./retry.js";
import { signedHeaders } from "./signature.js";

export interface SenderOptions {
  readonly table: WebhooksTable;
  /** The event as an app sees it; undefined when it is no longer kept. */
  readonly eventOf: (id: string, seesPins: boolean) => JsonObject | undefined;
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly post: Post;
  readonly log: Pick<Log, "warn" | "info" | "error">;
  /** So many events may wait for one receiver; 10,000 unless given. */
  readonly waitingMax?: number;
}

/** Receivers served at once; each gets one event at a time. */
const AT_ONCE_MAX = 8;
/** A receiver for which more than so many events wait loses the oldest. */
const WAITING_MAX = 10_000;
/** So long a receiver rests when the store refused to note what became of its delivery. */
const REST_MS = 30_000;

/** How deliveries to one receiver went, since this process began. Epoch ms. */
export interface ReceiverOutcome {
  /** null: none was acknowledged yet. */
  readonly deliveredAt: number | null;
  /** When it failed first after it last worked; null: it works, or was not tried. */
  readonly failingSince: number | null;
  readonly problem: string | null;
}

const NOT_TRIED: ReceiverOutcome = { deliveredAt: null, failingSince: null, problem: null };

/**
 * Hands events over to apps' receivers. What is to be sent, how often it failed and when its turn comes lie in the
 * store, so that the end of the process loses nothing; an acknowledgement that could not be noted means that the event
 * is sent again. Each receiver gets its events in order, until one has failed a few times: those behind it go ahead then.
 */
export class WebhookSender {
  readonly #options: SenderOptions;
  readonly #busy = new Map<string, AbortController>();
  readonly #underWay = new Set<Promise<void>>();
  /** How the last deliveries to each went. */
  readonly #outcomes = new Map<string, ReceiverOutcome>();
  /** When each was served last, in turns. */
  readonly #served = new Map<string, number>();
  readonly #resting = new Map<string, number>();
  #turns = 0;
  #cancelTimer = (): void => undefined;
  #isStopped = false;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /** Looks for work: at the start, and whenever events were stored. Cheap when there is none. */
  wake(): void {
    if (this.#isStopped) return;
    this.#cancelTimer();
    const { table, clock } = this.#options;
    const receivers = table.list();
    const kept = new Set(receivers.map(({ id }) => id));
    for (const id of this.#served.keys()) if (!kept.has(id)) this.#forget(id);
    let nextMs = Infinity;
    for (const webhook of this.#fairly(receivers)) {
      if (this.#busy.has(webhook.id)) continue;
      const restMs = (this.#resting.get(webhook.id) ?? 0) - clock.monotonic();
      const next = restMs > 0 ? undefined : this.#nextOf(webhook.id);
      if (restMs > 0) nextMs = Math.min(nextMs, restMs);
      if (next === undefined) continue;
      if (next.inMs > 0) nextMs = Math.min(nextMs, next.inMs);
      else if (this.#busy.size < AT_ONCE_MAX) this.#send(webhook, next.delivery);
    }
    if (nextMs < Infinity) this.#cancelTimer = clock.startTimer(nextMs, () => this.wake());
  }

  /** Ends what is under way; it is sent again after the next start. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelTimer();
    for (const control of this.#busy.values()) control.abort(new Error("the gateway stops"));
    await Promise.all(this.#underWay);
  }

  outcomeOf(webhookId: string): ReceiverOutcome {
    return this.#outcomes.get(webhookId) ?? NOT_TRIED;
  }

  /** A receiver was removed: what is on its way to it is broken off. */
  removed(webhookId: string): void {
    this.#busy.get(webhookId)?.abort(new Error("the receiver was removed"));
    this.#forget(webhookId);
  }

  #fairly(receivers: readonly Webhook[]): readonly Webhook[] {
    const turn = ({ id }: Webhook): number => this.#served.get(id) ?? 0;
    return [...receivers].sort((a, b) => turn(a) - turn(b));
  }

  /** Late ones first: their time is long past. A wall clock that went back holds up nothing beyond the longest wait. */
  #nextOf(webhookId: string): { readonly delivery: Delivery; readonly inMs: number } | undefined {
    const { table, clock } = this.#options;
    const candidates = [table.firstLate(webhookId), table.firstInOrder(webhookId)].flatMap((delivery) => {
      if (delivery === undefined) return [];
      const inMs = delivery.nextAt - clock.now();
      return [{ delivery, inMs: inMs > STEP_MS_MAX ? 0 : inMs }];
    });
    return candidates.find(({ inMs }) => inMs <= 0) ?? candidates.sort((a, b) => a.inMs - b.inMs)[0];
  }

  #send(webhook: Webhook, delivery: Delivery): void {
    const control = new AbortController();
    this.#busy.set(webhook.id, control);
    this.#served.set(webhook.id, (this.#turns += 1));
    const work = this.#deliver(webhook, delivery, control.signal)
      .catch((error: unknown) => {
        this.#resting.set(webhook.id, this.#options.clock.monotonic() + REST_MS);
        this.#options.log.error(
          { event: "webhook.not_noted", webhook: webhook.id, err: error },
          "what became of a delivery could not be noted",
        );
      })
      .finally(() => {
        this.#busy.delete(webhook.id);
        this.#underWay.delete(work);
        this.wake();
      });
    this.#underWay.add(work);
  }

  async #deliver(webhook: Webhook, delivery: Delivery, signal: AbortSignal): Promise<void> {
    const { table, clock, eventOf, post, log } = this.#options;
    const dropped = table.keepNewest(webhook.id, this.#options.waitingMax ?? WAITING_MAX);
    if (dropped > 0) {
      log.warn(
        { event: "webhook.dropped", webhook: webhook.id, count: dropped },
        "the oldest events of a receiver were dropped: too many wait for it",
      );
    }
    const event = eventOf(delivery.eventId, mayCarryPins(webhook.url));
    if (event === undefined) {
      table.done(delivery.seq);
      return;
    }
    const body = JSON.stringify(event);
    const headers = signedHeaders(webhook.secret, { id: delivery.eventId, at: clock.now(), body });
    const outcome = await post({ url: webhook.url, headers, body }, signal);
    // Whatever came of it: after the next start it is sent again, or nobody wants it any more.
    if (signal.aborted) return;
    if (outcome.ok) table.done(delivery.seq);
    else this.#postpone(webhook, delivery);
    this.#tell(webhook, outcome);
  }

  #postpone(webhook: Webhook, { seq, eventId, tries }: Delivery): void {
    const { table, clock, random, log } = this.#options;
    const failures = tries + 1;
    const waitMs = retryAfterMs(failures, chanceOf(random(4)));
    if (waitMs !== null) {
      table.failed(seq, { at: Math.ceil(clock.now() + waitMs), late: failures >= HOLDING_TRIES });
      return;
    }
    table.done(seq);
    log.warn(
      { event: "webhook.given_up", webhook: webhook.id, seam_event: eventId, tries: failures },
      "an event was given up: its receiver never acknowledged it",
    );
  }

  /** In the log once when it begins and once when it ends, not at every try. The path may hold a token of the receiver's. */
  #tell({ id, url }: Webhook, outcome: PostOutcome): void {
    const { log, clock } = this.#options;
    const { host } = new URL(url);
    const before = this.outcomeOf(id);
    if (outcome.ok) {
      this.#outcomes.set(id, { deliveredAt: clock.now(), failingSince: null, problem: null });
      if (before.failingSince === null) return;
      log.info({ event: "webhook.recovered", webhook: id, host }, "a receiver takes events again");
      return;
    }
    const failingSince = before.failingSince ?? clock.now();
    this.#outcomes.set(id, { ...before, failingSince, problem: outcome.why });
    if (before.failingSince !== null) return;
    log.warn(
      { event: "webhook.failing", webhook: id, host, reason: outcome.why },
      "a receiver does not take events",
    );
  }

  #forget(id: string): void {
    this.#served.delete(id);
    this.#resting.delete(id);
    this.#outcomes.delete(id);
  }
}

/** In [0, 1). */
function chanceOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0) / 2 ** 32;
}
