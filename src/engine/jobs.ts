import { DriverError, type Unit } from "#driver-api";
import { sleep } from "#src/lib/deadline";
import type { Json, JsonObject } from "#src/lib/json";
import type { EngineDeps } from "./engine-deps.js";
import { onlyReads } from "./only-reads.js";
import type { UnitRef } from "./devices-port.js";
import type { Cause } from "./transaction.js";

export type JobKind = "encode" | "scan" | "scan_to_assign" | "erase";
export type Step =
  "waiting_for_encoder" | "waiting_for_card" | "card_seen" | "reading" | "writing" | "verifying" | "done";

export interface Progress {
  readonly step: Step;
  /** A sentence for the person at the desk. */
  readonly say: string;
  readonly facts: JsonObject;
}

/** How a job ended, as its action attempt says it. */
export interface Outcome {
  readonly status: "success" | "error";
  readonly result: Json;
  readonly error: { readonly type: string; readonly message: string } | null;
}

/** One attempt to do something with one card on one encoder. `id` is the action attempt's. */
export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readonly encoderId: string;
  readonly credentialId: string | null;
  /** To whom the credential on the card is handed; null but for `scan_to_assign`. */
  readonly userId: string | null;
  readonly overwrite: boolean;
  /** UIDs (hex) of cards that are left alone when they lie there: the job waits for another one. */
  readonly exceptCards?: readonly string[] | undefined;
  readonly cause: Cause;
  /** How long it may be pending in all, milliseconds. */
  readonly lifeMs: number;
  /** Aborts with a `JobEnd`. */
  readonly control: AbortController;
  readonly progress: Progress[];
  readonly listeners: Set<(progress: Progress | Outcome) => void>;
  /** Set when it ended. */
  outcome: Outcome | null;
  /** Resolves when it ended. */
  readonly ended: Promise<Outcome>;
}

/** Why a job was told to stop before its work was done. */
export class JobEnd extends Error {
  override readonly name = "JobEnd";
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

const QUEUE_MAX = 8;
const REMEMBERED_MAX = 200;
const STORE_AGAIN_MS = 5_000;

/** One queue per encoder: one job at work, eight waiting. */
export class Jobs {
  readonly #deps: EngineDeps;
  readonly #perform: (job: Job, unit: Unit) => Promise<Outcome>;
  readonly #finish: (job: Job, error: unknown) => Outcome;
  readonly #queues = new Map<string, Job[]>();
  readonly #jobs = new Map<string, Job>();
  /** The last job at each reader that only names badges. */
  readonly #readers = new Map<UnitRef, Promise<unknown>>();
  readonly #listeners = new Set<(job: Job, progress: Progress) => void>();

  constructor(
    deps: EngineDeps,
    perform: (job: Job, unit: Unit) => Promise<Outcome>,
    finish: (job: Job, error: unknown) => Outcome,
  ) {
    this.#deps = deps;
    this.#perform = perform;
    this.#finish = finish;
  }

