import type { Unit } from "#driver-api";
import { blockedReason } from "#src/domain/blocked";
import { observe } from "#src/domain/credential/derive";
import type { Observed } from "#src/domain/observed";
import { type AcsCredentialSpec, acsUserSpec } from "#src/domain/spec";
import { uuidV7 } from "#src/lib/uuid";
import { ACTION_TYPES } from "./action-types.js";
import { badgeJob } from "./badge-jobs.js";
import { showAt } from "./badge-reader.js";
import { type BadItem, type DesiredDocument, stepRow, storeDocument, unblock } from "./desired.js";
import { encode } from "./encode-job.js";
import { refusalEnd } from "./encode-rules.js";
import type { EngineDeps } from "./engine-deps.js";
import { erase } from "./erase-job.js";
import { type CloudDocument, quarantine, storeFromFeed, tellCreated } from "./feed.js";
import { tellFirstCloud } from "./first-cloud.js";
import { adoptInventory } from "./inventory-change.js";
import { effectOf, outcomeOf } from "./job-end.js";
import { offlineReason, withNext } from "./device-problem.js";
import { type Job, JobEnd, type JobKind, Jobs, type Outcome } from "./jobs.js";
import { onlyReads } from "./only-reads.js";
import { Keypads } from "./keypads/keypads.js";
import { OfflineWork } from "./offline-work.js";
import type { DeviceStatus } from "./devices-port.js";
import type { ActionAttempt, Cursor, ObjectRow } from "./ports.js";
import { reserveRefusal, STORAGE_FULL } from "./reserve.js";
import { scan } from "./scan-job.js";
import { scanToAssign } from "./scan-to-assign-job.js";
import { SnapshotIntake } from "./snapshot.js";
import { Stepping } from "./stepping.js";
import { type Cause, EngineTransaction, type Step } from "./transaction.js";

/** Documents that are stepped in the turn that stores them; more wait for the next. */
const STEPPED_AT_ONCE = 20;

export interface JobRequest {
  readonly kind: JobKind;
  readonly encoderId: string;
  readonly credentialId: string | null;
  /** To whom the credential on the card is handed: `scan_to_assign` alone has one. */
  readonly userId?: string;
  readonly overwrite: boolean;
  readonly exceptCards?: readonly string[] | undefined;
  readonly cause: Cause;
  /** The cloud's command. */
  readonly command?: { readonly id: string; readonly expectGen: number | null };
  /** What is left of the request's life, milliseconds; without it the configured limit. */
  readonly lifeMs?: number;
}

export type JobStart =
  | { readonly ok: true; readonly attempt: ActionAttempt }
  | {
      readonly ok: false;
      readonly why: "no_such_encoder" | "no_such_credential" | "queue_full" | "storage_full";
    };

/** A document of the desk: the engine knows its place in the feed. */
export type LocalDocument = Omit<DesiredDocument, "epoch" | "rev">;

/** The one door in: nothing but the engine changes state. */
export class Engine {
  readonly deps: EngineDeps;
  readonly jobs: Jobs;
  readonly offlineWork: OfflineWork;
  readonly keypads: Keypads;
  readonly snapshot: SnapshotIntake;
  readonly #changed = new Set<() => void>();
  readonly #told = new Set<() => void>();
  readonly #devicesUp = new Set<string>();
  readonly #stepping: Stepping;
  /** What members of an open group keep for after its commit. */
  #held: (() => void)[] | undefined;

