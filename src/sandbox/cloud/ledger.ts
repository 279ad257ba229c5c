import { z } from "zod";
import type { EventBatch } from "#src/cloud/wire";
import { type JournalEvent, journalEventSchema } from "#src/domain/journal";
import type { Observed } from "#src/domain/observed";
import type { SeamEventType } from "#src/domain/seam/event";
import type { ObjectKind } from "#src/domain/spec";
import type { JsonObject } from "#src/lib/json";
import type { Secret } from "#src/lib/secret";
import type { Commands } from "./commands.js";
import type { CloudDatabase } from "./database.js";
import type { Feed } from "./feed.js";
import { LockLedger, type LockLedgerParts } from "./lock-ledger.js";
import type { Locks } from "./locks.js";
import type { Orphans } from "./orphans.js";
import { denied, isUsable, reopened, revoked, ruleOn, strictness } from "./rulings.js";
import type { SeamEvents } from "./seam-events.js";
import type { SiteInventory } from "./site-inventory.js";

export interface LedgerParts {
  readonly database: CloudDatabase;
  readonly feed: Feed;
  readonly events: SeamEvents;
  readonly inventory: SiteInventory;
  readonly commands: Commands;
  readonly locks: Locks;
  readonly orphans: Orphans;
}

export interface Ingested {
  readonly ingested: number;
  readonly refused: readonly { readonly seq: number; readonly code: string }[];
}

interface Position {
  /** Names the event for ever: `jid:seq`. */
  readonly cause: string;
  readonly now: number;
}

const numbered = z.object({ seq: z.number().int().min(1) });

