import { derive } from "#src/domain/credential/derive";
import type {
  CredentialEffect,
  CredentialEvent,
  Instant,
  Refusal,
} from "#src/domain/credential/credential.events";
import { newCredentialRecord, stepCredential } from "#src/domain/credential/credential.step";
import type { CredentialRecord, Desired, Issuance } from "#src/domain/credential/credential.schema";
import { wakeAt } from "#src/domain/credential/wake";
import type { JournalEvent } from "#src/domain/journal";
import type { Observed } from "#src/domain/observed";
import { endEvent } from "#src/domain/seam/action-attempt";
import { type EventSubject, seamEvent, type SeamEventType } from "#src/domain/seam/event";
import type { Json } from "#src/lib/json";
import { uuidV7 } from "#src/lib/uuid";
import type { EngineDeps } from "./engine-deps.js";
import type { ActionAttempt, Cursor, ObjectRow } from "./ports.js";

/** Who or what caused a change, for the journal. */
export interface Cause {
  /** The cloud's command. */
  readonly cmd?: string;
  /** A person at the site. */
  readonly opBy?: string;
  /** From where that person asked: an address, or `local socket`. */
  readonly origin?: string;
}

/** What a step did, or why it did not. */
export type Step =
  Refusal | { readonly refused: false; readonly row: ObjectRow; readonly observed: Observed };

/** An event without its instant, which the transaction knows. */
export type CredentialEventBody = CredentialEvent extends infer E
  ? E extends CredentialEvent
    ? Omit<E, keyof Instant>
    : never
  : never;

type EventBody = JournalEvent extends infer E
  ? E extends JournalEvent
    ? Omit<E, "t" | "tq" | "base_rev" | "cmd" | "op_by">
    : never
  : never;

/**
 * One change of the world as one SQLite transaction: records, journal, events, wake-ups, attempts. What must happen
 * outside (abort a job, tell the cloud link) is kept until the transaction is on disk.
 */
export class EngineTransaction {
  readonly #deps: EngineDeps;
  readonly #cause: Cause;
  readonly #afterCommit: (() => void)[] = [];
  #hasEvents = false;
  readonly touchedLocks = new Set<string>();
  readonly #abortJob: (jobId: string, reason: string) => void;
  /** Instant of this transaction. */
  readonly now: number;
  readonly #quality: "trusted" | "estimated" | "unknown";
  /** What has surely passed: machines compare with this. */
  readonly certain: number;

  constructor(deps: EngineDeps, cause: Cause, abortJob: (jobId: string, reason: string) => void) {
    this.#deps = deps;
    this.#cause = cause;
    this.#abortJob = abortJob;
    const time = deps.time.read();
    this.now = time.now;
    this.#quality = time.quality;
    this.certain = time.certain;
  }

  /** Whether apps are to be told of something. */
  get hasEvents(): boolean {
    return this.#hasEvents;
  }

