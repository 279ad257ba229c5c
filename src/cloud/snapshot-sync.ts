import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import type { SnapshotProgress } from "#src/engine/snapshot";
import { Secret } from "#src/lib/secret";
import { isTooDeep } from "./body.js";
import type { Draft } from "./draft.js";
import { ask, followFeed, isSameEpoch, sorted, wentBack } from "./feed-sync.js";
import type { Welcomed } from "./sync-state.js";
import { type Chunk, type Gone, type ItemResult, LIMITS, parseItem, type Snapshot } from "./wire.js";

/**
 * How a snapshot is taken in: chunk by chunk, each a part at a time so that nothing else waits long, then what it
 * lacks. Whatever is lost is asked for again, and a chunk that is not as the manifest says is not looked into.
 */

/** Items stored in one transaction. */
const PART_ITEMS = 50;
/** Far more than fit a chunk. */
const CHUNK_ITEMS_MAX = 20_000;
const DAMAGED_MAX = 3;

/** The feed cannot be continued from the cursor: the cloud offers a snapshot. */
export function snapshotOffered(draft: Draft, phase: Welcomed, { req, reason, snapshot }: Gone): void {
  if (req !== phase.req) return; // The answer to an earlier question.
  draft.session({ askedAt: null, req: null, feedHeardAt: draft.local.now });
  const { cursor } = draft;
  if (cursor !== null && cursor.rev > 0 && !isAfter(snapshot, cursor)) {
    wentBack(draft);
    return;
  }
  if (!isSameEpoch(phase, snapshot)) draft.session({ epoch: snapshot.epoch, head: snapshot.rev });
  const { id, epoch, rev, chunks, count } = snapshot;
  const ingested = snapshot.ingested[draft.local.jid] ?? 0;
  draft.order({ type: "beginSnapshot", snapshot: { id, epoch, rev, ingested, chunks } });
  draft.notice("info", "cloud.snapshot", "the cloud cannot continue from here: its snapshot is taken in", {
    reason,
    items: count,
    chunks: chunks.length,
  });
  followFeed(draft);
}

/** Is it newer than what was seen? A later history always is; within one, its number says. */
function isAfter(
  snapshot: Snapshot,
  cursor: { readonly epoch: Snapshot["epoch"]; readonly rev: number },
): boolean {
  if (isSameEpoch(snapshot, cursor)) return snapshot.rev > cursor.rev;
  return snapshot.epoch.n > cursor.epoch.n;
}

export function chunkArrived(draft: Draft, phase: Welcomed, chunk: Chunk): void {
  const { snapshot } = draft;
  const isWanted = snapshot?.id === chunk.snapshot && snapshot.next === chunk.n && phase.chunk === null;
  const expected = snapshot?.chunks[chunk.n];
  if (!isWanted || expected === undefined) return;
  const lines = linesOf(chunk, expected);
  if (typeof lines === "string") {
    damaged(draft, phase, lines);
    return;
  }
  const inHand = { lines: new Secret(lines), at: 0 };
  draft.session({ chunk: inHand, isBusy: true, damaged: 0, askedAt: null, feedHeardAt: draft.local.now });
}

function damaged(draft: Draft, phase: Welcomed, what: string): void {
  const isTooOften = phase.damaged + 1 >= DAMAGED_MAX;
  draft.session({ damaged: phase.damaged + 1 });
  if (isTooOften) draft.fail("feed.chunk_damaged", `a chunk of the cloud's snapshot is damaged: ${what}`);
  else {
    const level = draft.levelOnce("warn", `chunk ${what}`);
    const data = { reason: what, fault: "feed.chunk_damaged" };
    draft.notice(level, "cloud.chunk_damaged", "a chunk is damaged and asked for again", data);
    ask(draft);
  }
}

/** The lines of a chunk that is what the manifest says; else what is wrong with it. */
function linesOf(
  { data }: Chunk,
  expected: { readonly sha256: string; readonly bytes: number },
): readonly string[] | string {
  const gzip = Buffer.from(data.reveal(), "base64");
  if (gzip.length !== expected.bytes) return "its length is not the manifest's";
  if (createHash("sha256").update(gzip).digest("hex") !== expected.sha256)
    return "its hash is not the manifest's";
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      gunzipSync(gzip, { maxOutputLength: LIMITS.chunkBytes }),
    );
    const lines = text.split("\n").filter((line) => line !== "");
    return lines.length > CHUNK_ITEMS_MAX ? "it has too many items" : lines;
  } catch {
    return "it is not gzip of UTF-8 text within the limit";
  }
}

/** One part of the work that a snapshot makes. Called at every tick while there is any. */
export function workOnSnapshot(draft: Draft, phase: Welcomed): void {
  const { snapshot } = draft;
  if (snapshot === null) {
    draft.notice("info", "cloud.snapshot_done", "the cloud's snapshot is taken in");
    draft.session({ isBusy: false });
    followFeed(draft);
  } else if (phase.chunk !== null) storePart(draft, snapshot, phase.chunk);
  else if (snapshot.next >= snapshot.chunks.length) draft.order({ type: "sweepSnapshot" });
  else {
    draft.session({ isBusy: false });
    ask(draft);
  }
}

function storePart(
  draft: Draft,
  snapshot: SnapshotProgress,
  { lines, at }: NonNullable<Welcomed["chunk"]>,
): void {
  const all = lines.reveal();
  const to = Math.min(at + PART_ITEMS, all.length);
  const items = all.slice(at, to).map((line) => itemOf(line, snapshot.rev));
  const { good, bad } = sorted(items, snapshot.epoch.n, snapshot.rev);
  const endsChunk = to >= all.length;
  const isBlind = bad.some(({ kind, id }) => kind === "" || id === "");
  draft.order({ type: "storeSnapshotPart", part: { items: good, blocked: bad, isBlind, endsChunk } });
  draft.session({ chunk: endsChunk ? null : { lines, at: to } });
}

function itemOf(line: string, upTo: number): ItemResult {
  let value: unknown;
  try {
    value = isTooDeep(line) ? null : JSON.parse(line);
  } catch {
    value = null;
  }
  const result = parseItem(value);
  if (!result.ok || result.item.rev <= upTo) return result;
  const { rev, kind, id } = result.item;
  const raw = new Secret<Uint8Array>(Buffer.from(line));
  const message = "rev: later than the snapshot";
  return { ok: false, bad: { rev, kind, id, code: "item.malformed", message, raw } };
}
