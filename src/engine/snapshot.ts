import { observe } from "#src/domain/credential/derive";
import { type BadItem, isGoneState, storeDocument } from "./desired.js";
import type { EngineDeps } from "./engine-deps.js";
import { type CloudDocument, quarantine, stopWriting, storeFromFeed } from "./feed.js";
import { ORPHANED } from "./orphan.js";
import type { Cursor, ObjectRow } from "./ports.js";
import { type EngineTransaction, readCursor } from "./transaction.js";

/** The whole feed as it stood at `rev`, in chunks. */
export interface SnapshotManifest {
  readonly id: string;
  readonly epoch: Cursor["epoch"];
  readonly rev: number;
  /** Events of this gateway's journal that the cloud had taken in when it made the snapshot. */
  readonly ingested: number;
  /** In order; hash and size of what travels. */
  readonly chunks: readonly { readonly sha256: string; readonly bytes: number }[];
}

/** A snapshot that is being taken in. It is stored: a restart goes on where the last run was. */
export interface SnapshotProgress extends SnapshotManifest {
  /** The first chunk that is not stored whole; at the end what the snapshot lacks is dealt with. */
  readonly next: number;
}

/** A part of a chunk, as much as is stored at once. */
export interface SnapshotPart {
  readonly items: readonly CloudDocument[];
  readonly blocked: readonly BadItem[];
  /** An item says not even whose it is: then nobody can tell what the snapshot lacks. */
  readonly isBlind: boolean;
  /** With this part the chunk is whole. */
  readonly endsChunk: boolean;
}

interface Progress {
  readonly next: number;
  readonly isBlind: boolean;
  /** The last object that was looked at for what the snapshot lacks. */
  readonly sweptTo: { readonly kind: string; readonly id: string } | null;
}

/** Objects looked at in one transaction. */
const SWEEP_BATCH = 100;
/** Names of its own facts in `store.meta`. */
const MANIFEST = "snapshot";
const PROGRESS = "snapshot_progress";

/**
 * Takes in a snapshot: its items one by one by the way of every other change, then what it lacks. There is no moment
 * at which everything is exchanged: each object is as it was, or as the cloud wants it, at any time.
 *
 * What the snapshot lacks: within one history the cloud has forgotten it, and it is revoked. In a new history nobody
 * has forgotten anything: it is an orphan, no card is made for it, and the cloud is asked. What the desk did since the
 * cloud last took something in is in no snapshot, and stays.
 */
export class SnapshotIntake {
  readonly #deps: EngineDeps;
  readonly #transact: <T>(work: (tx: EngineTransaction) => T) => T;
  #manifest: SnapshotManifest | null;
  #progress: Progress;

  constructor(deps: EngineDeps, transact: <T>(work: (tx: EngineTransaction) => T) => T) {
    this.#deps = deps;
    this.#transact = transact;
    const { meta } = deps.store;
    // Both are written here only.
    this.#manifest = (meta.get(MANIFEST) ?? null) as SnapshotManifest | null;
    this.#progress = (meta.get(PROGRESS) ?? nothingYet) as unknown as Progress;
  }

  /** null: none is being taken in. */
  progress(): SnapshotProgress | null {
    return this.#manifest === null ? null : { ...this.#manifest, next: this.#progress.next };
  }

  /** Begins with a snapshot; another one that was being taken in is given up. */
  begin(manifest: SnapshotManifest): void {
    const { store } = this.#deps;
    store.transaction(() => {
      store.snapshotItems.clear();
      store.meta.set(MANIFEST, JSON.parse(JSON.stringify(manifest)) as never);
      this.#keep(nothingYet);
    });
    this.#manifest = manifest;
    this.#progress = nothingYet;
  }

