import type { EnginePort } from "#src/cloud/link";
import type { FeedPage, RunnableCommand } from "#src/cloud/sync-state";
import type { JournalEvent } from "#src/domain/journal";
import type { ObjectKind } from "#src/domain/spec";
import type { ActionAttempt, Cursor, QuarantinedItem, Store, StoredJournalEvent } from "#src/engine/ports";
import type { CloudDocument } from "#src/engine/feed";
import type { SnapshotProgress } from "#src/engine/snapshot";
import type { Json, JsonObject } from "#src/lib/json";
import type { Log } from "#src/lib/log";
import { Secret } from "#src/lib/secret";

/** For tests that look at what happens, not at what is said of it. */
export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
};

/** The least that a cloud link can hang on: stores what it is told in memory, and does nothing with it. */
export class MemoryGateway {
  readonly objects = new Map<string, CloudDocument>();
  readonly blocked: FeedPage["blocked"][number][] = [];
  readonly pages: FeedPage[] = [];
  readonly ran: RunnableCommand[] = [];
  readonly caughtUpAt: number[] = [];
  readonly attempts = new Map<string, ActionAttempt>();
  readonly events: StoredJournalEvent[] = [];
  welcomes = 0;
  cursor: Cursor | null = null;
  snapshot: SnapshotProgress | null = null;
  /** What an earlier release could not understand. */
  kept: readonly QuarantinedItem[] = [];
  /** Set to make the next `storePage` throw, as a full disk would. */
  storeFails = false;
  readonly #meta = new Map<string, Json>();
  readonly #secrets = new Map<string, Secret<string>>();
  readonly #journalListeners = new Set<() => void>();
  readonly #progressListeners = new Set<(p: { cmd: string; step: string; say: string }) => void>();
  readonly jid = "jid-1";

  readonly engine: EnginePort = {
    cursor: () => this.cursor,
    storePage: (page) => this.#storePage(page),
    storeAgain: (items) => this.#store(items),
    snapshot: () => this.snapshot,
    beginSnapshot: (snapshot) => {
      this.snapshot = { ...snapshot, next: 0 };
    },
    storeSnapshotPart: ({ items, blocked, endsChunk }) => {
      this.#store(items);
      this.blocked.push(...blocked);
      if (this.snapshot !== null && endsChunk)
        this.snapshot = { ...this.snapshot, next: this.snapshot.next + 1 };
    },
    sweepSnapshot: () => {
      if (this.snapshot !== null) this.cursor = { epoch: this.snapshot.epoch, rev: this.snapshot.rev };
      this.snapshot = null;
    },
    codeOf: () => null,
    runCommand: (command) => {
      this.ran.push(command);
      this.attempts.set(command.id, attemptOf(command));
    },
    welcomed: () => {
      this.welcomes += 1;
    },
    caughtUp: (rev) => void this.caughtUpAt.push(rev),
    onJournal: (listener) => subscribed(this.#journalListeners, listener),
    onProgress: (listener) => subscribed(this.#progressListeners, listener),
  };

  readonly store: Pick<Store, "journal" | "attempts" | "meta" | "quarantine"> = {
    quarantine: { put: () => {}, list: () => this.kept, codeOf: () => undefined, remove: () => {} },
    journal: {
      jid: this.jid,
      append: (event) => this.append(event),
      read: (fromSeq, limit) => this.events.slice(fromSeq - 1, fromSeq - 1 + limit),
      lastSeq: () => this.events.length,
      verifyChain: () => undefined,
      keepSecret: () => "unused",
      secret: (ref) => this.#secrets.get(ref),
      dropSecretsUpTo: () => {},
    },
    attempts: {
      create: () => {},
      get: (id) => this.attempts.get(id),
      finish: () => false,
      list: () => [],
      pending: () => [],
      pendingOfCode: () => [],
    },
    meta: { get: (name) => this.#meta.get(name), set: (name, value) => void this.#meta.set(name, value) },
  };

  append(event: JournalEvent): number {
    const seq = this.events.length + 1;
    this.events.push({ seq, prev: "0".repeat(64), event });
    for (const listener of this.#journalListeners) listener();
    return seq;
  }

  /** The result of a command, as the engine would journal it. */
  finish(id: string, status: "success" | "error" = "success"): void {
    const error = status === "success" ? null : { type: "uncategorized_error", message: "failed" };
    this.append({
      k: "attempt_finished",
      ...this.head(),
      id,
      data: { action_type: "SCAN_CREDENTIAL", status, result: null, error },
    });
  }

  /** A change made at the desk. */
  localChange(
    kind: ObjectKind,
    id: string,
    spec: JsonObject,
    options: { pin?: string; base?: number } = {},
  ): void {
    const { pin, base = 0 } = options;
    const ref = pin === undefined ? null : `pin-${this.events.length + 1}`;
    if (ref !== null && pin !== undefined) this.#secrets.set(ref, new Secret(pin));
    const data = { spec, code_ref: ref, base_object_rev: base };
    this.append({ k: "local_change", ...this.head(), kind, id, data });
  }

  say(cmd: string, step: string): void {
    for (const listener of this.#progressListeners) listener({ cmd, step, say: "…" });
  }

  head() {
    return { t: 1_000, tq: "trusted" as const, base_rev: this.cursor?.rev ?? 0 };
  }

  #store(items: readonly CloudDocument[]): void {
    for (const item of items) this.objects.set(`${item.kind}/${item.id}`, item);
  }

  #storePage(page: FeedPage): void {
    if (this.storeFails) throw new Error("the disk is full");
    this.pages.push(page);
    this.#store(page.items);
    this.blocked.push(...page.blocked);
    this.cursor = page.cursor;
  }
}

function subscribed<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function attemptOf(command: RunnableCommand): ActionAttempt {
  return {
    id: command.id,
    actionType: command.act,
    status: "pending",
    result: null,
    error: null,
    credentialId: null,
    encoderId: "encoderId" in command ? command.encoderId : null,
    isCommand: true,
    createdAt: 0,
    finishedAt: null,
  };
}
