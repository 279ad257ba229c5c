import type { EventQuery } from "#src/api/model";
import { type EventSubject, type SeamEvent, seamEvent, type SeamEventType } from "#src/domain/seam/event";
import { uuidV5 } from "#src/lib/uuid";
import type { CloudDatabase } from "./database.js";

/** Events in Seam's words. The id comes from what happened, so that the same fact is told once. */
export class SeamEvents {
  readonly #database: CloudDatabase;
  readonly #siteId: string;
  readonly #stored: (event: SeamEvent) => void;

  /** `stored` is called for every event, in the transaction that stores it. */
  constructor(database: CloudDatabase, siteId: string, stored: (event: SeamEvent) => void) {
    this.#database = database;
    this.#siteId = siteId;
    this.#stored = stored;
  }

  /** `cause` names the fact: the same type and cause is the same event. */
  emit(
    type: SeamEventType,
    subject: EventSubject,
    {
      cause,
      ...head
    }: {
      readonly cause: string;
      readonly workspaceId: string;
      readonly connectedAccountId: string;
      readonly occurredAt: number;
      readonly createdAt: number;
    },
  ): void {
    const event = seamEvent(type, subject, {
      ...head,
      eventId: uuidV5(this.#siteId, `event:${type}:${cause}`),
    });
    const { changes } = this.#database
      .prepare("INSERT OR IGNORE INTO events (event_id, type, occurred_at, body) VALUES (?, ?, ?, ?)")
      .run(event.event_id, type, head.occurredAt, JSON.stringify(event));
    if (changes === 1) this.#stored(event);
  }

  get(id: string): SeamEvent | undefined {
    const row = this.#database
      .prepare<[string], { body: string }>("SELECT body FROM events WHERE event_id = ?")
      .get(id);
    return row === undefined ? undefined : eventOf(row.body);
  }

  /** In the order in which they happened. */
  list(query: EventQuery): readonly SeamEvent[] {
    const { since = -Infinity, before = Infinity, ids, types, where, limit } = query;
    const rows = this.#database
      .prepare<[], { body: string; occurred_at: number }>(
        "SELECT body, occurred_at FROM events ORDER BY occurred_at, position",
      )
      .all();
    return (query.newestFirst === true ? rows.reverse() : rows)
      .filter((row) => row.occurred_at > since && row.occurred_at < before)
      .map((row) => eventOf(row.body))
      .filter((event) => ids === undefined || ids.includes(event.event_id))
      .filter((event) => types === undefined || types.includes(event.event_type))
      .filter((event) =>
        Object.entries(where).every(([name, values]) => values.some((value) => event[name] === value)),
      )
      .slice(0, limit);
  }
}

function eventOf(body: string): SeamEvent {
  return JSON.parse(body) as SeamEvent; // Written by `emit`.
}
