import type { Cursor, Store } from "#src/engine/ports";
import type { TimeSource } from "#src/engine/time";
import type { SnapshotManifest, SnapshotPart, SnapshotProgress } from "#src/engine/snapshot";
import { OBJECT_KINDS, type ObjectKind } from "#src/domain/spec";
import type { Clock } from "#src/lib/deadline";
import type { Log } from "#src/lib/log";
import type { Secret } from "#src/lib/secret";
import type { Carrier, CarrierStatus } from "./carrier.js";
import { readAgain } from "./read-again.js";
import { INITIAL_STATE, nextTickAt, syncStep } from "./sync-core.js";
import type {
  FeedDocument,
  FeedPage,
  LinkInput,
  LinkProblem,
  LinkState,
  LocalView,
  RunnableCommand,
  StoreOp,
  Turn,
} from "./sync-state.js";

/** What the link needs from the engine. Calls are synchronous; what they store is durable when they return. */
export interface EnginePort {
  /** null: no page was ever stored. */
  cursor(): Cursor | null;
  /** Stores documents, refused items (sealed, and journaled as `blocked`) and the cursor in one transaction. */
  storePage(page: FeedPage): void;
  /** Stores documents that an earlier release could not understand; the cursor has passed them long ago. */
  storeAgain(items: readonly FeedDocument[]): void;
  /** null: no snapshot is being taken in. */
  snapshot(): SnapshotProgress | null;
  beginSnapshot(snapshot: SnapshotManifest): void;
  storeSnapshotPart(part: SnapshotPart): void;
  /** Deals with some of what the snapshot lacks; with the last of it `snapshot()` is null and the cursor is its own. */
  sweepSnapshot(): void;
  /** The PIN that an object has. */
  codeOf(kind: ObjectKind, id: string): Secret<string> | null;
  /**
   * Begins a command; its action attempt has the command's id and is durable when this returns. A refusal is an
   * attempt that ends in error, by the journal like every other.
   */
  runCommand(command: RunnableCommand): void;
  /** Offline limits count from here. `isTrusted`: the cloud's clock came over an encrypted way. */
  welcomed(welcome: { readonly cloudTime: number; readonly isTrusted: boolean }): void;
  /** Journals that everything up to `rev` is stored. */
  caughtUp(rev: number): void;
  /** Calls after each commit that appended to the journal; the returned function ends it. */
  onJournal(listener: () => void): () => void;
  /** Steps of a running command, for display only. */
  onProgress(
    listener: (progress: { readonly cmd: string; readonly step: string; readonly say: string }) => void,
  ): () => void;
}

export interface CloudLinkOptions {
  readonly gateway: string;
  /** Version of this software. */
  readonly sw: string;
  readonly carrier: Carrier;
  readonly store: Pick<Store, "journal" | "attempts" | "meta" | "quarantine">;
  readonly engine: EnginePort;
  readonly clock: Clock;
  readonly time: TimeSource;
  readonly random: (size: number) => Uint8Array;
  readonly log: Log;
  /** Counts what came from the cloud, or on the way to it, and was not as agreed. Absent: nobody counts. */
  readonly meter?: CloudMeter;
}

/** `fault` is a stable word out of the code's own lists: `body.*`, `message.*`, `item.*`, `carrier.*`, `cloud.*` … */
export interface CloudMeter {
  cloudFault(fault: string): void;
}

export interface CloudStatus {
  readonly carrier: string;
  readonly phase: LinkState["phase"]["name"];
  /** Wall time since which a session holds, or null. */
  readonly connectedSince: number | null;
  readonly lastWelcomeAt: number | null;
  readonly cursor: Cursor | null;
  /** Newest rev of the cloud, as far as is known. */
  readonly head: number | null;
  readonly isCaughtUp: boolean;
  readonly ackedSeq: number;
  readonly lastSeq: number;
  readonly problem: LinkProblem | null;
  readonly nextTryMs: number | null;
  /** The preferred one first; none where the link has a single carrier and no choice. */
  readonly carriers: readonly CarrierStatus[];
}

