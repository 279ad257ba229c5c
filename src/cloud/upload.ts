import type { StoredJournalEvent } from "#src/engine/ports";
import type { Secret } from "#src/lib/secret";
import type { Draft } from "./draft.js";
import { type EventBatch, LIMITS } from "./wire.js";

/** A batch without an answer for this long is sent again. */
export const RESEND_AFTER_MS = 10_000;

/** Sends what the cloud does not have, in order, as far as the window allows. */
export function upload(draft: Draft): void {
  const { phase } = draft.state;
  if (phase.name !== "welcomed" || phase.isJournalBehind) return;
  let { sentTo, inFlight } = phase;
  while (inFlight.length < LIMITS.batchesInFlight && sentTo < draft.local.lastSeq) {
    const rows = batchOf(draft.local.readJournal(sentTo + 1, draft.state.batchEvents));
    const last = rows.at(-1);
    if (last === undefined) break;
    draft.send(batchMessage(draft, rows));
    sentTo = last.seq;
    inFlight = [...inFlight, { to: sentTo, sentAt: draft.local.now }];
  }
  draft.session({ sentTo, inFlight });
}

/** Begins again behind what is acknowledged when an answer is overdue; tells whether one was. */
export function resendOverdue(draft: Draft): boolean {
  const { phase } = draft.state;
  if (phase.name !== "welcomed") return false;
  const isOverdue = phase.inFlight.some(({ sentAt }) => draft.local.now - sentAt >= RESEND_AFTER_MS);
  if (isOverdue) draft.session({ sentTo: draft.acked, inFlight: [] });
  return isOverdue;
}

/** `ingested` only ever rises within a session; what is old or was never sent is not believed. */
export function acknowledged(draft: Draft, jid: string, ingested: number): void {
  const { phase } = draft.state;
  if (phase.name !== "welcomed" || jid !== draft.local.jid || ingested <= draft.acked) return;
  if (ingested > draft.local.lastSeq) {
    draft.notice("warn", "cloud.ack_beyond", "the cloud acknowledged events that do not exist", { ingested });
    return;
  }
  draft.order({ type: "setAcked", seq: ingested });
  draft.session({
    sentTo: Math.max(phase.sentTo, ingested),
    inFlight: phase.inFlight.filter(({ to }) => to > ingested),
  });
}

/** As many of the rows as fit one batch; a single row that does not fit travels alone. */
function batchOf(rows: readonly StoredJournalEvent[]): readonly StoredJournalEvent[] {
  let bytes = 0;
  const batch: StoredJournalEvent[] = [];
  for (const row of rows) {
    bytes += Buffer.byteLength(JSON.stringify(row.event)) + 120; // seq, prev and punctuation
    if (batch.length > 0 && bytes > LIMITS.batchBytes) break;
    batch.push(row);
  }
  return batch;
}

function batchMessage(draft: Draft, rows: readonly StoredJournalEvent[]): EventBatch {
  const secrets: Record<string, Secret<string>> = {};
  for (const { event } of rows) {
    if (event.k !== "local_change" && event.k !== "orphaned") continue;
    const ref = event.data.code_ref;
    const secret = ref === null ? undefined : draft.local.secret(ref, event.kind, event.id);
    if (ref !== null && secret !== undefined) secrets[ref] = secret;
  }
  const events = rows.map(({ seq, prev, event }) => ({ seq, prev, ...event }));
  return { type: "ev", jid: draft.local.jid, events, secrets };
}
