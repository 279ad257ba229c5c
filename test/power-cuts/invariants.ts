import { isDeepStrictEqual } from "node:util";
import { observe } from "#src/domain/credential/derive";
import type { Observed } from "#src/domain/observed";
import type { StoredJournalEvent } from "#src/engine/ports";
import { credentialsIn, journalFrom, type Remains } from "./inspection.js";
import type { Doubt } from "./story.js";
import type { DeskChange, Wishes } from "./wishes.js";
import type { World } from "./world.js";

/** The whole chain takes long to walk, so it is walked at one cut of so many, and at rest. */
const CHAIN_EVERY = 10;

/**
 * Compares what a cut left in the database with what is true of the world: the cards as they lie there, what the cloud
 * was told and has acknowledged, what the API has answered. Throws at the first difference.
 */
export class Invariants {
  readonly #world: World;
  readonly #wishes: Wishes;
  /** As the last look found it. A journal only grows. */
  #journal: readonly StoredJournalEvent[] = [];
  #jid: string | null = null;
  /** Cursor of the feed at each cut, by the life that it ended. */
  readonly #cursorAfter = new Map<number, number>();
  #cuts = 0;

  constructor(world: World, wishes: Wishes) {
    this.#world = world;
    this.#wishes = wishes;
  }

  get journalLength(): number {
    return this.#journal.length;
  }

  /** After a cut, or an end in peace. */
  checkCut(remains: Remains): void {
    const { store } = remains;
    this.#cuts++;
    this.#checkJournal(remains, this.#cuts % CHAIN_EVERY === 0);
    this.#checkCards(remains);
    this.#checkWrites(remains);
    this.#checkDeskChanges();
    this.#checkSecrets(remains);
    const cursor = store.meta.get("cursor") as { readonly rev: number } | undefined;
    this.#cursorAfter.set(this.#world.life, cursor?.rev ?? 0);
    this.#checkDenials();
    this.#checkDeniedCards(remains);
    check(this.#wishes.faults.length === 0, () => `the API failed: ${this.#wishes.faults.join("; ")}`);
  }

  /** When everything was told to everybody, and the daemon has ended by itself. */
  checkRest(remains: Remains): void {
    const { store } = remains;
    this.checkCut(remains);
    this.#checkJournal(remains, true);
    this.#checkLedger(remains);
    check(store.attempts.pending().length === 0, () => "an attempt is pending in the store");
    const open = this.#world.cloud.site.commands.list().filter(({ status }) => status === "pending");
    check(open.length === 0, () => `attempts are pending in the cloud: ${show(open)}`);
    this.#checkFeed(remains);
    this.#checkLastWishes(remains);
  }

  // ── Journal ──────────────────────────────────────────────────────────────────────────────────────────────────

  #checkJournal({ store }: Remains, isChainWalked: boolean): void {
    this.#jid ??= store.journal.jid;
    check(this.#jid === store.journal.jid, () => "the journal has become another");
    const known = this.#journal.at(-1);
    const read = journalFrom(store, known?.seq ?? 1);
    if (known !== undefined)
      check(isDeepStrictEqual(read[0], known), () => `journal row ${known.seq} has changed`);
    this.#journal = [...this.#journal.slice(0, -1), ...read];
    const told = this.#world.cloud.site.ledger.ingested(store.journal.jid);
    check(told <= this.#journal.length, () => `the cloud has event ${told}, the store ends before it`);
    if (!isChainWalked) return;
    const fault = store.journal.verifyChain();
    check(fault === undefined, () => `the journal's chain: ${show(fault)}`);
  }

  /** The cloud has every event once, in order, as it stands in the journal. */
  #checkLedger({ store }: Remains): void {
    const ledger = this.#world.cloud.site.ledger.events(store.journal.jid);
    for (const [index, { seq, event }] of ledger.entries()) {
      check(seq === index + 1, () => `the cloud's ledger has ${seq} in place ${index + 1}`);
      const { seq: sent, ...body } = event as { readonly seq: number };
      const { event: fact, prev } = this.#journal[index] ?? {};
      const own = { ...fact, prev };
      check(
        sent === seq && isDeepStrictEqual(body, own),
        () => `event ${seq} differs: ${show(body)}, ${show(own)}`,
      );
    }
  }

  // ── Cards ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whatever opens is known, or possible, to the record of its credential. */
  #checkCards({ store }: Remains): void {
    for (const card of this.#world.cards) {
      const decoded = card.record();
      if (decoded.is !== "ours") continue;
      const { credentialId, sequence: generation } = decoded.record;
      const row = store.objects.byCardCredentialId(credentialId);
      const context = row?.record?.context;
      check(context !== undefined, () => `card ${card.name} opens for a credential that nobody knows`);
      const known = [...context.cards, context.doubt, context.job?.intent];
      const isListed = known.some((entry) => entry?.uid === card.name && entry.generation === generation);
      check(
        isListed,
        () => `card ${card.name} opens with generation ${generation} of ${row?.id}: ${show(context)}`,
      );
    }
  }

