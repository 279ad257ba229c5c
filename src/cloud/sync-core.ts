import { type BodyResult, parseBody } from "./body.js";
import { commandArrived, runWaiting } from "./command-sync.js";
import { Draft } from "./draft.js";
import { ask, askDueAt, followFeed, headMoved, turnPage } from "./feed-sync.js";
import { chunkArrived, snapshotOffered, workOnSnapshot } from "./snapshot-sync.js";
import type { LinkInput, LinkState, LocalView, Turn, Welcomed } from "./sync-state.js";
import { acknowledged, RESEND_AFTER_MS, resendOverdue, upload } from "./upload.js";
import { LIMITS, type Message, type Welcome } from "./wire.js";

/**
 * The gateway's half of the sync protocol as a function: it knows no carrier, no clock and no store. Any message may
 * be lost, repeated or come out of order: asking for "everything after my cursor" repairs it, every time.
 *
 * What holds after every turn: the cursor never falls and never passes the head; the journal goes up in order without
 * holes; a command runs at most once, within its life, in the session it was given in.
 */
export const INITIAL_STATE: LinkState = {
  phase: { name: "stopped" },
  failures: 0,
  refusals: 0,
  batchEvents: LIMITS.batchEvents,
  problem: null,
  told: { problem: null, faults: [] },
  taken: 0,
};

const OPEN_WITHIN_MS = 30_000;
const WELCOME_WITHIN_MS = 10_000;
const FAULTS_MAX = 3;
/** Questions in a row that were asked again in vain: the session is dead, even if the carrier lives. */
const UNANSWERED_MAX = 3;

export function syncStep(state: LinkState, input: LinkInput, local: LocalView): Turn {
  const draft = new Draft(state, local);
  take(draft, input);
  return draft.finish();
}

/** Monotonic instant of the next `tick` that changes anything; null: none. */
export function nextTickAt(state: LinkState): number | null {
  const { phase } = state;
  switch (phase.name) {
    case "stopped":
      return null;
    case "resting":
      return phase.until;
    case "opening":
      return phase.since + OPEN_WITHIN_MS;
    case "greeting":
      return phase.since + WELCOME_WITHIN_MS;
    case "welcomed":
      if (phase.isBusy) return 0;
      return Math.min(
        askDueAt(phase),
        ...phase.inFlight.map(({ sentAt }) => sentAt + RESEND_AFTER_MS),
        ...phase.waiting.map(({ command, arrivedAt }) => arrivedAt + command.life_ms),
      );
  }
}

function take(draft: Draft, input: LinkInput): void {
  const { phase } = draft.state;
  switch (input.type) {
    case "start":
      if (phase.name === "stopped") open(draft);
      return;
    case "stop":
      draft.carrier({ type: "close", why: null });
      draft.state = { ...INITIAL_STATE };
      return;
    case "carrier.up":
      if (phase.name === "opening" || phase.name === "welcomed") greet(draft);
      return;
    case "carrier.down":
      carrierFailed(draft, input);
      return;
    case "store.failed":
      draft.fail("store.failed", "the gateway could not store what the cloud sent; see the log");
      return;
    case "tick":
      tick(draft);
      return;
    case "journal.grew":
      upload(draft);
      return;
    case "progress":
      if (phase.name === "welcomed") {
        draft.send({ type: "live", cmd: input.cmd, step: input.step, say: input.say.slice(0, 500) });
      }
      return;
    case "received":
      if (phase.name === "greeting" || phase.name === "welcomed") receive(draft, parseBody(input.bytes));
      return;
  }
}

// ── Coming and going ─────────────────────────────────────────────────────────────────────────────────────────────

function open(draft: Draft): void {
  draft.state = { ...draft.state, phase: { name: "opening", since: draft.local.now } };
  draft.carrier({ type: "open" });
}

function greet(draft: Draft): void {
  const { local } = draft;
  const nonce = draft.randomId();
  draft.state = { ...draft.state, phase: { name: "greeting", since: local.now, nonce } };
  draft.send({
    type: "hello",
    ...local.identity,
    jid: local.jid,
    seq_last: local.lastSeq,
    seq_acked: draft.acked,
    epoch: draft.cursor?.epoch ?? null,
    rev: draft.cursor?.rev ?? 0,
    time: { utc: local.wall, quality: local.timeQuality, mono: Math.round(local.now) },
    nonce,
  });
}

function carrierFailed(draft: Draft, { problem }: Extract<LinkInput, { type: "carrier.down" }>): void {
  const { phase } = draft.state;
  if (phase.name === "stopped" || phase.name === "resting") return;
  if (problem.code === "carrier.batch_too_big") {
    const halved = Math.max(1, Math.floor(draft.state.batchEvents / 2));
    draft.state = { ...draft.state, batchEvents: halved };
  }
  draft.fail(problem.code, problem.message, problem);
}

function tick(draft: Draft): void {
  const { phase } = draft.state;
  const { now } = draft.local;
  switch (phase.name) {
    case "stopped":
      return;
    case "resting":
      if (now >= phase.until) open(draft);
      return;
    case "opening":
      if (now - phase.since >= OPEN_WITHIN_MS) draft.fail("carrier.timeout", "no connection came about");
      return;
    case "greeting":
      if (now - phase.since >= WELCOME_WITHIN_MS) {
        draft.fail("welcome.missing", "the other end answers, but no welcome of the cloud came");
      }
      return;
    case "welcomed":
      keepGoing(draft, phase);
      return;
  }
}