  /** Stores a part in one transaction; stepping comes after. */
  store({ items, blocked, isBlind, endsChunk }: SnapshotPart): void {
    const manifest = this.#manifest;
    if (manifest === null) return;
    const { snapshotItems } = this.#deps.store;
    const progress: Progress = {
      ...this.#progress,
      next: this.#progress.next + (endsChunk ? 1 : 0),
      isBlind: this.#progress.isBlind || isBlind,
    };
    this.#transact((tx) => {
      for (const document of items) {
        storeFromFeed(this.#deps, tx, document, manifest.ingested);
        snapshotItems.add(document.kind, document.id);
      }
      for (const item of blocked) {
        quarantine(this.#deps, tx, item);
        snapshotItems.add(item.kind, item.id);
      }
      this.#keep(progress);
    });
    this.#progress = progress;
  }

  /**
   * Deals with some of what the snapshot lacks, in one transaction. With the last of it the cursor is the snapshot's.
   * Call it again while `progress` is not null.
   */
  sweep(): void {
    const manifest = this.#manifest;
    if (manifest === null || this.#progress.next < manifest.chunks.length) return;
    const { store } = this.#deps;
    const looked = this.#progress.isBlind
      ? []
      : store.snapshotItems.compare(this.#progress.sweptTo, SWEEP_BATCH);
    const last = looked.at(-1);
    const sweptTo = last === undefined ? null : { kind: last.kind, id: last.id };
    const progress = sweptTo === null ? nothingYet : { ...this.#progress, sweptTo };
    this.#transact((tx) => {
      for (const { kind, id, isNamed } of looked) {
        const row = isNamed ? undefined : store.objects.get(kind, id);
        if (row !== undefined) this.#dealWith(tx, row, manifest);
      }
      if (sweptTo === null) this.#finish(manifest);
      else this.#keep(progress);
    });
    this.#progress = progress;
    if (sweptTo === null) this.#manifest = null;
  }

  #finish({ epoch, rev }: SnapshotManifest): void {
    const { store } = this.#deps;
    if (!this.#progress.isBlind) store.snapshotItems.dropQuarantined();
    store.snapshotItems.clear();
    store.meta.set("cursor", { epoch: { ...epoch }, rev });
    store.meta.set(MANIFEST, null);
    this.#keep(nothingYet);
  }

  #dealWith(tx: EngineTransaction, row: ObjectRow, { epoch, rev, ingested }: SnapshotManifest): void {
    const { store } = this.#deps;
    if (row.provisional !== null && row.provisional > ingested) return;
    const isTold = row.rev === 0 && row.provisional === null;
    const cursor = readCursor(store.meta.get("cursor"));
    const isSameHistory = cursor.epoch.n === epoch.n && cursor.epoch.id === epoch.id;
    if (isSameHistory || row.provisional !== null) {
      // An orphan still waits for its ruling, and what is remembered for its cards is forgotten by the cloud anyway.
      if (isTold || row.spec["state"] === "forgotten") return;
      const { kind, id, spec } = row;
      const forgotten = { kind, id, epoch: epoch.n, rev, spec: { ...spec, state: "forgotten" }, code: null };
      storeDocument(this.#deps, forgotten, null);
      stopWriting(tx, row, forgotten.spec);
      return;
    }
    const isGone = row.gone || isGoneState(row.spec["state"]);
    const blocked = isGone ? row.blocked : ORPHANED;
    store.objects.put({ ...row, epoch: epoch.n, rev: 0, provisional: null, blocked });
    if (!isTold) this.#tellOrphaned(tx, row);
  }

  #tellOrphaned(tx: EngineTransaction, { kind, id, spec, code, record }: ObjectRow): void {
    const codeRef = code === null ? null : this.#deps.store.journal.keepSecret(code);
    const observed = record === null ? null : observe(record);
    tx.journal({ k: "orphaned", kind, id, data: { spec: { ...spec }, code_ref: codeRef, observed } });
  }

  #keep(progress: Progress): void {
    this.#deps.store.meta.set(PROGRESS, JSON.parse(JSON.stringify(progress)) as never);
  }
}

const nothingYet: Progress = { next: 0, isBlind: false, sweptTo: null };
