import { randomBytes } from "node:crypto";
import type { CloudMessage, CommandOrder, Epoch, GatewayMessage, Hello, Pull } from "#src/cloud/wire";
import type { ObjectKind } from "#src/domain/spec";
import { ACTION_TYPES, simulatedActionType } from "#src/engine/action-types";
import type { WebhooksTable } from "#src/engine/ports";
import { toHex } from "#src/lib/hex";
import type { Clock } from "#src/lib/deadline";
import { uuidV7 } from "#src/lib/uuid";
import { backUp, type CloudBackup, restore } from "./backup.js";
import { type CloudAttempt, Commands } from "./commands.js";
import { cloudWebhooksTable, openCloudDatabase, type CloudDatabase } from "./database.js";
import { Feed, type NewChange } from "./feed.js";
import { Ledger, waitsForLocks } from "./ledger.js";
import { Locks } from "./locks.js";
import { Orphans } from "./orphans.js";
import { revoked } from "./rulings.js";
import { SeamEvents } from "./seam-events.js";
import { SiteInventory } from "./site-inventory.js";
import { Snapshots } from "./snapshots.js";

export interface CloudSiteOptions {
  readonly siteId: string;
  readonly gatewayId: string;
  readonly clock: Clock;
  readonly random?: (size: number) => Uint8Array;
  /** SQLite file; without one everything lives in memory. */
  readonly file?: string | undefined;
  /** How long a command may wait to be carried out. */
  readonly commandLifeMs?: number | undefined;
  /** Of a snapshot's chunk before compression; the protocol's limit by default. */
  readonly chunkBytes?: number | undefined;
}

const COMMAND_LIFE_MS = 150_000;

interface Session {
  readonly id: string;
  readonly jid: string;
  /** Newest rev that was sent to it. */
  sentTo: number;
  /** It had everything at that time: what comes after may be pushed. */
  isCaughtUp: boolean;
}

/**
 * One site in the stand-in cloud: what should be, what its gateway reported, and the cloud's half of the sync
 * protocol. It knows no carrier: messages come in, messages go out.
 */
export class CloudSite {
  readonly siteId: string;
  readonly gatewayId: string;
  readonly clock: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly feed: Feed;
  readonly events: SeamEvents;
  readonly webhooks: WebhooksTable;
  readonly inventory: SiteInventory;
  readonly commands: Commands;
  readonly locks: Locks;
  readonly ledger: Ledger;
  readonly orphans: Orphans;
  readonly snapshots: Snapshots;
  readonly #database: CloudDatabase;
  readonly #listeners = new Set<() => void>();
  readonly #progress = new Map<string, { readonly step: string; readonly say: string }>();
  #session: Session | null = null;
  /** After a restore: how far the gateway's journal goes that must be heard before anything is taken for lost. */
  #hearsAgainUpTo: number | null = null;
  #lastHello: Hello | null = null;