  /** One generation, at most one card written whole; and its intent was durable before. */
  #checkWrites({ store }: Remains): void {
    const intents = this.#events("intent").map(
      ({ id, gen, data }) => `${id} generation ${gen} on ${data.uid}`,
    );
    const intended = new Set(intents);
    check(intended.size === intents.length, () => "an intent stands twice in the journal");
    const written = new Set<string>();
    for (const { uid, cardCredentialId, generation } of this.#world.wholeWrites) {
      const name = `${store.objects.byCardCredentialId(cardCredentialId)?.id} generation ${generation}`;
      check(!written.has(name), () => `${name} was written twice, the second time on card ${uid}`);
      written.add(name);
      check(intended.has(`${name} on ${uid}`), () => `${name} was written on ${uid} without an intent`);
    }
  }

  /** Once a denial of the cloud is stored, no card of that credential is begun. */
  #checkDenials(): void {
    for (const { id, rev } of this.#wishes.denials) {
      const late = this.#events("intent").find((event) => event.id === id && event.base_rev >= rev);
      check(late === undefined, () => `${id} was denied at ${rev}; then came ${show(late)}`);
    }
  }

  /** The same from the cards alone: what a life found denied when it began was not written in it. */
  #checkDeniedCards({ store }: Remains): void {
    for (const { id, rev } of this.#wishes.denials) {
      const cardId = store.objects.get("acs_credential", id)?.cardCredentialId;
      const after = [...this.#cursorAfter].find(([, cursor]) => cursor >= rev)?.[0] ?? Infinity;
      const late = this.#world.wholeWrites.find(
        ({ cardCredentialId, life }) => cardCredentialId === cardId && life > after,
      );
      check(late === undefined, () => `${id} was denied at ${rev}; then a card was written: ${show(late)}`);
    }
  }

  // ── Wishes ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** A desk change that was acknowledged is one fact of the journal; one that was not is at most one. */
  #checkDeskChanges(): void {
    const count = new Map<string, number>();
    for (const event of this.#events("local_change")) {
      const { state } = event.data.spec;
      const field = state === "revoked" ? "state" : event.kind === "acs_user" ? "full_name" : "ends_at";
      const key = factOf({ field, value: show(event.data.spec[field]), id: event.id });
      count.set(key, (count.get(key) ?? 0) + 1);
    }
    for (const change of this.#wishes.deskChanges) {
      const times = count.get(factOf({ ...change, value: show(change.value) })) ?? 0;
      const isRight =
        change.answer === "ok" ? times === 1 : change.answer === "none" ? times <= 1 : times === 0;
      check(isRight, () => `${show(change)} stands ${times} times in the journal`);
    }
  }

  /** Store and cloud want the same of every object, and the cloud knows how each credential is. */
  #checkFeed({ store }: Remains): void {
    const { feed } = this.#world.cloud.site;
    for (const kind of ["acs_user", "acs_credential"] as const) {
      for (const object of feed.list(kind)) {
        const row = store.objects.get(kind, object.id);
        const what = `${kind} ${object.id}`;
        check(row !== undefined, () => `${what} is lost`);
        check(!row.dirty && row.blocked === null, () => `${what} is not done with`);
        check(row.rev === object.rev, () => `${what} has rev ${row.rev}, the cloud ${object.rev}`);
        check(
          isDeepStrictEqual(row.spec, object.spec),
          () => `${what}: ${show(row.spec)}, ${show(object.spec)}`,
        );
        check(row.code?.reveal() === object.code?.reveal(), () => `the PIN of ${what} is another`);
        if (row.record === null) continue;
        const [own, told] = [factsOf(observe(row.record)), factsOf(object.observed)];
        check(isDeepStrictEqual(own, told), () => `${what}: ${show(own)}, the cloud has ${show(told)}`);
      }
    }
  }

  /** The last desk change that was acknowledged holds in store and cloud, unless a later one was sent. */
  #checkLastWishes({ store }: Remains): void {
    for (const { kind, id, owner, isDenied } of this.#wishes.objects) {
      const row = store.objects.get(kind, id);
      check(row !== undefined, () => `${kind} ${id} is lost`);
      const changes = this.#wishes.deskChanges.filter(
        (change) => change.id === id && change.answer !== "refused",
      );
      const denial = changes.find(({ field, answer }) => field === "state" && answer === "ok");
      const state = row.spec["state"];
      if (denial !== undefined)
        check(state !== "active", () => `${id} was revoked at the desk and is active`);
      if (owner === "cloud" || isDenied) continue;
      const field = kind === "acs_user" ? "full_name" : "ends_at";
      const last = changes.findLastIndex(({ answer }) => answer === "ok");
      const possible = changes.slice(last).map(({ value }) => show(value));
      check(
        possible.includes(show(row.spec[field])),
        () => `${kind} ${id} has ${field} ${show(row.spec[field])}, not ${show(possible)}`,
      );
    }
    for (const { id } of this.#wishes.denials) {
      const state = store.objects.get("acs_credential", id)?.spec["state"];
      check(
        state === "revoked" || state === "deleted",
        () => `${id} was denied in the cloud and is ${show(state)}`,
      );
    }
  }

  #checkSecrets({ bytes }: Remains): void {
    for (const pin of this.#wishes.pins) check(!bytes.includes(pin), () => `PIN ${pin} stands in the files`);
  }

  #events<K extends StoredJournalEvent["event"]["k"]>(kind: K) {
    return this.#journal.flatMap(({ event }) =>
      event.k === kind ? [event as Extract<StoredJournalEvent["event"], { readonly k: K }>] : [],
    );
  }
}

/** Writes whose outcome is unknown, or will be when the daemon starts again. */
export function doubtsIn({ store }: Remains): readonly Doubt[] {
  return credentialsIn(store).flatMap(({ id, record }) => {
    const doubt = record?.context.doubt ?? record?.context.job?.intent ?? null;
    return doubt?.uid == null ? [] : [{ credentialId: id, uid: doubt.uid }];
  });
}

/** Without the instants at which a state began: a job that came to nothing moves them and is no news for the cloud. */
function factsOf(observed: Observed | null) {
  if (observed === null) return null;
  const { rev, generation, state, isIssued, issuedAt, cardNumber, isSynced, liveCards } = observed;
  return { rev, generation, state, isIssued, issuedAt, cardNumber, isSynced, liveCards };
}

/** A denial may be wished for by everybody, the other values are unlike. */
function factOf({ field, value, id }: Pick<DeskChange, "field" | "value" | "id">): string {
  return field === "state" ? `${value} ${id}` : value;
}

function check(isRight: boolean, what: () => string): asserts isRight {
  if (!isRight) throw new Error(what());
}

function show(value: unknown): string {
  return JSON.stringify(value);
}