export interface CloudLink {
  start(): void;
  stop(): Promise<void>;
  status(): CloudStatus;
}

/** Names of the link's own facts in `store.meta`. */
const ACKED = "cloud.acked";
const LAST_WELCOME = "cloud.last_welcome";
const BOOT = "cloud.boot";
const READ_BY = "cloud.read_by";
const QUARANTINE_READ_MAX = 10_000;

/** Glues the core to a carrier, the clock, the store and the engine. */
export function createCloudLink(options: CloudLinkOptions): CloudLink {
  return new Link(options);
}

class Link implements CloudLink {
  readonly #options: CloudLinkOptions;
  #state: LinkState = INITIAL_STATE;
  readonly #inputs: LinkInput[] = [];
  #isTurning = false;
  #isJournalNews = false;
  #boot = 0;
  #connectedSince: number | null = null;
  #cancelTick = () => {};
  #unsubscribe: (() => void)[] = [];

  constructor(options: CloudLinkOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#unsubscribe.length > 0) return;
    const { engine, store } = this.#options;
    this.#boot = numberIn(store.meta.get(BOOT)) + 1;
    store.meta.set(BOOT, this.#boot);
    this.#readQuarantineAgain();
    this.#unsubscribe = [
      engine.onJournal(() => this.#journalGrew()),
      engine.onProgress((progress) => this.#feed({ type: "progress", ...progress })),
    ];
    this.#feed({ type: "start" });
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
    this.#feed({ type: "stop" });
    await this.#options.carrier.destroy();
  }

  /** What an earlier release could not understand, this one may. */
  #readQuarantineAgain(): void {
    const { engine, store, sw, log } = this.#options;
    if (store.meta.get(READ_BY) === sw) return;
    const understood = readAgain(store.quarantine.list(QUARANTINE_READ_MAX));
    if (understood.length > 0) {
      engine.storeAgain(understood);
      log.info(
        { event: "cloud.read_again", items: understood.length },
        "changes that an earlier release did not understand are understood",
      );
    }
    store.meta.set(READ_BY, sw);
  }

  status(): CloudStatus {
    const { carrier, engine, store, clock } = this.#options;
    const { phase, problem } = this.#state;
    const isWelcomed = phase.name === "welcomed";
    return {
      carrier: carrier.name,
      phase: phase.name,
      connectedSince: isWelcomed ? this.#connectedSince : null,
      lastWelcomeAt: numberOrNull(store.meta.get(LAST_WELCOME)),
      cursor: engine.cursor(),
      head: isWelcomed ? phase.head : null,
      isCaughtUp: isWelcomed && phase.isCaughtUp && (engine.cursor()?.rev ?? 0) >= phase.head,
      ackedSeq: this.#acked(),
      lastSeq: store.journal.lastSeq(),
      problem,
      nextTryMs: phase.name === "resting" ? Math.max(0, phase.until - clock.monotonic()) : null,
      carriers: carrier.status?.() ?? [],
    };
  }

  /** Many events of one moment become one input. */
  #journalGrew(): void {
    if (this.#isJournalNews) return;
    this.#isJournalNews = true;
    queueMicrotask(() => {
      this.#isJournalNews = false;
      this.#feed({ type: "journal.grew" });
    });
  }

  /** Inputs that arise while a turn is carried out wait for their own. */
  #feed(input: LinkInput): void {
    this.#inputs.push(input);
    if (this.#isTurning) return;
    this.#isTurning = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) this.#turn(next);
    } finally {
      this.#isTurning = false;
    }
    this.#armTick();
  }

  #turn(input: LinkInput): void {
    const turn = syncStep(this.#state, input, this.#view());
    if (!this.#carryOut(turn)) {
      // The old state stands: what could not be stored was not taken, and the next session brings it again.
      this.#inputs.unshift({ type: "store.failed" });
      return;
    }
    this.#state = turn.state;
    for (const { level, event, message, data } of turn.notices) {
      this.#options.log[level]({ event, ...data }, message);
      if (typeof data["fault"] === "string") this.#options.meter?.cloudFault(data["fault"]);
    }
    this.#orderCarrier(turn);
  }