  constructor(options: CloudSiteOptions) {
    this.siteId = options.siteId;
    this.gatewayId = options.gatewayId;
    this.clock = options.clock;
    this.random = options.random ?? ((size) => randomBytes(size));
    this.#database = openCloudDatabase(options.file);
    this.feed = new Feed(this.#database, () => toHex(this.random(16)));
    this.snapshots = new Snapshots(this.feed, () => toHex(this.random(16)), options.chunkBytes);
    this.orphans = new Orphans(this.#database);
    this.webhooks = cloudWebhooksTable(this.#database);
    this.events = new SeamEvents(this.#database, options.siteId, (event) => this.webhooks.enqueue(event));
    this.inventory = new SiteInventory(this.#database, options.siteId, this.events);
    this.commands = new Commands(this.#database, options.commandLifeMs ?? COMMAND_LIFE_MS);
    this.locks = new Locks(this.#database);
    const { feed, events, inventory, commands, locks, orphans } = this;
    this.ledger = new Ledger({
      database: this.#database,
      feed,
      events,
      inventory,
      commands,
      locks,
      orphans,
    });
  }

  close(): void {
    this.#database.close();
  }

  newId(): string {
    return uuidV7(this.clock.now(), this.random(10));
  }

  /** Calls after everything that may be news for the gateway; the returned function ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // ── What apps and people want ──────────────────────────────────────────────────────────────────────────────────

  /** Several changes, or none. */
  transact<T>(work: () => T): T {
    const result = this.#database.transaction(work)();
    this.#changed();
    return result;
  }

  put(change: NewChange): void {
    const isNew = this.feed.get(change.kind, change.id) === undefined;
    const now = this.clock.now();
    this.feed.put(change, now);
    if (isNew) this.ledger.tellCreated(change.kind, change.id, now, now);
    this.#changed();
  }

  /** No card of it may open anything again. Nothing takes that back. */
  revoke(credentialId: string): void {
    const change = revoked(this.feed, "acs_credential", credentialId);
    if (change !== null) this.put(change);
  }

  /** The wish that it go. A card credential is out of the API at once; a PIN when it has left the locks. */
  delete(kind: ObjectKind, id: string): void {
    const object = this.feed.get(kind, id);
    if (object === undefined || object.isGone || object.isForgotten) return;
    const now = this.clock.now();
    const isWaiting = waitsForLocks(kind, object.spec);
    this.transact(() => {
      const spec = { ...object.spec, state: "deleted" };
      this.feed.put({ kind, id, spec, code: object.code, isGone: !isWaiting }, now);
      if (!isWaiting) this.ledger.tellGone(kind, id, now, now);
    });
  }

  /** Housekeeping: drops a record that is gone and has no card left. Returns false when it must be kept. */
  forget(kind: ObjectKind, id: string): boolean {
    const object = this.feed.get(kind, id);
    if (object?.isGone !== true || (object.observed?.liveCards ?? 0) > 0) return false;
    // A ruling is kept until the gateway has followed it: what leaves the feed before would stay an orphan there.
    if (object.verdict !== null && (object.observed?.rev ?? object.rev) < object.rev) return false;
    this.put({ kind, id, spec: { ...object.spec, state: "forgotten" }, code: null, isForgotten: true });
    return true;
  }

  /** Asks for work at an encoder; the answer is the pending attempt. */
  command(
    act: "encode" | "scan" | "erase",
    encoderId: string,
    credentialId: string | null,
    by: string,
  ): CloudAttempt {
    if (act !== "encode") return this.order({ act, target: { encoder_id: encoderId } }, by);
    const observed = credentialId === null ? null : this.feed.get("acs_credential", credentialId)?.observed;
    const target = { encoder_id: encoderId, credential_id: credentialId ?? "" };
    return this.order({ act, target, expect_gen: observed?.generation ?? 0 }, by);
  }

  /** Asks the gateway for anything that is done at once; `deviceId` is the lock that it is about. */
  order(order: CommandOrder, by: string, deviceId?: string): CloudAttempt {
    const id = this.newId();
    const actionType = actionTypeOf(order);
    const needsRev = this.feed.head;
    const attempt = this.commands.create({ id, actionType, order, needsRev, by, deviceId }, this.clock.now());
    this.#changed();
    return attempt;
  }

  /** The newest tick of a running command, for display. */
  progressOf(commandId: string): { readonly step: string; readonly say: string } | undefined {
    return this.#progress.get(commandId);
  }

  /**
   * Ends what nobody carried out in time. A cloud that was restored has to hear first what it has forgotten: a command
   * may have been carried out.
   */
  expire(): void {
    if (this.#hearsAgainUpTo !== null) return;
    const now = this.clock.now();
    const expired = this.#database.transaction(() => {
      const ids = this.commands.expire(now);
      this.ledger.tellExpired(ids, now);
      return ids;
    })();
    if (expired.length > 0) this.#changed();
  }

  // ── What goes wrong in a cloud ─────────────────────────────────────────────────────────────────────────────────

  backUp(): CloudBackup {
    return backUp(this.#database);
  }

  /** Everything is as it was then, and a new history begins. */
  restore(backup: CloudBackup): void {
    restore(this.#database, backup);
    this.feed.history.bump(this.feed.head);
    this.snapshots.forget();
    this.#progress.clear();
    this.#hearsAgainUpTo = Infinity;
    this.dropSession();
  }

  /** Lets go of what was forgotten: whoever is behind needs a snapshot. */
  raiseFloor(): void {
    this.feed.raiseFloor();
    this.#changed();
  }

  /** A person says what becomes of what only the gateway has. Returns false when there is no such orphan. */
  ruleOnOrphan(kind: ObjectKind, id: string, verdict: "adopted" | "refused"): boolean {
    const isRuled = this.ledger.ruleOnOrphan(kind, id, verdict, this.clock.now());
    this.#changed();
    return isRuled;
  }

  // ── What the gateway says ──────────────────────────────────────────────────────────────────────────────────────

  get lastHello(): Hello | null {
    return this.#lastHello;
  }

  isCurrent(session: string): boolean {
    return this.#session?.id === session;
  }

  /** Forgets the session, as a restart of the cloud would. */
  dropSession(): void {
    this.#session = null;
    this.#changed();
  }

  /** What is answered at once. Messages of a session that is not the current one get none. */
  receive(session: string | null, message: GatewayMessage): readonly CloudMessage[] {
    this.expire();
    if (message.type === "hello") return [this.#welcome(message)];
    const current = this.#session;
    if (current === null || current.id !== session) return [];
    switch (message.type) {
      case "pull":
        return [this.#turnPage(current, message)];
      case "fetch":
        return [
          this.snapshots.chunk(message.snapshot, message.n) ?? this.#gone(current, message.req, "damaged"),
        ];
      case "ev": {
        const { ingested, refused } = this.ledger.ingest(message, this.clock.now());
        if (ingested >= (this.#hearsAgainUpTo ?? Infinity)) this.#hearsAgainUpTo = null;
        this.#changed();
        return [{ type: "ack", jid: message.jid, ingested, refused: [...refused] }];
      }
      case "live":
        if (this.commands.get(message.cmd)?.status === "pending") {
          this.#progress.set(message.cmd, { step: message.step, say: message.say });
          this.#changed();
        }
        return [];
    }
  }

  hasNews(session: string): boolean {
    const current = this.#session;
    if (current === null || current.id !== session) return false;
    const hasPage = current.isCaughtUp && this.feed.head > current.sentTo;
    return hasPage || this.commands.hasOffers(session, this.clock.now());
  }

  /** Takes what is pushed to this session: changes first, so that commands find what they are about. */
  takeNews(session: string): readonly CloudMessage[] {
    this.expire();
    const current = this.#session;
    if (current === null || current.id !== session) return [];
    const news: CloudMessage[] = [];
    if (current.isCaughtUp && this.feed.head > current.sentTo)
      news.push(this.#pageFor(current, current.sentTo));
    news.push(...this.commands.takeOffers(session, this.clock.now()));
    return news;
  }

  /** A hello that comes twice begins one session. */
  #welcome(hello: Hello): CloudMessage {
    const isRepeat = this.#lastHello?.nonce === hello.nonce;
    this.#beginAnewIfBehind(hello);
    const { epoch } = this.feed;
    const session = (isRepeat ? this.#session : null) ?? {
      id: toHex(this.random(16)),
      jid: hello.jid,
      sentTo: hello.rev,
      // One that holds nothing yet lacks nothing of an empty feed.
      isCaughtUp: (hello.epoch === null || isSame(hello.epoch, epoch)) && hello.rev === this.feed.head,
    };
    this.#session = session;
    this.#lastHello = hello;
    const ingested = this.ledger.ingested(hello.jid);
    if (this.#hearsAgainUpTo !== null)
      this.#hearsAgainUpTo = ingested >= hello.seq_last ? null : hello.seq_last;
    this.#changed();
    return {
      type: "welcome",
      session: session.id,
      nonce_echo: hello.nonce,
      epoch,
      head: this.feed.head,
      floor: this.feed.floor,
      ingested: { [hello.jid]: ingested },
      want_from: ingested + 1,
      time: this.clock.now(),
    };
  }

  /** The gateway has seen what this cloud does not know of: the cloud was restored, and nobody told it. */
  #beginAnewIfBehind({ epoch, rev }: Hello): void {
    if (epoch === null) return;
    const { feed } = this;
    const isSameHistory = isSame(epoch, feed.epoch);
    if (isSameHistory ? rev > feed.head : epoch.n >= feed.epoch.n) feed.history.bump(feed.head, epoch.n);
  }

  #turnPage(session: Session, { req, epoch, since }: Pull): CloudMessage {
    if (!isSame(epoch, this.feed.epoch)) return this.#gone(session, req, "epoch");
    if (since < this.feed.floor) return this.#gone(session, req, "floor");
    if (since > this.feed.head) return this.#gone(session, req, "damaged");
    return this.#pageFor(session, since);
  }

  #pageFor(session: Session, since: number): CloudMessage {
    const page = this.feed.page(since, this.#ingested(session));
    session.sentTo = page.to;
    session.isCaughtUp = page.to === page.head;
    return page;
  }

  #gone(session: Session, req: string, reason: "epoch" | "floor" | "damaged"): CloudMessage {
    session.isCaughtUp = false;
    const { epoch, floor } = this.feed;
    const snapshot = this.snapshots.offer(this.#ingested(session));
    return { type: "gone", req, epoch, floor, reason, snapshot };
  }

  #ingested({ jid }: Session): Record<string, number> {
    return { [jid]: this.ledger.ingested(jid) };
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

function isSame(one: Epoch | null, other: Epoch): boolean {
  return one?.n === other.n && one.id === other.id;
}

function actionTypeOf(order: CommandOrder): string {
  return order.act === "simulate" ? simulatedActionType(order.target) : ACTION_TYPES[order.act];
}