  isFull(encoderId: string): boolean {
    return (this.#queues.get(encoderId)?.length ?? 0) > QUEUE_MAX;
  }

  waiting(encoderId: string): number {
    return this.#queues.get(encoderId)?.length ?? 0;
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  running(): readonly Job[] {
    return [...this.#jobs.values()].filter((job) => job.outcome === null);
  }

  add(
    request: Pick<
      Job,
      | "id"
      | "kind"
      | "encoderId"
      | "credentialId"
      | "userId"
      | "overwrite"
      | "exceptCards"
      | "cause"
      | "lifeMs"
    >,
  ): Job {
    let resolveEnded: (outcome: Outcome) => void = () => undefined;
    const ended = new Promise<Outcome>((resolve) => (resolveEnded = resolve));
    const job: Job = {
      ...request,
      control: new AbortController(),
      progress: [],
      listeners: new Set(),
      outcome: null,
      ended,
    };
    this.#remember(job);
    const queue = this.#queues.get(job.encoderId) ?? [];
    this.#queues.set(job.encoderId, queue);
    queue.push(job);
    void this.#run(job).then((outcome) => {
      job.outcome = outcome;
      queue.splice(queue.indexOf(job), 1);
      for (const listener of [...job.listeners]) listener(outcome);
      resolveEnded(outcome);
    });
    return job;
  }

  /** Hears the steps of every job. */
  onProgress(listener: (job: Job, progress: Progress) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  say(job: Job, step: Step, say: string, facts: JsonObject = {}): void {
    const progress = { step, say, facts };
    job.progress.push(progress);
    for (const listener of [...this.#listeners]) listener(job, progress);
    for (const listener of [...job.listeners]) listener(progress);
  }

  abort(id: string, end: JobEnd): void {
    this.#jobs.get(id)?.control.abort(end);
  }

  async #run(job: Job): Promise<Outcome> {
    const { clock, limits, inventory } = this.#deps;
    const stopTimer = clock.startTimer(job.lifeMs, () =>
      job.control.abort(new JobEnd("action_attempt_expired", "not carried out in time")),
    );
    let stopJobTimer = (): void => undefined;
    try {
      this.say(job, "waiting_for_encoder", "Waiting for the encoder.");
      const encoder = inventory.encoders.find(({ id }) => id === job.encoderId);
      const work = this.#atUnit(encoder?.unit ?? "", job.control.signal, async (unit) => {
        stopJobTimer = clock.startTimer(limits.jobMs, () =>
          job.control.abort(new JobEnd("action_attempt_expired", "the job took too long at the encoder")),
        );
        return this.#perform(job, unit);
      });
      return await this.#untilEnd(job, work);
    } catch (error) {
      return await this.#finishWhenStorable(job, error);
    } finally {
      stopTimer();
      stopJobTimer();
    }
  }

  /**
   * Runs `work` alone at the unit. At one that only names badges it has the reader to itself, and leaves the wire to
   * others: doors may hang on it.
   */
  async #atUnit<T>(ref: UnitRef, signal: AbortSignal, work: (unit: Unit) => Promise<T>): Promise<T> {
    const { devices } = this.#deps;
    const atWire = await devices.use(ref, signal, async (unit) =>
      onlyReads(unit) ? null : { result: await work(unit) },
    );
    if (atWire !== null) return atWire.result;
    const before = this.#readers.get(ref) ?? Promise.resolve();
    const turn = before.then(() => {
      signal.throwIfAborted();
      const unit = devices.capabilities(ref);
      if (unit === undefined) throw new DriverError("device.lost", "none", "the reader is gone");
      return work(unit);
    });
    const settled = turn.catch(() => undefined);
    this.#readers.set(ref, settled);
    return turn;
  }

  /** On a full disk nothing can be said of the job: it stays open, and is tried again until there is room. */
  async #finishWhenStorable(job: Job, error: unknown): Promise<Outcome> {
    const { clock, log } = this.#deps;
    for (;;) {
      try {
        return this.#finish(job, error);
      } catch (reason) {
        log.error(
          { event: "job.not_stored", job: job.id, err: reason },
          "how a job ended could not be stored",
        );
        await sleep(clock, STORE_AGAIN_MS, new AbortController().signal);
      }
    }
  }

  /** A job that still waits for the wire ends as soon as it is told to; one at work ends through its driver. */
  async #untilEnd(job: Job, work: Promise<Outcome>): Promise<Outcome> {
    const { signal } = job.control;
    const toldToEnd = new Promise<never>((_, reject) => {
      const check = (): void => {
        if (job.progress.length <= 1) reject(signal.reason as Error);
      };
      if (signal.aborted) check();
      else signal.addEventListener("abort", check, { once: true });
    });
    toldToEnd.catch(() => undefined);
    work.catch(() => undefined);
    return Promise.race([work, toldToEnd]);
  }

  #remember(job: Job): void {
    this.#jobs.set(job.id, job);
    for (const [id, old] of this.#jobs) {
      if (this.#jobs.size <= REMEMBERED_MAX) break;
      if (old.outcome !== null) this.#jobs.delete(id);
    }
  }

  /** Tells every job to end and waits until they have, at most `ms`. */
  async stop(ms: number): Promise<void> {
    const open = this.running();
    for (const job of open) job.control.abort(new JobEnd("encoder_not_online", "the gateway is stopping"));
    const all = Promise.all(open.map((job) => job.ended));
    const give = new AbortController();
    await Promise.race([all, sleep(this.#deps.clock, ms, give.signal).catch(() => undefined)]);
    give.abort();
  }
}
