import type { CodeLife } from "#src/domain/codes/life";
import type { Slot, SlotOrder } from "#src/domain/codes/slot";
import type { CredentialRecord } from "#src/domain/credential/credential.schema";
import type { JournalEvent } from "#src/domain/journal";
import type { LockSettings, ObservedLock } from "#src/domain/observed-lock";
import type { SeamEvent } from "#src/domain/seam/event";
import type { ObjectKind } from "#src/domain/spec";
import type { Lockout } from "#src/domain/doors/lockout";
import type { Json, JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";

/** What the engine needs of the store; `store/` implements it, and tests use the real one. */

/** One desired object with what the site knows of it. */
export interface ObjectRow {
  readonly kind: ObjectKind;
  readonly id: string;
  /** Feed epoch number and rev of `spec`; rev 0 = made at the desk and not ruled on. */
  readonly epoch: number;
  readonly rev: number;
  /** The desired document without its PIN. */
  readonly spec: JsonObject;
  readonly code: Secret<string> | null;
  /** The machine's record; credentials only. */
  readonly record: CredentialRecord | null;
  /** Credentials only: 8 random bytes (hex) that our own card layout carries; made with the row. */
  readonly cardCredentialId: string | null;
  /** The document was stored and not stepped yet: nothing may be written for this object. */
  readonly dirty: boolean;
  /** Why it could not be stepped (`missing:<id>`, `entrance_removed`, `invalid`), or null. */
  readonly blocked: string | null;
  /** Journal seq that announced an unruled desk change, or null. */
  readonly provisional: number | null;
  /** No longer in the API; kept while a card may live. */
  readonly gone: boolean;
  /** Epoch ms, from the spec. */
  readonly createdAt: number;
  /** Indexed for lists. */
  readonly systemId: string | null;
  readonly userId: string | null;
  /** Lower-case text that `search` looks into. */
  readonly searchText: string;
}

export interface ListQuery {
  readonly systemId?: string;
  readonly userId?: string;
  readonly createdBefore?: number;
  /** Case-insensitive part of `searchText`. With `code` too, a row that matches either is listed. */
  readonly search?: string;
  /** Whole PIN; compared by keyed hash. */
  readonly code?: Secret<string>;
  /** Of access codes: ours, or somebody else's. */
  readonly isManaged?: boolean;
  /** A list of the document that has this member. */
  readonly holds?: { readonly list: string; readonly member: string };
  readonly limit: number;
  /** Continue after this row (order: createdAt, id, both rising). */
  readonly after?: { readonly createdAt: number; readonly id: string };
}

export interface ObjectsTable {
  get(kind: ObjectKind, id: string): ObjectRow | undefined;
  put(row: ObjectRow): void;
  /** Removes the row and leaves a tombstone. */
  remove(kind: ObjectKind, id: string, at: number, revoked: boolean): void;
  tombstone(kind: ObjectKind, id: string): { readonly at: number; readonly revoked: boolean } | undefined;
  /** Rows that are not gone. */
  list(kind: ObjectKind, query: ListQuery): readonly ObjectRow[];
  /** Dirty rows, denials (state revoked, deleted or forgotten) first, then by rev. */
  dirty(limit: number): readonly ObjectRow[];
  /** Blocked rows whose reason starts with `prefix`. */
  blocked(prefix: string, limit: number): readonly ObjectRow[];
  /** Credentials with an open job (crash recovery). */
  withOpenJob(): readonly ObjectRow[];
  /** Credentials that have a live card with this UID, or the badge of this name; gone ones included. */
  byCardUid(uid: string): readonly ObjectRow[];
  byCardCredentialId(cardCredentialId: string): ObjectRow | undefined;
  count(kind: ObjectKind): number;
}

/** A page item that no schema accepted, kept sealed as it came; re-evaluated after an update of the software. */
export interface QuarantinedItem {
  readonly epoch: number;
  readonly rev: number;
  readonly kind: string;
  readonly id: string;
  readonly raw: Uint8Array;
  readonly code: string;
}

/** What a snapshot that is being taken in names. */
export interface SnapshotItemsTable {
  /** `kind` as the item says it: it may be one that this release does not know. */
  add(kind: string, id: string): void;
  /** Objects by kind and id, those after the given one, and whether the snapshot names them. */
  compare(
    after: { readonly kind: string; readonly id: string } | null,
    limit: number,
  ): readonly { readonly kind: ObjectKind; readonly id: string; readonly isNamed: boolean }[];
  clear(): void;
  /** Drops kept items of objects that the snapshot does not name. */
  dropQuarantined(): void;
}

export interface Cursor {
  readonly epoch: { readonly n: number; readonly id: string };
  readonly rev: number;
}

export interface StoredJournalEvent {
  readonly seq: number;
  readonly event: JournalEvent;
  /** SHA-256 (hex) of the previous row's stored bytes; zeros for the first. */
  readonly prev: string;
}

/** The first row at which the journal is not what was written. */
export interface ChainFault {
  readonly seq: number;
  readonly problem: "missing" | "unreadable" | "unchained";
}

export interface JournalTable {
  /** Appends; returns the seq (1, 2, 3 … without holes). An event that its schema refuses is a bug and throws. */
  append(event: JournalEvent): number;
  /** At most `limit` events, from `fromSeq` on, that one included. */
  read(fromSeq: number, limit: number): readonly StoredJournalEvent[];
  readonly jid: string;
  lastSeq(): number;
  /**
   * Walks the whole journal; undefined when every row is there and chained. Slow: for tests and the doctor. What was
   * done to the newest row shows only once a row follows it.
   */
  verifyChain(): ChainFault | undefined;
  /**
   * Keeps a PIN sealed beside an event, for the upload; returns its `code_ref`. Call it in the transaction that
   * appends the `local_change` which names it; an event that names a PIN which is not kept is refused.
   */
  keepSecret(code: Secret<string>): string;
  secret(ref: string): Secret<string> | undefined;
  /**
   * Forgets the PINs that no event after `seq` names: call it with the acknowledged seq. The object itself still has
   * its PIN, should the cloud ask for an old event again.
   */
  dropSecretsUpTo(seq: number): void;
}

export interface ActionAttempt {
  readonly id: string;
  readonly actionType: string;
  readonly status: "pending" | "success" | "error";
  readonly result: Json;
  readonly error: { readonly type: string; readonly message: string } | null;
  /** What it acts on, for lists and for crash recovery. */
  readonly credentialId: string | null;
  readonly encoderId: string | null;
  /** The lock, and the access code on it. */
  readonly deviceId?: string;
  readonly accessCodeId?: string;
  /** The cloud's command that asked for it; then `id` is the command's id. */
  readonly isCommand: boolean;
  readonly createdAt: number;
  readonly finishedAt: number | null;
}

export interface AttemptsTable {
  /** Fails when the id exists. */
  create(attempt: ActionAttempt): void;
  get(id: string): ActionAttempt | undefined;
  /** Ends a pending attempt. A finished one never changes: returns false and changes nothing. */
  finish(id: string, outcome: Pick<ActionAttempt, "status" | "result" | "error">, at: number): boolean;
  list(query: {
    readonly ids?: readonly string[];
    readonly deviceId?: string;
    readonly limit: number;
    readonly after?: { createdAt: number; id: string };
  }): readonly ActionAttempt[];
  pending(): readonly ActionAttempt[];
  /** Those of one access code that have not ended. */
  pendingOfCode(accessCodeId: string): readonly ActionAttempt[];
}

export type { SeamEvent };

export interface EventsQuery {
  /** Exclusive bounds, epoch ms of `occurred_at`. */
  readonly since?: number;
  readonly before?: number;
  readonly ids?: readonly string[];
  readonly types?: readonly string[];
  /** Property name → the values of which it has one, e.g. `acs_credential_id`. */
  readonly where?: Readonly<Record<string, string | readonly string[]>>;
  readonly limit: number;
  /** The last ones, the newest first. */
  readonly newestFirst?: boolean;
}

export interface EventsTable {
  append(event: SeamEvent): void;
  /** Number of the newest, 0 while there is none. Numbers rise in the order of appending. */
  lastSeq(): number;
  /** undefined: there is no such event, or it is no longer kept. */
  seqOf(id: string): number | undefined;
  /** In the order of appending. */
  after(seq: number, limit: number): readonly { readonly seq: number; readonly event: SeamEvent }[];
  get(id: string): SeamEvent | undefined;
  /** In the order of `occurred_at`, and of appending within one instant. */
  list(query: EventsQuery): readonly SeamEvent[];
}

export interface KeySet {
  readonly version: number;
  /** 4 bytes. */
  readonly issuer: Secret<Uint8Array>;
  /** 16-byte site master for cards (AES-128). */
  readonly cardMaster: Secret<Uint8Array>;
  readonly createdAt: number;
}

export interface KeySetsTable {
  /** Newest version first; the newest is the one to write with, all are for reading. */
  list(): readonly KeySet[];
  add(set: KeySet): void;
}

/** A PIN that is to lie on a lock now. */
export interface CodeWish extends SlotOrder {
  readonly lockId: string;
  readonly kind: ObjectKind;
  readonly id: string;
  readonly allowsOutside: boolean;
  /** Of two wishes the older goes first; epoch ms. */
  readonly since: number;
}

export interface LockSlot {
  readonly lockId: string;
  readonly slot: Slot;
  /** The `access_code` that stands for what somebody else put there. */
  readonly unmanagedId: string | null;
}

/** What is wanted on which lock, and what is known of locks and their slots. */
export interface KeypadsTable {
  /** Keyed hash of a PIN: equal PINs, equal hashes, in this store and in no other. */
  pinOf(code: Secret<string>): string;
  /** Oldest first. */
  wishes(lockId: string): readonly CodeWish[];
  wishesOf(kind: ObjectKind, id: string): readonly CodeWish[];
  putWish(wish: CodeWish): void;
  removeWish(lockId: string, kind: ObjectKind, id: string): boolean;
  /** Those that something is known of, by number. */
  slots(lockId: string): readonly LockSlot[];
  slot(lockId: string, slot: number): LockSlot | undefined;
  /** On every lock; `owner` as in `Slot`. */
  slotsOf(owner: string): readonly LockSlot[];
  unmanagedSlot(accessCodeId: string): LockSlot | undefined;
  putSlot(slot: LockSlot): void;
  life(accessCodeId: string): CodeLife | undefined;
  putLife(accessCodeId: string, life: CodeLife | null): void;
  /** Access codes that are being set or removed. */
  underWay(): readonly string[];
  /** How many of them have been since before `late` (epoch ms), and how many slots are left alone at `now`. */
  trouble(at: { readonly now: number; readonly late: number }): {
    readonly late: number;
    readonly resting: number;
  };
  /** When the code is to be put on its locks; null: not at an instant. */
  setOpening(kind: ObjectKind, id: string, at: number | null): void;
  openingsDue(at: number, limit: number): readonly { readonly kind: ObjectKind; readonly id: string }[];
  lock(id: string): { readonly observed: ObservedLock; readonly settings: LockSettings } | undefined;
  putLock(id: string, lock: { readonly observed: ObservedLock; readonly settings: LockSettings }): void;
}

/** Wrong PINs at doors that the gateway decides over. */
export interface DoorsTable {
  lockout(lockId: string): Lockout | undefined;
  /** null: nobody guessed. */
  putLockout(lockId: string, lockout: Lockout | null): void;
}

export type Role = "viewer" | "technician" | "admin";

export interface TokensTable {
  add(token: {
    readonly id: string;
    readonly name: string;
    readonly role: Role;
    readonly sha256: string;
    readonly createdAt: number;
  }): void;
  bySha256(sha256: string): { readonly id: string; readonly name: string; readonly role: Role } | undefined;
  list(): readonly {
    readonly id: string;
    readonly name: string;
    readonly role: Role;
    readonly createdAt: number;
  }[];
  remove(id: string): boolean;
}

/** An app's receiver of events. */
export interface Webhook {
  readonly id: string;
  readonly url: string;
  /** null: every type. */
  readonly eventTypes: readonly string[] | null;
  /** `whsec_…`: deliveries are signed with it. */
  readonly secret: Secret<string>;
  readonly createdAt: number;
}

/** An event that a receiver has not acknowledged. */
export interface Delivery {
  readonly seq: number;
  readonly webhookId: string;
  readonly eventId: string;
  /** Failed so far. */
  readonly tries: number;
  /** Epoch ms; 0: at once. */
  readonly nextAt: number;
}

export interface WebhooksTable {
  add(webhook: Webhook): void;
  get(id: string): Webhook | undefined;
  /** In the order in which they were made. */
  list(): readonly Webhook[];
  setEventTypes(id: string, eventTypes: readonly string[] | null): boolean;
  /** Takes what waits for it along. */
  remove(id: string): boolean;
  /** Puts an event in the line of every receiver that wants it. Belongs into the transaction that appends the event. */
  enqueue(event: { readonly event_id: string; readonly event_type: string }): void;
  /** The oldest delivery that holds up those behind it. */
  firstInOrder(webhookId: string): Delivery | undefined;
  /** Of those that hold up nothing any more, the one whose time comes first. */
  firstLate(webhookId: string): Delivery | undefined;
  done(seq: number): void;
  /** `late`: it holds up nothing any more. */
  failed(seq: number, next: { readonly at: number; readonly late: boolean }): void;
  /** Drops the oldest beyond so many; returns how many. */
  keepNewest(webhookId: string, count: number): number;
  /** Receivers for which something waits, and whether something of it is late. */
  waiting(): readonly { readonly webhookId: string; readonly count: number; readonly late: number }[];
}

/** Who did what at the site. */
export interface AuditEntry {
  /** Epoch ms. */
  readonly at: number;
  readonly who: string;
  /** From where it was asked for: an address, `local socket`, `cloud`; null where that is not known. */
  readonly origin: string | null;
  readonly what: string;
  readonly target: string | null;
}

export interface AuditTable {
  append(entry: AuditEntry): void;
  /** The newest first; `before`: only what is older than that entry. */
  list(query: { readonly limit: number; readonly before?: number }): readonly (AuditEntry & {
    readonly seq: number;
  })[];
  /** Number of the newest entry, 0 while there is none. */
  lastSeq(): number;
  /** Whether `who` has an entry after that number. */
  hasAfter(seq: number, who: string): boolean;
}

/** How long, and how much of it, is kept. Milliseconds, and numbers of rows. */
export interface Retention {
  readonly eventsMs: number;
  readonly eventsMax: number;
  /** From their end. Not below 30 days: so long the cloud may ask for a command's outcome again. */
  readonly attemptsMs: number;
  readonly auditMs: number;
  readonly auditMax: number;
  /** Not below 400 days: a revoked id must not come to life again. */
  readonly tombstonesMs: number;
}

/** How much there is of what; cheap at any size, so that it can be asked for every few seconds. */
export interface StoreTally {
  /** Credentials of the API that were stepped, by the state of their record and whether their document takes away. */
  credentials(): readonly {
    readonly denied: boolean;
    readonly state: string;
    readonly count: number;
    /** When the first of them came into this state, epoch ms. */
    readonly since: number;
  }[];
  /** The credential that is wanted and has been in this state for longest. */
  oldestIn(state: string): { readonly id: string; readonly since: number } | undefined;
  /** Objects that could not be stepped, by the reason without the id that it may name. */
  blocked(): readonly { readonly reason: string; readonly count: number }[];
  /** Objects that wait to be stepped. */
  dirty(): number;
  quarantined(): number;
}

export interface Store {
  /** One SQLite transaction, durable when it returns. Calls inside it join it. Never await inside. */
  transaction<T>(work: () => T): T;
  /**
   * Transactions that `work` makes share one commit: each is undone alone when it fails, and all are durable when this
   * returns, none before. When it throws, none of them happened. Never await inside.
   */
  group<T>(work: () => T): T;
  readonly objects: ObjectsTable;
  readonly journal: JournalTable;
  readonly attempts: AttemptsTable;
  readonly events: EventsTable;
  readonly keySets: KeySetsTable;
  readonly tokens: TokensTable;
  readonly webhooks: WebhooksTable;
  readonly keypads: KeypadsTable;
  readonly doors: DoorsTable;
  readonly quarantine: {
    /** One item an object, the newest by (epoch, rev). */
    put(item: QuarantinedItem): void;
    list(limit: number): readonly QuarantinedItem[];
    /** Why the newest item of this object could not be understood; undefined when it could. */
    codeOf(kind: string, id: string): string | undefined;
    remove(kind: string, id: string): void;
  };
  readonly snapshotItems: SnapshotItemsTable;
  readonly wakeups: {
    /** One wake-up an object; null removes it. */
    set(kind: ObjectKind, id: string, at: number | null): void;
    due(at: number, limit: number): readonly { readonly kind: ObjectKind; readonly id: string }[];
    next(): number | null;
  };
  readonly audit: AuditTable;
  /** Small named facts: cursor, acknowledged seq, clock floor, inventory hash, last welcome … Values are JSON. */
  readonly meta: { get(name: string): Json | undefined; set(name: string, value: Json): void };
  readonly tally: StoreTally;
  /**
   * Removes some of what need not be kept any more; answers how much, 0 when nothing is left to remove. `certain`: what
   * has surely passed, epoch ms; at 0 nothing goes by its age. An event that a receiver waits for stays, and so does
   * every attempt that has not ended.
   */
  prune(retention: Retention, certain: number): number;
  close(): void;
}
