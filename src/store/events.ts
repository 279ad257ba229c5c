import { z } from "zod";
import type { EventsQuery, EventsTable, SeamEvent, WebhooksTable } from "#src/engine/ports";
import { asList, jsonText } from "./columns.js";
import type { Connection, SqlValue } from "./connection.js";

/** Properties with an indexed column of their own. Any other can be asked for too, at the price of a scan. */
const INDEXED = [
  "acs_credential_id",
  "acs_user_id",
  "acs_system_id",
  "acs_encoder_id",
  "acs_entrance_id",
  "device_id",
  "access_code_id",
] as const;

const isIndexed = (property: string): boolean => INDEXED.some((indexed) => indexed === property);

const storedBody = z.object({
  body: jsonText.pipe(
    z
      .object({
        event_id: z.string(),
        event_type: z.string(),
        workspace_id: z.string(),
        created_at: z.string(),
        occurred_at: z.string(),
      })
      .catchall(z.json()),
  ),
});

const newestRow = z.object({ seq: z.number().nullable() });
const placedRow = z.object({ seq: z.number() });

export class Events implements EventsTable {
  readonly #connection: Connection;
  readonly #webhooks: Pick<WebhooksTable, "enqueue">;

  constructor(connection: Connection, webhooks: Pick<WebhooksTable, "enqueue">) {
    this.#connection = connection;
    this.#webhooks = webhooks;
  }

  append(event: SeamEvent): void {
    const occurredAt = Date.parse(event.occurred_at);
    if (!Number.isFinite(occurredAt)) throw new TypeError(`event ${event.event_id} has no valid occurred_at`);
    this.#connection.run(
      `INSERT INTO events (id, type, occurred_at, body, ${INDEXED.join(", ")})
       VALUES (?, ?, ?, ?, ${INDEXED.map(() => "?").join(", ")})`,
      [
        event.event_id,
        event.event_type,
        occurredAt,
        JSON.stringify(event),
        ...INDEXED.map((property) => textOrNull(event[property])),
      ],
    );
    this.#webhooks.enqueue(event);
  }

  get(id: string): SeamEvent | undefined {
    return this.#select("WHERE id = @id", { id })[0];
  }

  lastSeq(): number {
    return newestRow.parse(this.#connection.get("SELECT max(seq) AS seq FROM events")).seq ?? 0;
  }

  seqOf(id: string): number | undefined {
    const row = this.#connection.get("SELECT seq FROM events WHERE id = ?", [id]);
    return placedRow.optional().parse(row)?.seq;
  }

  after(seq: number, limit: number): readonly { readonly seq: number; readonly event: SeamEvent }[] {
    return this.#connection
      .all("SELECT seq, body FROM events WHERE seq > ? ORDER BY seq LIMIT ? + 0", [seq, limit])
      .map((row) => ({ seq: placedRow.parse(row).seq, event: storedBody.parse(row).body }));
  }

  list({ since, before, ids, types, where = {}, limit, newestFirst }: EventsQuery): readonly SeamEvent[] {
    const conditions: string[] = [];
    const values: Record<string, SqlValue> = { limit };
    const narrow = (condition: string, named: Record<string, SqlValue>) => {
      conditions.push(condition);
      Object.assign(values, named);
    };
    if (since !== undefined) narrow("occurred_at > @since", { since });
    if (before !== undefined) narrow("occurred_at < @before", { before });
    if (ids !== undefined) narrow("id IN (SELECT value FROM json_each(@ids))", { ids: asList(ids) });
    if (types !== undefined)
      narrow("type IN (SELECT value FROM json_each(@types))", { types: asList(types) });
    Object.entries(where).forEach(([property, wanted], index) => {
      const value = `value${index}`;
      const list = typeof wanted === "string" ? [wanted] : wanted;
      // With one value the index gives the order too.
      const [only = ""] = list;
      const isOne = list.length === 1;
      const isWanted = isOne ? `= @${value}` : `IN (SELECT value FROM json_each(@${value}))`;
      const named = { [value]: isOne ? only : asList(list) };
      if (isIndexed(property)) narrow(`${property} ${isWanted}`, named);
      else
        narrow(`EXISTS (SELECT 1 FROM json_each(body) WHERE key = @key${index} AND value ${isWanted})`, {
          [`key${index}`]: property,
          ...named,
        });
    });
    const condition = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const order = newestFirst === true ? "occurred_at DESC, seq DESC" : "occurred_at, seq";
    return this.#select(`${condition} ORDER BY ${order} LIMIT @limit + 0`, values);
  }

  #select(condition: string, values: Record<string, SqlValue>): SeamEvent[] {
    return this.#connection
      .all(`SELECT body FROM events ${condition}`, values)
      .map((row) => storedBody.parse(row).body);
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