/** Takes in the gateways' journals: each event once, in order, and whatever follows from it. */
export class Ledger {
  readonly #parts: LedgerParts;
  readonly #locks: LockLedger;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    const { feed, commands, locks } = parts;
    const emit: LockLedgerParts["emit"] = (...told) => this.#emit(...told);
    this.#locks = new LockLedger({ feed, commands, locks, emit });
  }

  ingested(jid: string): number {
    const row = this.#parts.database
      .prepare<[string], { seq: number | null }>("SELECT max(seq) AS seq FROM journal WHERE jid = ?")
      .get(jid);
    return row?.seq ?? 0;
  }

  /** Every event ingested, in order, for whoever wants to look. */
  events(jid: string): readonly { readonly seq: number; readonly event: unknown }[] {
    return this.#parts.database
      .prepare<[string], { seq: number; event: string }>(
        "SELECT seq, event FROM journal WHERE jid = ? ORDER BY seq",
      )
      .all(jid)
      .map(({ seq, event }) => ({ seq, event: JSON.parse(event) as unknown }));
  }

  /** Only the next expected seq is taken: what is old is passed over, what would leave a hole is not taken. */
  ingest({ jid, events, secrets }: EventBatch, now: number): Ingested {
    const { database } = this.#parts;
    return database.transaction(() => {
      let ingested = this.ingested(jid);
      const refused: { seq: number; code: string }[] = [];
      for (const raw of events) {
        const { seq } = numbered.safeParse(raw).data ?? { seq: 0 };
        if (seq !== ingested + 1) continue;
        database
          .prepare("INSERT INTO journal (jid, seq, event, received_at) VALUES (?, ?, ?, ?)")
          .run(jid, seq, JSON.stringify(raw), now);
        const code = this.#take(raw, secrets, { cause: `${jid}:${seq}`, now });
        if (code !== null) {
          refused.push({ seq, code });
          database.prepare("INSERT INTO dead_letters (jid, seq, code) VALUES (?, ?, ?)").run(jid, seq, code);
        }
        ingested = seq;
      }
      return { ingested, refused };
    })();
  }

  /** A code when the event cannot be used. */
  #take(raw: unknown, secrets: Readonly<Record<string, Secret<string>>>, position: Position): string | null {
    const parsed = journalEventSchema.safeParse(raw);
    if (!parsed.success) return "event.malformed";
    return this.#fold(parsed.data, secrets, position);
  }

  #fold(
    event: JournalEvent,
    secrets: Readonly<Record<string, Secret<string>>>,
    position: Position,
  ): string | null {
    const { feed, commands, inventory } = this.#parts;
    switch (event.k) {
      case "inventory":
        inventory.replace(event.data.inventory, { ...position, at: event.t });
        return null;
      case "planned":
        return this.#observed(event.kind, event.id, event.data.observed, event.t, position);
      case "refused":
      case "blocked":
        feed.setProblem(event.kind, event.id, {
          code: event.data.code,
          message: event.data.message,
          at: event.t,
        });
        return null;
      case "issued":
      case "reissued":
      case "invalidated":
        this.#tell(event.id, `acs_credential.${event.k}`, event.t, position);
        return this.#card(event.id, event.observed, event.t, position);
      case "intent":
      case "in_doubt":
        return this.#card(event.id, event.observed, event.t, position);
      case "settled":
        return this.#observed("acs_credential", event.id, event.observed, event.t, position);
      case "erased":
        return event.id === null
          ? null
          : this.#observed("acs_credential", event.id, event.observed, event.t, position);
      case "deleted":
        return this.#deleted(event, position);
      case "revocation_reasserted": {
        const change = revoked(feed, event.kind, event.id);
        if (change !== null) feed.put(change, position.now);
        if (change?.isGone === true) this.tellGone(event.kind, event.id, event.t, position.now);
        return this.#observed(event.kind, event.id, event.observed, event.t, position);
      }
      case "orphaned":
        return this.#orphaned(event, secrets, position);
      case "local_change":
        return this.#rule(event, secrets, position);
      case "attempt_finished": {
        const { status, result, error } = event.data;
        if (commands.finish(event.id, { status, result, error })) {
          this.#locks.attemptEnded(event.id, event.t, position.now);
        }
        return null;
      }
      case "code_observed":
        return this.#locks.codeObserved(event, position);
      case "lock_observed":
        this.#locks.lockObserved(event);
        return null;
      case "lock_event":
        this.#locks.lockEvent(event, position);
        return null;
      case "slot_set":
      case "slot_removed":
      case "slot_changed_outside":
      case "device_up":
      case "device_down":
      case "caught_up":
      case "clock_jumped":
        return null; // Kept in the journal; nothing that apps are shown follows from them.
    }
  }

  /** A card was written, or may have been: that re-opens a record, even a forgotten one. */
  #card(id: string, observed: Observed, at: number, position: Position): string | null {
    const { feed } = this.#parts;
    const object = feed.get("acs_credential", id);
    if (object?.isForgotten === true && observed.liveCards > 0) feed.put(reopened(object), position.now);
    const last = object === undefined ? feed.tombstone("acs_credential", id) : undefined;
    if (last !== undefined && observed.liveCards > 0)
      feed.put(
        { kind: "acs_credential", id, spec: denied("acs_credential", last), code: null },
        position.now,
      );
    return this.#observed("acs_credential", id, observed, at, position);
  }

  #observed(
    kind: ObjectKind,
    id: string,
    observed: Observed | null,
    at: number,
    position: Position,
  ): string | null {
    const { feed } = this.#parts;
    const object = feed.get(kind, id);
    if (object === undefined) return this.#observedOrphan(kind, id, observed);
    if (observed !== null) feed.observe(kind, id, observed);
    else feed.setProblem(kind, id, null);
    if (observed?.state === "deleted" && !object.isGone) this.#gone(kind, id, at, position);
    return null;
  }

  #observedOrphan(kind: ObjectKind, id: string, observed: Observed | null): string | null {
    const { orphans } = this.#parts;
    const orphan = orphans.get(kind, id);
    if (orphan === undefined) return "object.unknown";
    if (observed !== null) orphans.put({ ...orphan, observed });
    return null;
  }

  /**
   * The gateway has what this history lacks. A person rules on it, but for a denial, which stands: then only cards that
   * may still open something make a record.
   */
  #orphaned(
    event: Extract<JournalEvent, { k: "orphaned" }>,
    secrets: Readonly<Record<string, Secret<string>>>,
    { now }: Position,
  ): string | null {
    const { feed, orphans } = this.#parts;
    const { kind, id, data } = event;
    const { spec, observed } = data;
    if (!isUsable(kind, id, spec)) return "spec.invalid";
    // Something of it came before this, and told the cloud all it needs; or the cloud let it go itself.
    if (feed.get(kind, id) !== undefined) return null;
    const code = data.code_ref === null ? null : (secrets[data.code_ref] ?? null);
    const wasForgotten = feed.tombstone(kind, id) !== undefined;
    if (strictness(spec) === 0 && !wasForgotten) {
      orphans.put({ kind, id, spec, code, observed });
      return null;
    }
    const hasCards = (observed?.liveCards ?? 0) > 0;
    if (!wasForgotten && !hasCards) return null;
    feed.put({ kind, id, spec: denied(kind, spec), code: null, verdict: "refused", isGone: !hasCards }, now);
    if (observed !== null) feed.observe(kind, id, observed);
    return null;
  }

  /** A person says what becomes of an orphan. Returns false when there is none. */
  ruleOnOrphan(kind: ObjectKind, id: string, verdict: "adopted" | "refused", now: number): boolean {
    const { feed, orphans } = this.#parts;
    const orphan = orphans.get(kind, id);
    if (orphan === undefined) return false;
    const { spec, code, observed } = orphan;
    const isGone = verdict === "refused" && kind !== "acs_credential" && kind !== "device";
    feed.put(
      { kind, id, spec: verdict === "refused" ? denied(kind, spec) : spec, code, verdict, isGone },
      now,
    );
    if (observed !== null) feed.observe(kind, id, observed);
    orphans.remove(kind, id);
    this.tellCreated(kind, id, now, now);
    return true;
  }

  #deleted(event: Extract<JournalEvent, { k: "deleted" }>, position: Position): string | null {
    const { feed } = this.#parts;
    const object = feed.get(event.kind, event.id);
    if (object === undefined) return this.#observedOrphan(event.kind, event.id, event.data.observed);
    if (event.data.observed !== null) feed.observe(event.kind, event.id, event.data.observed);
    this.#gone(event.kind, event.id, event.t, position);
    return null;
  }

  #gone(kind: ObjectKind, id: string, at: number, position: Position): void {
    this.#parts.feed.setGone(kind, id);
    this.tellGone(kind, id, at, position.now);
  }

  /** An object goes once, whoever notices first. */
  tellGone(kind: ObjectKind, id: string, at: number, now: number): void {
    if (kind === "acs_credential") this.#tell(id, "acs_credential.deleted", at, { cause: id, now });
    if (kind === "acs_user") this.#tellUser(id, "acs_user.deleted", at, now);
    if (kind === "acs_access_group") {
      const subject = { acs_access_group_id: id, acs_system_id: this.#systemOf(kind, id) };
      this.#emit("acs_access_group.deleted", subject, id, at, now);
    }
    const code = kind === "access_code" ? this.#parts.feed.get(kind, id) : undefined;
    if (code !== undefined) this.#locks.codeGone(code, at, now);
  }

  /** Nobody carried these out in time. */
  tellExpired(ids: readonly string[], now: number): void {
    for (const id of ids) this.#locks.attemptEnded(id, now, now);
  }

  tellCreated(kind: ObjectKind, id: string, at: number, now: number): void {
    if (kind === "acs_user") this.#tellUser(id, "acs_user.created", at, now);
  }

  #rule(
    event: Extract<JournalEvent, { k: "local_change" }>,
    secrets: Readonly<Record<string, Secret<string>>>,
    { now }: Position,
  ): string | null {
    const { feed } = this.#parts;
    const { kind, id, data } = event;
    if (!isUsable(kind, id, data.spec)) return "spec.invalid";
    const before = feed.get(kind, id);
    const code = data.code_ref === null ? null : (secrets[data.code_ref] ?? null);
    const ruling = ruleOn(event, code, { feed, object: before });
    this.#parts.orphans.remove(kind, id);
    const isGoneNow = ruling.spec["state"] === "deleted" && !waitsForLocks(kind, ruling.spec);
    const isGone = ruling.isGone ?? (before?.isGone === true || isGoneNow);
    feed.put({ ...ruling, isGone }, now);
    if (before === undefined) this.tellCreated(kind, id, event.t, now);
    if (isGone && before?.isGone !== true) this.tellGone(kind, id, event.t, now);
    return null;
  }

  #tell(id: string, type: SeamEventType, at: number, { cause, now }: Position): void {
    const systemId = this.#systemOf("acs_credential", id);
    this.#emit(type, { acs_credential_id: id, acs_system_id: systemId }, cause, at, now);
  }

  #tellUser(id: string, type: SeamEventType, at: number, now: number): void {
    this.#emit(type, { acs_user_id: id, acs_system_id: this.#systemOf("acs_user", id) }, id, at, now);
  }

  #emit(
    type: SeamEventType,
    subject: Parameters<SeamEvents["emit"]>[1],
    cause: string,
    occurredAt: number,
    createdAt: number,
  ): void {
    const { workspaceId, connectedAccountId } = this.#parts.inventory.get();
    this.#parts.events.emit(type, subject, { cause, workspaceId, connectedAccountId, occurredAt, createdAt });
  }

  #systemOf(kind: ObjectKind, id: string): string {
    const systemId = this.#parts.feed.get(kind, id)?.spec["acs_system_id"];
    return typeof systemId === "string" ? systemId : "";
  }
}

/** What lies on a lock is gone when it has left it, and not before. */
export function waitsForLocks(kind: ObjectKind, spec: JsonObject): boolean {
  return kind === "access_code" || spec["access_method"] === "code";
}
