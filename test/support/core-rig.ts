import { encodeBody } from "#src/cloud/body";
import { INITIAL_STATE, syncStep } from "#src/cloud/sync-core";
import type { LinkInput, LinkState, LocalView, Turn } from "#src/cloud/sync-state";
import type { CloudMessage, Command, PageOut } from "#src/cloud/wire";
import type { JournalEvent } from "#src/domain/journal";
import type { Cursor, StoredJournalEvent } from "#src/engine/ports";
import type { SnapshotProgress } from "#src/engine/snapshot";
import { fingerprintOf } from "#src/lib/json";

export const EPOCH = { n: 1, id: "epoch" };
export const SESSION = "session-1";

/** A gateway's store and clock as plain values: carries out what the core orders. */
export class CoreRig {
  now = 0;
  state: LinkState = INITIAL_STATE;
  cursor: Cursor | null = null;
  snapshot: SnapshotProgress | null = null;
  acked = 0;
  readonly journal: StoredJournalEvent[] = [];
  readonly known = new Set<string>();
  readonly ran: string[] = [];
  readonly stored: number[] = [];
  sweeps = 0;

  feed(input: LinkInput): Turn {
    const turn = syncStep(this.state, input, this.view());
    this.state = turn.state;
    for (const op of turn.store) {
      if (op.type === "storePage") {
        this.cursor = op.page.cursor;
        this.stored.push(...op.page.items.map(({ rev }) => rev));
      }
      if (op.type === "beginSnapshot") this.snapshot = { ...op.snapshot, next: 0 };
      if (op.type === "storeSnapshotPart" && this.snapshot !== null) {
        this.stored.push(...op.part.items.map(({ rev }) => rev));
        const { next } = this.snapshot;
        this.snapshot = { ...this.snapshot, next: next + (op.part.endsChunk ? 1 : 0) };
      }
      if (op.type === "sweepSnapshot" && this.snapshot !== null) {
        this.sweeps += 1;
        if (this.sweeps < 3) continue;
        this.cursor = { epoch: this.snapshot.epoch, rev: this.snapshot.rev };
        this.snapshot = null;
      }
      if (op.type === "setAcked") this.acked = op.seq;
      if (op.type === "runCommand") {
        this.ran.push(op.command.id);
        this.known.add(op.command.id);
      }
    }
    return turn;
  }

  hear(...messages: CloudMessage[]): Turn {
    return this.feed({ type: "received", bytes: encodeBody(SESSION, messages) });
  }

  tick(ms: number): Turn {
    this.now += ms;
    return this.feed({ type: "tick" });
  }

  /** Up to a welcome that says `head`. */
  welcome({ head = 0, wantFrom = this.acked + 1, epoch = EPOCH, floor = 0 } = {}): Turn {
    this.feed({ type: "start" });
    if (this.state.phase.name === "resting") this.tick(this.state.phase.until - this.now);
    this.feed({ type: "carrier.up" });
    const { phase } = this.state;
    return this.hear({
      type: "welcome",
      session: SESSION,
      nonce_echo: phase.name === "greeting" ? phase.nonce : "",
      epoch,
      head,
      floor,
      ingested: { jid: wantFrom - 1 },
      want_from: wantFrom,
      time: 0,
    });
  }

  append(count: number): void {
    for (let time = 0; time < count; time++) {
      const event: JournalEvent = { k: "caught_up", t: 1, tq: "trusted", base_rev: 0, data: { rev: 0 } };
      this.journal.push({ seq: this.journal.length + 1, prev: "", event });
    }
  }

  view(): LocalView {
    return {
      now: this.now,
      wall: 1_000_000 + this.now,
      timeQuality: "trusted",
      cursor: this.cursor,
      jid: "jid",
      lastSeq: this.journal.length,
      ackedSeq: this.acked,
      identity: { gateway: "g", boot: 1, sw: "1", transport: "http", caps: { kinds: [], enc: [] } },
      readJournal: (from, limit) => this.journal.slice(from - 1, from - 1 + limit),
      snapshot: this.snapshot,
      secret: () => undefined,
      knowsCommand: (id) => this.known.has(id),
      random: (size) => Uint8Array.from({ length: size }, (_, at) => (at === 0 ? 0x80 : 0)),
    };
  }
}

export function page(from: number, to: number, head = to, epoch = EPOCH): PageOut {
  const items = [];
  for (let rev = from + 1; rev <= to; rev++) {
    const spec = {
      acs_user_id: `u${rev}`,
      acs_system_id: "s",
      full_name: "A",
      state: "active",
      created_at: "2026-11-22T10:00:00Z",
    };
    const identity = { rev, kind: "acs_user", id: `u${rev}`, op: "put" } as const;
    items.push({ ...identity, spec, spec_hash: fingerprintOf(spec), secret: null, verdict: null });
  }
  return { type: "page", epoch, from, to, head, ingested: { jid: 0 }, items };
}

export const scan = (cmd: string, change: Partial<Command> = {}) =>
  ({
    type: "cmd",
    act: "scan",
    cmd,
    session: SESSION,
    needs_rev: 0,
    life_ms: 60_000,
    issued_at: 0,
    by: "app",
    target: { encoder_id: "e" },
    ...change,
  }) as Command;

export const sent = (turn: Turn) => turn.send.map(({ type }) => type);
export const ops = (turn: Turn) => turn.store.map(({ type }) => type);

/** A rig at cursor 10 of head 10. */
export function caughtUpAtTen(): CoreRig {
  const rig = new CoreRig();
  rig.cursor = { epoch: EPOCH, rev: 10 };
  rig.welcome({ head: 10 });
  return rig;
}