function keepGoing(draft: Draft, phase: Welcomed): void {
  const isAskDue = draft.local.now >= askDueAt(phase);
  const isSilent = resendOverdue(draft) || (isAskDue && phase.askedAt !== null);
  if (isSilent && phase.unanswered + 1 >= UNANSWERED_MAX) {
    draft.fail("cloud.silent", "the cloud welcomed this gateway and then stopped answering");
    return;
  }
  if (isSilent) draft.session({ unanswered: phase.unanswered + 1 });
  upload(draft);
  if (phase.isBusy) workOnSnapshot(draft, phase);
  runWaiting(draft);
  if (isAskDue) ask(draft);
}

// ── Messages ─────────────────────────────────────────────────────────────────────────────────────────────────────

function receive(draft: Draft, body: BodyResult): void {
  if (!body.ok) {
    const { code: fault, message } = body.fault;
    draft.fail("cloud.unreadable", `what answers at the cloud's address is not the cloud: ${message}`, {
      fault,
    });
    return;
  }
  for (const received of body.messages) {
    if (received.ok) {
      draft.session({ faults: 0, unanswered: 0 });
      handle(draft, received.message);
    } else if (received.fault.code === "message.unknown") {
      const { type, fault } = received;
      const level = draft.levelOnce("info", `${fault.code} ${type}`);
      const data = { type, fault: fault.code };
      draft.notice(level, "cloud.message_unknown", "passed over a message of a newer cloud", data);
    } else unreadable(draft, received.type, received.fault.message);
  }
}

/** One unreadable message is passed over; what it held is asked for again. Several in a row end the session. */
function unreadable(draft: Draft, type: string, where: string): void {
  const { phase } = draft.state;
  const level = draft.levelOnce("warn", `${type} ${where}`);
  const data = { type, where, fault: "message.malformed" };
  draft.notice(level, "cloud.message_malformed", "passed over a message that is not as agreed", data);
  const faults = phase.name === "welcomed" ? phase.faults + 1 : FAULTS_MAX;
  draft.session({ faults });
  if (faults >= FAULTS_MAX) draft.fail("cloud.unreadable", `the cloud's ${type} is not as agreed: ${where}`);
}

function handle(draft: Draft, message: Message): void {
  const { phase } = draft.state;
  if (message.type === "welcome") {
    welcomed(draft, message);
    return;
  }
  if (phase.name !== "welcomed") return; // Of a session that is over; the next one tells it again.
  switch (message.type) {
    case "page":
      turnPage(draft, phase, message);
      runWaiting(draft);
      return;
    case "ack":
      if (message.refused.length > 0) {
        draft.notice("warn", "cloud.events_refused", "the cloud could not use some events", {
          refused: message.refused.map(({ seq, code }) => ({ seq, problem: code })),
        });
      }
      acknowledged(draft, message.jid, message.ingested);
      upload(draft);
      return;
    case "cmd":
      commandArrived(draft, phase, message);
      return;
    case "gone":
      snapshotOffered(draft, phase, message);
      return;
    case "chunk":
      chunkArrived(draft, phase, message);
      return;
    case "ctl":
      if (message.order === "hello") draft.fail("cloud.asked_for_hello", message.reason);
      else {
        const retryAfterMs = message.retry_after_ms;
        draft.fail("cloud.asked_to_wait", "the cloud asked for a pause", { retryAfterMs });
      }
      return;
    case "head":
      headMoved(draft, phase, message);
      return;
    case "hello":
    case "pull":
    case "fetch":
    case "ev":
    case "live":
    case "state":
      return; // Our own words, sent back by a confused peer.
  }
}

function welcomed(draft: Draft, message: Welcome): void {
  const { phase } = draft.state;
  const { local } = draft;
  if (phase.name !== "greeting" || message.nonce_echo !== phase.nonce) return;
  const wanted = message.want_from - 1;
  const isJournalBehind = Math.max(message.ingested[local.jid] ?? 0, wanted) > local.lastSeq;
  const session: Welcomed = {
    name: "welcomed",
    since: local.now,
    session: message.session,
    epoch: message.epoch,
    head: message.head,
    askedAt: null,
    req: null,
    feedHeardAt: local.now,
    sentTo: isJournalBehind ? draft.acked : wanted,
    inFlight: [],
    isCaughtUp: false,
    faults: 0,
    unanswered: 0,
    isBusy: false,
    chunk: null,
    damaged: 0,
    isJournalBehind,
    waiting: [],
  };
  draft.state = { ...draft.state, phase: session, problem: null };
  draft.carrier({ type: "listen", session: message.session });
  draft.order({ type: "rememberWelcome", cloudTime: message.time });
  draft.notice("info", "cloud.welcomed", "the cloud welcomed this gateway", { head: message.head });
  if (isJournalBehind) {
    const reason =
      "the cloud has events of this journal that the gateway does not know: it was restored from a backup";
    draft.problem("journal.behind_cloud", reason);
  } else if (wanted !== draft.acked) {
    if (wanted < draft.acked) {
      draft.notice("warn", "cloud.rewound", "the cloud asked for earlier events again", { from: wanted + 1 });
    }
    draft.order({ type: "setAcked", seq: wanted });
  }
  upload(draft);
  followFeed(draft);
}
