import type { Command, CommandOrder } from "#src/cloud/wire";
import type { AttemptFacts } from "#src/domain/seam/action-attempt";
import type { Json } from "#src/lib/json";
import { Secret } from "#src/lib/secret";
import type { CloudDatabase } from "./database.js";

export interface NewAttempt {
  readonly id: string;
  readonly actionType: string;
  /** null: the feed carries it, as a wish, and an event ends it. */
  readonly order: CommandOrder | null;
  readonly needsRev: number;
  readonly by: string;
  readonly deviceId?: string | undefined;
  readonly accessCodeId?: string | undefined;
}

export interface CloudAttempt extends AttemptFacts {
  readonly createdAt: number;
  readonly deviceId: string | null;
}

interface AttemptRow {
  id: string;
  action_type: string;
  command: string | null;
  device_id: string | null;
  access_code_id: string | null;
  needs_rev: number;
  asked_by: string;
  status: CloudAttempt["status"];
  result: string | null;
  error: string | null;
  created_at: number;
  deadline_at: number;
  offered_in: string | null;
}

type Outcome = Pick<AttemptFacts, "result" | "error"> & { readonly status: "success" | "error" };

/** Action attempts, and the commands that some of them are, by the same id. A finished one never changes. */
export class Commands {
  readonly #database: CloudDatabase;
  readonly #lifeMs: number;

  constructor(database: CloudDatabase, lifeMs: number) {
    this.#database = database;
    this.#lifeMs = lifeMs;
  }

  create(
    { id, actionType, order, needsRev, by, deviceId, accessCodeId }: NewAttempt,
    now: number,
  ): CloudAttempt {
    this.#database
      .prepare(
        `INSERT INTO attempts (id, action_type, command, device_id, access_code_id, needs_rev, asked_by, status,
           created_at, deadline_at) VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, ?)`,
      )
      .run(
        id,
        actionType,
        order === null ? null : writeOrder(order),
        deviceId ?? null,
        accessCodeId ?? null,
        needsRev,
        by,
        now,
        now + this.#lifeMs,
      );
    const attempt = this.get(id);
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

  /** Those of one access code that have not ended, with the rev that the gateway must have followed. */
  pendingOfCode(accessCodeId: string): readonly (CloudAttempt & { readonly needsRev: number })[] {
    return this.#database
      .prepare<[string], AttemptRow>(
        "SELECT * FROM attempts WHERE access_code_id = ? AND status = 'pending' ORDER BY created_at, id",
      )
      .all(accessCodeId)
      .map((row) => ({ ...attemptOf(row), needsRev: row.needs_rev }));
  }

  /** Returns false, and changes nothing, when it is unknown or has ended. */
  finish(id: string, outcome: Outcome): boolean {
    const { changes } = this.#database
      .prepare("UPDATE attempts SET status = ?, result = ?, error = ? WHERE id = ? AND status = 'pending'")
      .run(outcome.status, JSON.stringify(outcome.result), JSON.stringify(outcome.error), id);
    return changes === 1;
  }

  /** Ends what nobody carried out in time. Returns the ids of those. */
  expire(now: number): readonly string[] {
    const error = { type: "action_attempt_expired", message: "The gateway did not carry it out in time." };
    return this.#database
      .prepare<[string, number], { id: string }>(
        "UPDATE attempts SET status = 'error', error = ? WHERE status = 'pending' AND deadline_at <= ? RETURNING id",
      )
      .all(JSON.stringify(error), now)
      .map(({ id }) => id);
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
        `SELECT * FROM attempts WHERE status = 'pending' AND command IS NOT NULL AND offered_in IS NOT ?
           AND deadline_at > ? ORDER BY created_at, id LIMIT 32`,
      )
      .all(session, now);
  }
}

/** A stand-in seals nothing: a PIN lies in its database as it came. */
function writeOrder(order: CommandOrder): string {
  return JSON.stringify(
    order.act === "simulate" ? { ...order, secret: order.secret?.reveal() ?? null } : order,
  );
}

function readOrder(text: string): CommandOrder {
  const order = JSON.parse(text) as CommandOrder; // Written by `writeOrder`.
  if (order.act !== "simulate") return order;
  const secret = order.secret as string | null;
  return { ...order, secret: secret === null ? null : new Secret(secret) };
}

function commandOf(row: AttemptRow, session: string, now: number): Command {
  if (row.command === null) throw new Error("an attempt of the feed is no command");
  return {
    type: "cmd",
    cmd: row.id,
    session,
    needs_rev: row.needs_rev,
    life_ms: row.deadline_at - now,
    issued_at: row.created_at,
    by: row.asked_by,
    ...readOrder(row.command),
  };
}

function attemptOf(row: AttemptRow): CloudAttempt {
  return {
    id: row.id,
    actionType: row.action_type,
    status: row.status,
    result: row.result === null ? null : (JSON.parse(row.result) as Json),
    error: row.error === null ? null : (JSON.parse(row.error) as AttemptFacts["error"]),
    createdAt: row.created_at,
    deviceId: row.device_id,
  };
}
