import type { SimulationOrder } from "#src/domain/simulation-order";
import type { Cursor, StoredJournalEvent } from "#src/engine/ports";
import type { SnapshotManifest, SnapshotPart, SnapshotProgress } from "#src/engine/snapshot";
import type { ObjectKind } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { Command, Epoch, GatewayMessage, Hello } from "./wire.js";

/** The vocabulary of the sync core: what it remembers, what it is told, what it may read, what it orders. */

// ── State ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface LinkState {
  readonly phase: Phase;
  /** Failures since the last session that held; sets the ceiling of the next rest. */
  readonly failures: number;
  /** Refusals of the credentials in a row. */
  readonly refusals: number;
  /** Events a batch may hold; halved when the cloud finds a batch too big. */
  readonly batchEvents: number;
  /** What keeps the link from its work, for a person; null while all is well. */
  readonly problem: LinkProblem | null;
  /** What the log was told already, so that it is told once: the problem, until a session held; faults of messages. */
  readonly told: { readonly problem: ProblemCode | null; readonly faults: readonly string[] };
  /** Sessions that the other side ended soon after they began, since the last that held. */
  readonly taken: number;
}

export type Phase =
  | { readonly name: "stopped" }
  /** Waits to try again. Instants of phases are monotonic milliseconds. */
  | { readonly name: "resting"; readonly until: number }
  | { readonly name: "opening"; readonly since: number }
  | { readonly name: "greeting"; readonly since: number; readonly nonce: string }
  | Welcomed;

export interface Welcomed {
  readonly name: "welcomed";
  readonly since: number;
  readonly session: string;
  readonly epoch: Epoch;
  readonly head: number;
  /** When the open question about the feed was sent, a pull or a chunk; null: none is open. */
  readonly askedAt: number | null;
  /** Names that question. */
  readonly req: string | null;
  /** When the cloud last spoke of the feed. */
  readonly feedHeardAt: number;
  /** Highest seq sent in this session, or acknowledged before. */
  readonly sentTo: number;
  readonly inFlight: readonly { readonly to: number; readonly sentAt: number }[];
  readonly isCaughtUp: boolean;
  /** Unreadable messages in a row. */
  readonly faults: number;
  /** Times in a row that something had to be sent again. */
  readonly unanswered: number;
  /** A snapshot has something to be stored or dealt with: the next tick is due at once. */
  readonly isBusy: boolean;
  /** The chunk that is being stored: its lines, and the first that is not stored. They may hold PINs. */
  readonly chunk: { readonly lines: Secret<readonly string[]>; readonly at: number } | null;
  /** Damaged chunks in a row. */
  readonly damaged: number;
  /** The cloud knows more of this journal than the gateway does: the gateway was restored. Nothing is uploaded. */
  readonly isJournalBehind: boolean;
  /** Commands that wait for the feed to come as far as they need. */
  readonly waiting: readonly { readonly command: Command; readonly arrivedAt: number }[];
}

export type ProblemCode =
  | CarrierProblemCode
  | "welcome.missing"
  | "cloud.unreadable"
  | "cloud.silent"
  | "cloud.asked_to_wait"
  | "cloud.asked_for_hello"
  | "feed.chunk_damaged"
  | "feed.went_back"
  | "journal.behind_cloud"
  | "store.failed";

export interface LinkProblem {
  readonly code: ProblemCode;
  readonly message: string;
  /** Wall time at which it began. */
  readonly since: number;
}

/** How a carrier can fail. */
export type CarrierProblemCode =
  | "carrier.unreachable"
  | "carrier.timeout"
  | "carrier.tls"
  | "carrier.certificate_refused"
  | "carrier.taken_over"
  | "carrier.redirected"
  | "carrier.unauthorized"
  | "carrier.not_found"
  | "carrier.session_lost"
  | "carrier.batch_too_big"
  | "carrier.busy"
  | "carrier.server_error"
  | "carrier.answer_too_big"
  | "carrier.unexpected_answer";
export interface CarrierProblem {
  readonly code: CarrierProblemCode;
  readonly message: string;
  /** The other side's wish; the link adds a rest of its own. */
  readonly retryAfterMs?: number;
  /** Set by whoever knows when a next try makes sense: the link rests exactly so long. */
  readonly nextTryMs?: number;
}

// ── Input ────────────────────────────────────────────────────────────────────────────────────────────────────────

