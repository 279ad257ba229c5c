import { z } from "zod";
import type { ActionAttempt, AttemptsTable } from "#src/engine/ports";
import { asFlag, asList, flag, jsonText } from "./columns.js";
import type { Connection, SqlValue } from "./connection.js";

const COLUMNS =
  "id, action_type, status, result, error, credential_id, encoder_id, is_command, created_at, finished_at, device_id, access_code_id";

const storedAttempt = z
  .object({
    id: z.string(),
    action_type: z.string(),
    status: z.enum(["pending", "success", "error"]),
    result: jsonText,
    error: jsonText.pipe(z.object({ type: z.string(), message: z.string() })).nullable(),
    credential_id: z.string().nullable(),
    encoder_id: z.string().nullable(),
    is_command: flag,
    created_at: z.number(),
    finished_at: z.number().nullable(),
    device_id: z.string().nullable(),
    access_code_id: z.string().nullable(),
  })
  .transform(
    ({
      action_type,
      credential_id,
      encoder_id,
      is_command,
      created_at,
      finished_at,
      device_id,
      access_code_id,
      ...same
    }): ActionAttempt => ({
      ...same,
      ...(device_id === null ? {} : { deviceId: device_id }),
      ...(access_code_id === null ? {} : { accessCodeId: access_code_id }),
      actionType: action_type,
      credentialId: credential_id,
      encoderId: encoder_id,
      isCommand: is_command,
      createdAt: created_at,
      finishedAt: finished_at,
    }),
  );

export class Attempts implements AttemptsTable {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  create(attempt: ActionAttempt): void {
    this.#connection.run(
      `INSERT INTO attempts (${COLUMNS}) VALUES (@id, @actionType, @status, @result, @error, @credentialId,
        @encoderId, @isCommand, @createdAt, @finishedAt, @deviceId, @accessCodeId)`,
      {
        id: attempt.id,
        actionType: attempt.actionType,
        status: attempt.status,
        result: JSON.stringify(attempt.result),
        error: attempt.error === null ? null : JSON.stringify(attempt.error),
        credentialId: attempt.credentialId,
        encoderId: attempt.encoderId,
        isCommand: asFlag(attempt.isCommand),
        createdAt: attempt.createdAt,
        finishedAt: attempt.finishedAt,
        deviceId: attempt.deviceId ?? null,
        accessCodeId: attempt.accessCodeId ?? null,
      },
    );
  }

  get(id: string): ActionAttempt | undefined {
    return this.#select("WHERE id = ?", [id])[0];
  }

  finish(id: string, outcome: Pick<ActionAttempt, "status" | "result" | "error">, at: number): boolean {
    const { status, result, error } = outcome;
    if (status === "pending") throw new TypeError(`attempt ${id} cannot be finished as pending`);
    const changed = this.#connection.run(
      `UPDATE attempts SET status = ?, result = ?, error = ?, finished_at = ? WHERE id = ? AND status = 'pending'`,
      [status, JSON.stringify(result), error === null ? null : JSON.stringify(error), at, id],
    );
    return changed === 1;
  }

  list({ ids, deviceId, limit, after }: Parameters<AttemptsTable["list"]>[0]): readonly ActionAttempt[] {
    const where: string[] = [];
    const values: Record<string, SqlValue> = { limit };
    if (ids !== undefined) {
      where.push("id IN (SELECT value FROM json_each(@ids))");
      values["ids"] = asList(ids);
    }
    if (deviceId !== undefined) {
      where.push("device_id = @deviceId");
      values["deviceId"] = deviceId;
    }
    if (after !== undefined) {
      where.push("(created_at, id) > (@afterAt, @afterId)");
      Object.assign(values, { afterAt: after.createdAt, afterId: after.id });
    }
    const condition = where.length === 0 ? "" : `WHERE ${where.join(" AND ")}`;
    return this.#select(`${condition} ORDER BY created_at, id LIMIT @limit + 0`, values);
  }

  pending(): readonly ActionAttempt[] {
    return this.#select("WHERE status = 'pending' ORDER BY created_at, id", []);
  }

  pendingOfCode(accessCodeId: string): readonly ActionAttempt[] {
    return this.#select("WHERE access_code_id = ? AND status = 'pending' ORDER BY created_at, id", [
      accessCodeId,
    ]);
  }

  #select(condition: string, values: readonly SqlValue[] | Record<string, SqlValue>): ActionAttempt[] {
    return this.#connection
      .all(`SELECT ${COLUMNS} FROM attempts ${condition}`, values)
      .map((row) => storedAttempt.parse(row));
  }
}