  constructor(deps: EngineDeps) {
    this.deps = deps;
    this.offlineWork = new OfflineWork(deps);
    this.snapshot = new SnapshotIntake(deps, (work) => this.transact({}, work));
    this.#stepping = new Stepping({
      deps,
      transact: (work) => this.transact({}, work),
      again: () => this.stepDirty(),
    });
    this.keypads = new Keypads({
      deps,
      transact: (cause, work) => this.transact(cause, work),
      group: (work) => this.group(work),
      localChanges: (documents, cause, what) => this.localChanges(documents, cause, what),
    });
    this.jobs = new Jobs(
      deps,
      (job, unit) => this.#perform(job, unit),
      (job, error) => this.#failed(job, error),
    );
  }

  /** Runs `work` as one transaction, then what it kept for after the commit. */
  transact<T>(cause: Cause, work: (tx: EngineTransaction) => T): T {
    const { store } = this.deps;
    const tx = new EngineTransaction(this.deps, cause, (jobId, reason) =>
      this.jobs.abort(jobId, new JobEnd(reason, "the credential was revoked or deleted meanwhile")),
    );
    const seqBefore = store.journal.lastSeq();
    const result = store.transaction(() => work(tx));
    const hasJournal = store.journal.lastSeq() !== seqBefore;
    const committed = (): void => {
      tx.committed();
      if (hasJournal) for (const listener of [...this.#changed]) listener();
      this.keypads.wake(tx.touchedLocks);
      if (tx.hasEvents) for (const listener of [...this.#told]) listener();
    };
    if (this.#held === undefined) committed();
    else this.#held.push(committed);
    return result;
  }

  /**
   * Runs `work`, whose transactions share one commit. What they keep for after the commit waits for that one; when this
   * throws, none of them happened.
   */
  group<T>(work: () => T): T {
    const held: (() => void)[] = [];
    this.#held = held;
    let result: T;
    try {
      result = this.deps.store.group(work);
    } finally {
      this.#held = undefined;
    }
    for (const committed of held) committed();
    return result;
  }

  /** Called after every transaction that wrote to the journal. */
  onJournal(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => this.#changed.delete(listener);
  }

  /** Called after every transaction that stored events for apps. */
  onEvents(listener: () => void): () => void {
    this.#told.add(listener);
    return () => this.#told.delete(listener);
  }

  // ── Start ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a crash left open becomes certain or doubtful, the inventory goes up when it changed, dirty rows are stepped. */
  recover(): void {
    const { store } = this.deps;
    for (const row of store.objects.withOpenJob()) {
      this.transact({}, (tx) => tx.credential(row, { type: "daemon.restarted" }));
    }
    for (const attempt of store.attempts.pending()) {
      // What is wanted of a code is on disk, and goes on.
      if (attempt.accessCodeId !== undefined) continue;
      const error = {
        type: "uncategorized_error",
        message: "the gateway restarted while this was running [restarted]",
      };
      this.transact({}, (tx) => tx.finishAttempt(attempt.id, { status: "error", result: null, error }));
    }
    adoptInventory(this.deps, (work) => this.transact({}, work));
    tellFirstCloud(this.deps, (work) => this.transact({}, work));
    this.#reconsiderBlocked();
    this.stepDirty();
  }

  /** What an older release could not do, this one may. */
  #reconsiderBlocked(): void {
    const { store, version } = this.deps;
    if (store.meta.get("version") === version) return;
    store.transaction(() => {
      unblock(this.deps, "");
      store.meta.set("version", version);
    });
  }

  // ── Desired state ────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores a page of the feed with its cursor in one transaction; stepping comes after. `ruledUpTo`: what the cloud had
   * taken in of the journal when it made the page.
   */
  storePage(
    documents: readonly CloudDocument[],
    bad: readonly BadItem[],
    cursor: Cursor,
    ruledUpTo: number,
  ): void {
    this.transact({}, (tx) => {
      for (const document of documents) storeFromFeed(this.deps, tx, document, ruledUpTo);
      for (const item of bad) quarantine(this.deps, tx, item);
      this.deps.store.meta.set("cursor", { epoch: { ...cursor.epoch }, rev: cursor.rev });
    });
    if (documents.length > STEPPED_AT_ONCE) this.stepSoon();
    else this.stepDirty();
  }

  /** Documents that an earlier release could not understand: nothing newer of the same objects has come since. */
  storeAgain(documents: readonly CloudDocument[]): void {
    const { quarantine: kept } = this.deps.store;
    this.transact({}, (tx) => {
      for (const document of documents) {
        storeFromFeed(this.deps, tx, document, Number.MAX_SAFE_INTEGER);
        kept.remove(document.kind, document.id);
      }
    });
    this.stepDirty();
  }

  /** A change made at the site: stored, told to the cloud, and acted on at once. */
  localChange(document: LocalDocument, cause: Cause, what: string): ObjectRow {
    this.localChanges([document], cause, what);
    const row = this.deps.store.objects.get(document.kind, document.id);
    if (row === undefined) throw new Error("a stored object is gone");
    return row;
  }

  /** Several changes of one act, and what `also` stores with them: all of it or none. Returns what `also` does. */
  localChanges<T = void>(
    documents: readonly LocalDocument[],
    cause: Cause,
    what: string,
    also?: (tx: EngineTransaction) => T,
  ): T | undefined {
    const result = this.transact(cause, (tx) => {
      for (const document of documents) this.#changeLocally(tx, document, what);
      return also?.(tx);
    });
    this.stepDirty();
    return result;
  }

  #changeLocally(tx: EngineTransaction, document: LocalDocument, what: string): void {
    const before = this.deps.store.objects.get(document.kind, document.id);
    const seq = this.deps.offline === null ? null : this.#journalLocalChange(tx, document, before);
    const row = storeDocument(this.deps, { ...document, epoch: before?.epoch ?? 0, rev: 0 }, seq);
    if (row !== null) stepRow(this.deps, tx, row);
    tellCreated(tx, before, document);
    tx.audit(what, document.id);
  }

  /** The PIN is kept sealed beside the event until the cloud has it. */
  #journalLocalChange(
    tx: EngineTransaction,
    { kind, id, spec, code }: LocalDocument,
    before: ObjectRow | undefined,
  ): number {
    const codeRef = code === null ? null : this.deps.store.journal.keepSecret(code);
    const base = { base_object_rev: before?.rev ?? 0, base_epoch: before?.epoch ?? 0 };
    const data = { spec: { ...spec }, code_ref: codeRef, ...base };
    return tx.journal({ k: "local_change", kind, id, data });
  }

  /** Steps dirty rows, denials first, a few at a time so that nothing else waits long. */
  stepDirty(): void {
    this.#stepping.step();
  }

  /** Steps dirty rows when other work has had its turn. */
  stepSoon(): void {
    this.#stepping.soon();
  }

  // ── Credentials ──────────────────────────────────────────────────────────────────────────────────────────────

  observe(row: ObjectRow): Observed | null {
    return row.record === null ? null : observe(row.record);
  }

  credentialOf(job: Job): ObjectRow {
    const row =
      job.credentialId === null ? undefined : this.deps.store.objects.get("acs_credential", job.credentialId);
    if (row === undefined) throw new JobEnd("credential_deleted", "the credential is gone");
    return row;
  }

  holderOf(spec: AcsCredentialSpec): string | null {
    const user =
      spec.acs_user_id === null ? undefined : this.deps.store.objects.get("acs_user", spec.acs_user_id);
    return user === undefined ? null : (acsUserSpec.safeParse(user.spec).data?.full_name ?? null);
  }

  /** A person says that the card of this generation is destroyed. */
  declareDestroyed(credentialId: string, generation: number, cause: Cause): Step | null {
    const row = this.deps.store.objects.get("acs_credential", credentialId);
    if (row?.record == null) return null;
    return this.transact(cause, (tx) => {
      tx.audit(`declared the card of generation ${generation} destroyed`, credentialId);
      return tx.credential(row, { type: "card.destroyed", generation });
    });
  }

  /** Sends `expiry.due` to everything whose time has surely passed. Returns when the next is due (epoch ms). */
  wake(): number | null {
    const { store, time } = this.deps;
    const { certain } = time.read();
    for (const { kind, id } of store.wakeups.due(certain, 50)) {
      this.transact({}, (tx) => {
        store.wakeups.set(kind, id, null);
        const row = store.objects.get(kind, id);
        if (row === undefined) return;
        if (row.record?.issuance === "presented") tx.credential(row, { type: "expiry.due" });
        else this.keypads.reconsider(tx, row);
      });
    }
    return store.wakeups.next();
  }

  /** The wall clock jumped against the monotonic one: whoever reads the journal's times later must know. */
  clockJumped(byMs: number): void {
    this.transact({}, (tx) => tx.journal({ k: "clock_jumped", data: { by_ms: byMs } }));
  }

  // ── Devices ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Tells the cloud when a device came or went; its steps between do not matter there. */
  deviceChanged({ key, state, identity, problem }: DeviceStatus): void {
    const isUp = state === "ready" || state === "busy";
    if (isUp === this.#devicesUp.has(key) || state === "opening" || state === "closed") return;
    // Noted as told only once it is stored: while the disk is full, the next change tries again.
    if (isUp) {
      this.transact({}, (tx) =>
        tx.journal({ k: "device_up", data: { device: key, model: identity?.model ?? "" } }),
      );
      this.#devicesUp.add(key);
      return;
    }
    const { code, message } = problem ?? { code: "device.lost", message: "the device is gone" };
    this.transact({}, (tx) => tx.journal({ k: "device_down", data: { device: key, code, message } }));
    this.#devicesUp.delete(key);
  }

  // ── Jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────

  startJob(request: JobRequest): JobStart {
    const { store, inventory, random, time, limits } = this.deps;
    const encoder = inventory.encoders.find(({ id }) => id === request.encoderId);
    if (encoder === undefined) return { ok: false, why: "no_such_encoder" };
    const { credentialId } = request;
    const row = credentialId === null ? null : store.objects.get("acs_credential", credentialId);
    if (row === undefined || row?.gone === true) return { ok: false, why: "no_such_credential" };
    if (this.jobs.isFull(encoder.id)) return { ok: false, why: "queue_full" };
    if (request.kind === "encode" && reserveRefusal(this.deps) !== null) {
      return { ok: false, why: STORAGE_FULL };
    }
    const now = time.read().now;
    const attempt: ActionAttempt = {
      id: request.command?.id ?? uuidV7(now, random(10)),
      actionType: ACTION_TYPES[request.kind],
      status: "pending",
      result: null,
      error: null,
      credentialId,
      encoderId: encoder.id,
      isCommand: request.command !== undefined,
      createdAt: now,
      finishedAt: null,
    };
    const refused = this.transact(request.cause, (tx) => {
      store.attempts.create(attempt);
      tx.audit(`${request.kind} at ${encoder.name}`, credentialId);
      const end = this.#refusalAtStart(request, encoder.unit, row, attempt.id, tx);
      if (end !== null) tx.finishAttempt(attempt.id, outcomeOf(end, null, "none"));
      return end !== null;
    });
    if (!refused) {
      const lifeMs = Math.min(request.lifeMs ?? Infinity, limits.attemptMs);
      this.jobs.add({ ...request, userId: request.userId ?? null, lifeMs, id: attempt.id });
    }
    return { ok: true, attempt: store.attempts.get(attempt.id) ?? attempt };
  }

  /** A command that names nothing of this site ends in error at once, as every other: by its attempt. */
  refuseCommand(id: string, actionType: string, why: string): void {
    const { store, time } = this.deps;
    this.transact({ cmd: id }, (tx) => {
      store.attempts.create({
        id,
        actionType,
        status: "pending",
        result: null,
        error: null,
        credentialId: null,
        encoderId: null,
        isCommand: true,
        createdAt: time.read().now,
        finishedAt: null,
      });
      const type = why === "no_such_credential" ? "credential_deleted" : "uncategorized_error";
      tx.finishAttempt(id, {
        status: "error",
        result: null,
        error: { type, message: `the gateway refused it [${why}]` },
      });
    });
  }

  #refusalAtStart(
    request: JobRequest,
    unit: string,
    row: ObjectRow | null,
    jobId: string,
    tx: EngineTransaction,
  ): JobEnd | null {
    const { devices } = this.deps;
    if (!devices.takesWork(unit)) {
      return new JobEnd("encoder_not_online", withNext(offlineReason(devices, unit)));
    }
    if (request.kind !== "encode" || row === null) return null;
    if (row.record === null || row.blocked !== null) return notYet(row);
    const step = tx.credential(row, {
      type: "encode.requested",
      jobId,
      encoderId: request.encoderId,
      expectGen: request.command?.expectGen ?? null,
    });
    return step.refused ? refusalEnd(step.reason, null) : null;
  }

  /** Ends a job at the desk's wish and says what state the card is in. */
  async cancel(jobId: string): Promise<Outcome | null> {
    const job = this.jobs.get(jobId);
    if (job === undefined) return null;
    this.jobs.abort(jobId, new JobEnd("uncategorized_error", "cancelled at the desk"));
    return job.ended;
  }

  async #perform(job: Job, unit: Unit): Promise<Outcome> {
    const outcome = await this.#performKind(job, unit);
    this.jobs.say(job, "done", "Done.");
    await showAt(this, job, unit, "done");
    return outcome;
  }

  #performKind(job: Job, unit: Unit): Promise<Outcome> {
    if (onlyReads(unit)) return badgeJob(this, job, unit);
    switch (job.kind) {
      case "encode":
        return encode(this, job, unit);
      case "scan":
        return scan(this, job, unit);
      case "scan_to_assign":
        return scanToAssign(this, job, unit);
      case "erase":
        return erase(this, job, unit);
    }
  }

  /** Stores how a job failed: the credential's state and the attempt's end, in one transaction. */
  #failed(job: Job, error: unknown): Outcome {
    const { store, log } = this.deps;
    return this.transact(job.cause, (tx) => {
      const row =
        job.credentialId === null ? undefined : store.objects.get("acs_credential", job.credentialId);
      const openJob = row?.record?.context.job ?? null;
      const isOpen = openJob?.id === job.id;
      const hasIntent = isOpen && openJob.intent !== null;
      const effect = effectOf(
        error,
        hasIntent || (job.kind === "erase" && job.progress.some(({ step }) => step === "writing")),
      );
      const outcome = outcomeOf(error, job.control.signal.reason, effect);
      if (row !== undefined && isOpen) {
        tx.credential(row, {
          type: "job.failed",
          jobId: job.id,
          effect,
          reason: outcome.error?.type ?? "",
        });
      }
      tx.finishAttempt(job.id, outcome);
      log.warn(
        { event: "job.failed", job: job.id, kind: job.kind, effect, error_type: outcome.error?.type },
        "job failed",
      );
      return outcome;
    });
  }
}

function notYet({ blocked }: ObjectRow): JobEnd {
  const why = blocked === null ? "it has just arrived" : blockedReason(blocked);
  return new JobEnd("uncategorized_error", `the credential cannot be made yet: ${why}`);
}