export type LinkInput =
  | { readonly type: "start" }
  | { readonly type: "stop" }
  /** Connected, or connected anew by another carrier: a session begins with hello. */
  | { readonly type: "carrier.up" }
  | { readonly type: "carrier.down"; readonly problem: CarrierProblem }
  /** One body, as it came. */
  | { readonly type: "received"; readonly bytes: Uint8Array }
  | { readonly type: "tick" }
  /** New events, also the result of a command. */
  | { readonly type: "journal.grew" }
  | { readonly type: "progress"; readonly cmd: string; readonly step: string; readonly say: string }
  /** An order of the last turn could not be carried out. */
  | { readonly type: "store.failed" };

/** What the core may read. Plain values and reads; the caller takes them from the store and the clock. */
export interface LocalView {
  /** Monotonic and wall milliseconds. */
  readonly now: number;
  readonly wall: number;
  readonly timeQuality: Hello["time"]["quality"];
  /** null: no feed is stored. */
  readonly cursor: Cursor | null;
  readonly jid: string;
  readonly lastSeq: number;
  readonly ackedSeq: number;
  readonly identity: Pick<Hello, "gateway" | "boot" | "caps" | "sw" | "transport">;
  readJournal(fromSeq: number, limit: number): readonly StoredJournalEvent[];
  /** null: none is being taken in. */
  readonly snapshot: SnapshotProgress | null;
  /** The PIN that an event names, or the one that its object has since. */
  secret(ref: string, kind: ObjectKind, id: string): Secret<string> | undefined;
  /** Was this command ever begun here? */
  knowsCommand(id: string): boolean;
  random(size: number): Uint8Array;
}

// ── Output ───────────────────────────────────────────────────────────────────────────────────────────────────────

/** A desired document of a page. */
export interface FeedDocument {
  readonly kind: ObjectKind;
  readonly id: string;
  /** Number of the feed's epoch. */
  readonly epoch: number;
  readonly rev: number;
  readonly spec: JsonObject;
  readonly code: Secret<string> | null;
  readonly verdict: "adopted" | "refused" | null;
}

/** An item that no schema accepts. `raw` may hold a PIN: it is kept sealed. */
export interface BlockedItem {
  readonly epoch: number;
  readonly rev: number;
  readonly kind: string;
  readonly id: string;
  readonly raw: Uint8Array;
  readonly code: string;
  readonly message: string;
}

/** Documents, refused items and the new cursor: one transaction. */
export interface FeedPage {
  readonly items: readonly FeedDocument[];
  readonly blocked: readonly BlockedItem[];
  readonly cursor: Cursor;
  /** Events of this journal that the cloud had taken in when it made the page. */
  readonly ruledUpTo: number;
}

/** A command that may run now. `lifeMs` is what is left of it. */
export type RunnableCommand = {
  readonly id: string;
  readonly lifeMs: number;
  readonly by: string;
} & (
  | {
      readonly act: "encode";
      readonly encoderId: string;
      readonly credentialId: string;
      readonly expectGen: number | null;
    }
  | { readonly act: "scan" | "erase"; readonly encoderId: string }
  | { readonly act: "scan_to_assign"; readonly encoderId: string; readonly userId: string }
  | { readonly act: "lock_door" | "unlock_door"; readonly deviceId: string }
  | { readonly act: "simulate"; readonly order: SimulationOrder; readonly code: Secret<string> | null }
);

/** Orders to the store and the engine, carried out in this order and before anything is sent. */
export type StoreOp =
  | { readonly type: "storePage"; readonly page: FeedPage }
  | { readonly type: "beginSnapshot"; readonly snapshot: SnapshotManifest }
  | { readonly type: "storeSnapshotPart"; readonly part: SnapshotPart }
  /** Deals with some of what the snapshot lacks. */
  | { readonly type: "sweepSnapshot" }
  | { readonly type: "setAcked"; readonly seq: number }
  | { readonly type: "rememberWelcome"; readonly cloudTime: number }
  | { readonly type: "caughtUp"; readonly rev: number }
  | { readonly type: "runCommand"; readonly command: RunnableCommand };

export type CarrierOrder =
  | { readonly type: "open" }
  /** The session began: wait for what the cloud has to say. */
  | { readonly type: "listen"; readonly session: string }
  /** `why`: the fault that the link found with what came over it; null: it has none. */
  | { readonly type: "close"; readonly why: Pick<LinkProblem, "code" | "message"> | null };

export interface Notice {
  /** `debug`: it was told before. */
  readonly level: "debug" | "info" | "warn";
  readonly event: string;
  readonly message: string;
  readonly data: JsonObject;
}

export interface Turn {
  readonly state: LinkState;
  readonly store: readonly StoreOp[];
  readonly carrier: readonly CarrierOrder[];
  readonly session: string | null;
  readonly send: readonly GatewayMessage[];
  readonly notices: readonly Notice[];
}