  /** Runs what was kept for after the commit. */
  committed(): void {
    for (const act of this.#afterCommit) act();
  }

  afterCommit(act: () => void): void {
    this.#afterCommit.push(act);
  }

  cursor(): Cursor {
    return readCursor(this.#deps.store.meta.get("cursor"));
  }

  journal(body: EventBody): number {
    const event = {
      ...body,
      t: this.now,
      tq: this.#quality,
      base_rev: this.cursor().rev,
      ...(this.#cause.cmd === undefined ? {} : { cmd: this.#cause.cmd }),
      ...(this.#cause.opBy === undefined ? {} : { op_by: this.#cause.opBy }),
    } as JournalEvent; // The head completes each member of the union; the store parses it again.
    return this.#deps.store.journal.append(event);
  }

  audit(what: string, target: string | null): void {
    this.#deps.store.audit.append({
      at: this.now,
      who: this.#cause.opBy ?? (this.#cause.cmd === undefined ? "cloud" : `cloud command ${this.#cause.cmd}`),
      origin: this.#cause.origin ?? (this.#cause.opBy === undefined ? "cloud" : null),
      what,
      target,
    });
  }

  /** An event in Seam's words, for apps. */
  emit(type: SeamEventType, subject: EventSubject): void {
    const { store, inventory, random } = this.#deps;
    const { workspaceId, connectedAccountId } = inventory;
    const eventId = uuidV7(this.now, random(10));
    this.#hasEvents = true;
    const head = { eventId, workspaceId, connectedAccountId, occurredAt: this.now, createdAt: this.now };
    store.events.append(seamEvent(type, subject, head));
  }

  /** Something is wanted otherwise on this lock: its worker looks once this is on disk. */
  touchLock(lockId: string): void {
    this.touchedLocks.add(lockId);
  }

  /** Steps one credential, now, and stores everything that follows from it. */
  credential(row: ObjectRow, body: CredentialEventBody): Step {
    if (row.record === null) throw new Error("a credential without a record cannot be stepped");
    const event: CredentialEvent = { ...body, ...this.#instant() };
    const step = stepCredential(row.record, event);
    if (step.refused) return step;
    return this.#store(row, row.record, step.next, event, step.effects);
  }

  /** Stores a credential's first record. */
  begin(row: ObjectRow, desired: Desired, issuance: Issuance): Step {
    const record = newCredentialRecord({ issuance, desired, at: this.now });
    this.#deps.store.wakeups.set("acs_credential", row.id, wakeAt(record, this.certain));
    return this.#store(row, null, record, { type: "desired.changed", desired, ...this.#instant() }, []);
  }

  #instant(): Instant {
    return { at: this.now, certain: this.certain };
  }

  #store(
    row: ObjectRow,
    before: CredentialRecord | null,
    record: CredentialRecord,
    event: CredentialEvent,
    effects: readonly CredentialEffect[],
  ): Step {
    const { observed, events, journal } = derive(before, record, event);
    const isGone = record.state === "deleted";
    const next: ObjectRow = { ...row, record, gone: isGone, searchText: searchTextOf(row, observed) };
    this.#deps.store.objects.put(next);
    for (const entry of journal) this.#journalCredential(next, record, event, entry, observed);
    for (const type of events) {
      this.emit(type, { acs_credential_id: row.id, acs_system_id: row.systemId ?? "" });
    }
    for (const effect of effects) this.#carryOut(next, effect);
    return { refused: false, row: next, observed };
  }

  #journalCredential(
    row: ObjectRow,
    record: CredentialRecord,
    event: CredentialEvent,
    k: ReturnType<typeof derive>["journal"][number],
    observed: Observed,
  ): void {
    const { context } = record;
    const base = { id: row.id, gen: context.generation, observed };
    const intent = context.job?.intent ?? null;
    const uid = ("uid" in event ? event.uid : null) ?? intent?.uid ?? context.issued?.uid ?? null;
    switch (k) {
      case "intent":
        this.journal({ k, ...base, data: { uid, encoder_id: context.job?.encoderId ?? "" } });
        break;
      case "issued":
      case "reissued":
        this.journal({ k, ...base, data: { uid, encoder_id: context.issued?.encoderId ?? null } });
        break;
      case "in_doubt":
        this.journal({ k, ...base, data: { uid: context.doubt?.uid ?? uid } });
        break;
      case "settled":
        this.journal({ k, ...base, data: { how: event.type } });
        break;
      case "invalidated":
        this.journal({ k, ...base, data: { why: context.why } });
        break;
      case "deleted":
        this.journal({ k, kind: "acs_credential", id: row.id, data: { observed } });
        break;
      case "revocation_reasserted":
        this.journal({ k, kind: "acs_credential", ...base, data: {} });
        break;
    }
  }

  /** Tells a job to write no more; what became of its card is for the job to say. */
  abortJob(jobId: string, reason: string): void {
    this.afterCommit(() => this.#abortJob(jobId, reason));
  }

  #carryOut(row: ObjectRow, effect: CredentialEffect): void {
    switch (effect.type) {
      case "abortJob":
        this.abortJob(effect.jobId, effect.reason);
        break;
      case "wakeAt":
        this.#deps.store.wakeups.set("acs_credential", row.id, effect.at);
        break;
      case "countDriverBug":
        this.#deps.log.error({ event: "driver.bug", reason: effect.reason }, "a driver broke its contract");
        this.afterCommit(() => this.#deps.meter?.driverBroke());
        break;
      case "leaveTombstone":
        this.#deps.store.wakeups.set("acs_credential", row.id, null);
        this.#deps.store.objects.remove(
          "acs_credential",
          row.id,
          this.now,
          row.record?.context.denied !== null,
        );
        break;
      case "jobDone":
      case "reassertRevocation":
        break; // The job runner asks the record; the journal entry comes from `derive`.
    }
  }

  /** Ends a pending attempt and tells the cloud, and apps where its kind has an event. Does nothing when it has ended already. */
  finishAttempt(id: string, outcome: Pick<ActionAttempt, "status" | "result" | "error">): void {
    const { store, meter } = this.#deps;
    const attempt = store.attempts.get(id);
    if (attempt === undefined || !store.attempts.finish(id, outcome, this.now)) return;
    this.afterCommit(() => meter?.attemptEnded(attempt.actionType, outcome.error?.type ?? null));
    this.journal({
      k: "attempt_finished",
      id,
      data: {
        action_type: attempt.actionType,
        status: outcome.status === "success" ? "success" : "error",
        result: outcome.result,
        error: outcome.error,
      },
    });
    const told = endEvent({ ...attempt, ...outcome });
    if (told !== null) this.emit(told.type, told.subject);
  }
}

export function readCursor(stored: Json | undefined): Cursor {
  if (stored === undefined || stored === null) return { epoch: { n: 0, id: "" }, rev: 0 };
  return stored as unknown as Cursor; // Written by `storePage` only.
}

function searchTextOf(row: ObjectRow, observed: Observed): string {
  const cardNumber = observed.cardNumber ?? "";
  const base = row.searchText.split("\n")[0] ?? "";
  return cardNumber === "" ? base : `${base}\n${cardNumber.toLowerCase()}`;
}