  #carryOut(turn: Turn): boolean {
    try {
      for (const op of turn.store) this.#perform(op);
      return true;
    } catch (error) {
      this.#options.log.error(
        { event: "cloud.store_failed", err: error },
        "an order of the cloud link failed",
      );
      return false;
    }
  }

  #perform(op: StoreOp): void {
    const { engine, store, clock, carrier } = this.#options;
    switch (op.type) {
      case "storePage":
        engine.storePage(op.page);
        for (const { code } of op.page.blocked) this.#options.meter?.cloudFault(code);
        return;
      case "beginSnapshot":
        engine.beginSnapshot(op.snapshot);
        return;
      case "storeSnapshotPart":
        engine.storeSnapshotPart(op.part);
        for (const { code } of op.part.blocked) this.#options.meter?.cloudFault(code);
        return;
      case "sweepSnapshot":
        engine.sweepSnapshot();
        return;
      case "setAcked":
        store.meta.set(ACKED, { jid: store.journal.jid, seq: op.seq });
        store.journal.dropSecretsUpTo(op.seq);
        return;
      case "rememberWelcome":
        this.#connectedSince = clock.now();
        store.meta.set(LAST_WELCOME, this.#connectedSince);
        engine.welcomed({ cloudTime: op.cloudTime, isTrusted: carrier.isEncrypted });
        return;
      case "caughtUp":
        engine.caughtUp(op.rev);
        return;
      case "runCommand":
        engine.runCommand(op.command);
        return;
    }
  }

  #orderCarrier(turn: Turn): void {
    const { carrier } = this.#options;
    for (const order of turn.carrier) {
      switch (order.type) {
        case "open":
          carrier.open(
            {
              up: () => this.#feed({ type: "carrier.up" }),
              received: (bytes) => this.#feed({ type: "received", bytes }),
              down: (problem) => this.#feed({ type: "carrier.down", problem }),
            },
            this.#boot,
          );
          break;
        case "listen":
          carrier.listen(order.session);
          break;
        case "close":
          carrier.close(order.why);
          break;
      }
    }
    if (turn.send.length > 0) carrier.send(turn.session, turn.send);
  }

  #armTick(): void {
    this.#cancelTick();
    const at = nextTickAt(this.#state);
    if (at === null) return;
    const { clock } = this.#options;
    this.#cancelTick = clock.startTimer(Math.max(1, at - clock.monotonic()), () =>
      this.#feed({ type: "tick" }),
    );
  }

  #view(): LocalView {
    const { engine, store, clock, time, random, gateway, sw, carrier } = this.#options;
    return {
      now: clock.monotonic(),
      wall: clock.now(),
      timeQuality: time.read().quality,
      cursor: engine.cursor(),
      jid: store.journal.jid,
      lastSeq: store.journal.lastSeq(),
      ackedSeq: this.#acked(),
      identity: {
        gateway,
        boot: this.#boot,
        sw,
        transport: carrier.name,
        caps: { kinds: [...OBJECT_KINDS], enc: ["gzip"] },
      },
      readJournal: (fromSeq, limit) => store.journal.read(fromSeq, limit),
      snapshot: engine.snapshot(),
      // A PIN is kept beside its event until that is acknowledged; a cloud that was restored asks again.
      secret: (ref, kind, id) => store.journal.secret(ref) ?? engine.codeOf(kind, id) ?? undefined,
      knowsCommand: (id) => store.attempts.get(id) !== undefined,
      random,
    };
  }

  /** What was acknowledged of another journal says nothing of this one. */
  #acked(): number {
    const { meta, journal } = this.#options.store;
    const acked = meta.get(ACKED);
    if (typeof acked !== "object" || acked === null || !("jid" in acked)) return 0;
    return acked["jid"] === journal.jid ? numberIn(acked["seq"]) : 0;
  }
}

function numberIn(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
