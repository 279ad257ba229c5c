import type { Cursor } from "#src/engine/ports";
import type { Draft } from "./draft.js";
import type { BlockedItem, FeedDocument, FeedPage, Welcomed } from "./sync-state.js";
import type { Epoch, Head, ItemResult, Page } from "./wire.js";

/** How the gateway follows the feed: it asks for everything after its cursor, and takes what fits there. */
const ASK_AGAIN_AFTER_MS = 10_000;
/** In silence a pushed page may have been lost without a trace: ask now and then. */
const ASK_IDLE_MS = 60_000;

/** Monotonic instant at which something is to be asked for, or asked for again. */
export function askDueAt(phase: Welcomed): number {
  if (phase.isBusy) return Infinity;
  return phase.askedAt === null ? phase.feedHeardAt + ASK_IDLE_MS : phase.askedAt + ASK_AGAIN_AFTER_MS;
}

/** Before the first page there is no feed to differ from: the gateway joins the cloud's. */
export function cursorIn(draft: Draft, { epoch }: Welcomed): Cursor {
  return draft.cursor === null || draft.cursor.rev === 0 ? { epoch, rev: 0 } : draft.cursor;
}

export function isSameEpoch(one: { readonly epoch: Epoch }, other: { readonly epoch: Epoch }): boolean {
  return one.epoch.n === other.epoch.n && one.epoch.id === other.epoch.id;
}

/** What to do next about the feed: on from the cursor, or from the snapshot that is being taken in. */
export function followFeed(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "welcomed") return;
  const { snapshot } = draft;
  if (snapshot !== null) {
    if (snapshot.next < snapshot.chunks.length) ask(draft);
    else draft.session({ isBusy: true });
    return;
  }
  const cursor = cursorIn(draft, phase);
  const isSame = isSameEpoch(cursor, phase);
  const isBehind = isSame ? cursor.rev > phase.head : phase.epoch.n <= cursor.epoch.n;
  if (isBehind) wentBack(draft);
  else if (isSame && cursor.rev === phase.head) caughtUp(draft);
  else ask(draft);
}

/** The cloud was restored and says nothing of it, or the feed is another site's. What is here is not given up for that. */
export function wentBack(draft: Draft): void {
  draft.problem("feed.went_back", "the cloud's feed is behind what this gateway has already seen of it");
}

/** Asks for what comes after the cursor, or for the next chunk. */
export function ask(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "welcomed") return;
  const { snapshot } = draft;
  const req = draft.randomId();
  draft.session({ askedAt: draft.local.now, req });
  if (snapshot !== null && snapshot.next < snapshot.chunks.length) {
    draft.send({ type: "fetch", req, snapshot: snapshot.id, n: snapshot.next });
    return;
  }
  const { epoch, rev } = cursorIn(draft, phase);
  draft.send({ type: "pull", req, epoch, since: rev });
}

export function askUnlessOpen(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name === "welcomed" && phase.askedAt === null && !phase.isBusy) ask(draft);
}

/** The rule that makes every loss, repeat and disorder of pages harmless. */
export function turnPage(draft: Draft, phase: Welcomed, page: Page): void {
  // Until a snapshot is taken in whole, nothing can be told to follow on it.
  if (draft.snapshot !== null) return;
  const cursor = cursorIn(draft, phase);
  if (!isSameEpoch(cursor, page)) {
    askUnlessOpen(draft);
    return;
  }
  const head = Math.max(phase.head, page.head);
  draft.session({ head, feedHeardAt: draft.local.now });
  if (page.to > cursor.rev && page.from > cursor.rev) {
    askUnlessOpen(draft);
    return;
  }
  const isNews = page.to > cursor.rev;
  if (isNews) draft.order({ type: "storePage", page: pageAfter(cursor, page, draft.local.jid) });
  const rev = Math.max(page.to, cursor.rev);
  if (rev >= head) {
    draft.session({ askedAt: null });
    caughtUp(draft);
  } else if (isNews) ask(draft); // A page without news never asks for another: that could go on for ever.
}

/** A hint: what it tells of is asked for, if it did not come by itself. */
export function headMoved(draft: Draft, phase: Welcomed, hint: Head): void {
  const cursor = cursorIn(draft, phase);
  const isSame = isSameEpoch(cursor, hint);
  if (isSame) draft.session({ head: Math.max(phase.head, hint.head), feedHeardAt: draft.local.now });
  if (!isSame || hint.head > cursor.rev) askUnlessOpen(draft);
}

/** What of a page is news. An item too broken to say its rev is told by the end of its page. */
function pageAfter(cursor: Cursor, { items, to, ingested }: Page, jid: string): FeedPage {
  const { good, bad } = sorted(items, cursor.epoch.n, to);
  return {
    items: good.filter(({ rev }) => rev > cursor.rev),
    blocked: bad.filter(({ rev }) => rev > cursor.rev),
    cursor: { epoch: cursor.epoch, rev: to },
    ruledUpTo: ingested[jid] ?? 0,
  };
}

/** Items as the store takes them. `rev` is told of those that do not say theirs. */
export function sorted(
  items: readonly ItemResult[],
  epoch: number,
  rev: number,
): { readonly good: readonly FeedDocument[]; readonly bad: readonly BlockedItem[] } {
  const good: FeedDocument[] = [];
  const bad: BlockedItem[] = [];
  for (const result of items) {
    if (result.ok) {
      const { kind, id, rev: own, spec, secret, verdict } = result.item;
      good.push({ kind, id, epoch, rev: own, spec, code: secret, verdict });
    } else {
      const { raw, ...item } = result.bad;
      bad.push({ ...item, epoch, rev: item.rev ?? rev, raw: raw.reveal() });
    }
  }
  return { good, bad };
}

function caughtUp(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "welcomed" || phase.isCaughtUp) return;
  draft.session({ isCaughtUp: true });
  draft.order({ type: "caughtUp", rev: cursorIn(draft, phase).rev });
}
