import type { Retention } from "#src/engine/ports";
import type { Connection } from "./connection.js";

/** A transaction of more rows would keep everything else waiting. */
const ROWS_AT_ONCE = 100;

/**
 * What has been kept long enough, a few rows at a time. The journal is not among it: the cloud may ask for any of it
 * again. The newest event and the newest audit entry always stay, since numbers go on from them.
 */
const EVENTS = `DELETE FROM events WHERE seq IN (SELECT seq FROM events INDEXED BY events_by_time
  WHERE occurred_at < @before AND seq < (SELECT max(seq) FROM events)
    AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE event_id = events.id)
  ORDER BY occurred_at LIMIT @limit + 0)`;
const EVENTS_BEYOND = `DELETE FROM events WHERE seq IN (SELECT seq FROM events
  WHERE seq <= (SELECT max(seq) FROM events) - @keep
    AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE event_id = events.id)
  ORDER BY seq LIMIT @limit + 0)`;
const ATTEMPTS = `DELETE FROM attempts WHERE id IN (SELECT id FROM attempts
  WHERE finished_at < @before ORDER BY finished_at LIMIT @limit + 0)`;
const AUDIT = `DELETE FROM audit WHERE seq IN (SELECT seq FROM audit INDEXED BY audit_by_time
  WHERE at < @before AND seq < (SELECT max(seq) FROM audit) ORDER BY at LIMIT @limit + 0)`;
const AUDIT_BEYOND = `DELETE FROM audit WHERE seq IN (SELECT seq FROM audit
  WHERE seq <= (SELECT max(seq) FROM audit) - @keep ORDER BY seq LIMIT @limit + 0)`;
const TOMBSTONES = `DELETE FROM tombstones WHERE (kind, id) IN (SELECT kind, id FROM tombstones
  WHERE at < @before ORDER BY at LIMIT @limit + 0)`;

/**
 * Removes what `retention` does not ask to keep, of each table at most a hundred rows; answers how many went. `certain`:
 * epoch ms that have surely passed; 0, as long as nobody knows the time: then nothing goes by its age.
 */
export function prune(connection: Connection, retention: Retention, certain: number): number {
  const limit = ROWS_AT_ONCE;
  const older = (sql: string, ms: number) => connection.run(sql, { before: certain - ms, limit });
  return connection.transaction(() => {
    const byNumber =
      connection.run(EVENTS_BEYOND, { keep: retention.eventsMax, limit }) +
      connection.run(AUDIT_BEYOND, { keep: retention.auditMax, limit });
    if (certain === 0) return byNumber;
    return (
      byNumber +
      older(EVENTS, retention.eventsMs) +
      older(ATTEMPTS, retention.attemptsMs) +
      older(AUDIT, retention.auditMs) +
      older(TOMBSTONES, retention.tombstonesMs)
    );
  });
}
