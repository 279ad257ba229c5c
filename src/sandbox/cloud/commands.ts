import type { Command } from "#src/cloud/wire";
import type { AttemptFacts } from "#src/domain/seam/action-attempt";
import type { Json } from "#src/lib/json";
import type { CloudDatabase } from "./database.js";

export interface NewCommand {
  readonly id: string;
  readonly act: Command["act"];
  readonly encoderId: string;
  readonly credentialId: string | null;
  readonly expectGen: number | null;
  readonly needsRev: number;
  readonly by: string;
}

export interface CloudAttempt extends AttemptFacts {
  readonly createdAt: number;
}

interface AttemptRow {
  id: string;
  action_type: string;
  act: Command["act"];
  encoder_id: string;
  credential_id: string | null;
  expect_gen: number | null;
  needs_rev: number;
  asked_by: string;
  status: CloudAttempt["status"];
  result: string | null;
  error: string | null;
  created_at: number;
  deadline_at: number;
  offered_in: string | null;
}

const ACTION_TYPES = { encode: "ENCODE_CREDENTIAL", scan: "SCAN_CREDENTIAL", erase: "ERASE_CARD" } as const;

/** Commands and their action attempts: the same thing, by the same id. A finished one never changes. */
export class Commands {
  readonly #database: CloudDatabase;
  readonly #lifeMs: number;

  constructor(database: CloudDatabase, lifeMs: number) {
    this.#database = database;
    this.#lifeMs = lifeMs;
  }

  create(command: NewCommand, now: number): CloudAttempt {
    this.#database
      .prepare(
        `INSERT INTO attempts (id, action_type, act, encoder_id, credential_id, expect_gen, needs_rev, asked_by,
           status, created_at, deadline_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?)`,
      )
      .run(
        command.id,
        ACTION_TYPES[command.act],
        command.act,
        command.encoderId,
        command.credentialId,
        command.expectGen,
        command.needsRev,
        command.by,
        now,
        now + this.#lifeMs,
      );
    const attempt = this.get(command.id);
    if (attempt === undefined) throw new Error("a stored attempt is gone");
    return attempt;
  }

  get(id: string): CloudAttempt | undefined {
    const row = this.#database.prepare<[string], AttemptRow>("SELECT * FROM attempts WHERE id = ?").get(id);
    return row === undefined ? undefined : attemptOf(row);
  }

  /** Oldest first. */
  list(): readonly CloudAttempt[] {
    return this.#database
      .prepare<[], AttemptRow>("SELECT * FROM attempts ORDER BY created_at, id")
      .all()
      .map(attemptOf);
  }

  /** Returns false, and changes nothing, when it is unknown or has ended. */
  finish(
    id: string,
    outcome: { status: "success" | "error"; result: Json; error: AttemptFacts["error"] },
  ): boolean {
    const { changes } = this.#database
      .prepare("UPDATE attempts SET status = ?, result = ?, error = ? WHERE id = ? AND status = 'pending'")
      .run(outcome.status, JSON.stringify(outcome.result), JSON.stringify(outcome.error), id);
    return changes === 1;
  }

  /** Ends what nobody carried out in time. Returns how many those were. */
  expire(now: number): number {
    const error = { type: "action_attempt_expired", message: "The gateway did not carry it out in time." };
    return this.#database
      .prepare(
        "UPDATE attempts SET status = 'error', error = ? WHERE status = 'pending' AND deadline_at <= ?",
      )
      .run(JSON.stringify(error), now).changes;
  }

  /** When the next command expires, or null. */
  nextDeadline(): number | null {
    const row = this.#database
      .prepare<[], { at: number | null }>(
        "SELECT min(deadline_at) AS at FROM attempts WHERE status = 'pending'",
      )
      .get();
    return row?.at ?? null;
  }

  hasOffers(session: string, now: number): boolean {
    return this.#open(session, now).length > 0;
  }

  /** Unfinished commands that this session has not been offered, each with what is left of its life. */
  takeOffers(session: string, now: number): readonly Command[] {
    const rows = this.#open(session, now);
    const mark = this.#database.prepare("UPDATE attempts SET offered_in = ? WHERE id = ?");
    for (const { id } of rows) mark.run(session, id);
    return rows.map((row) => commandOf(row, session, now));
  }

  #open(session: string, now: number): AttemptRow[] {
    return this.#database
      .prepare<[string, number], AttemptRow>(
        `SELECT * FROM attempts WHERE status = 'pending' AND offered_in IS NOT ? AND deadline_at > ?
         ORDER BY created_at, id LIMIT 32`,
      )
      .all(session, now);
  }
}

function commandOf(row: AttemptRow, session: string, now: number): Command {
  const head = {
    type: "cmd" as const,
    cmd: row.id,
    session,
    needs_rev: row.needs_rev,
    life_ms: row.deadline_at - now,
    issued_at: row.created_at,
    by: row.asked_by,
  };
  if (row.act !== "encode") return { ...head, act: row.act, target: { encoder_id: row.encoder_id } };
  const target = { encoder_id: row.encoder_id, credential_id: row.credential_id ?? "" };
  return { ...head, act: "encode", target, expect_gen: row.expect_gen };
}

function attemptOf(row: AttemptRow): CloudAttempt {
  return {
    id: row.id,
    actionType: row.action_type,
    status: row.status,
    result: row.result === null ? null : (JSON.parse(row.result) as Json),
    error: row.error === null ? null : (JSON.parse(row.error) as AttemptFacts["error"]),
    createdAt: row.created_at,
  };
}
