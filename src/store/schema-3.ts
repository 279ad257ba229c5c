/** Receivers of events; the stand-in cloud has the same tables. */
export const WEBHOOK_TABLES = `
CREATE TABLE webhooks (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  -- A JSON list; null: every type.
  event_types TEXT,
  secret_sealed BLOB NOT NULL,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- An event that a receiver has not acknowledged. Rows of one receiver keep the order of the events; one that is late
-- holds up no other any more.
CREATE TABLE webhook_deliveries (
  seq INTEGER PRIMARY KEY,
  webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  event_id TEXT NOT NULL,
  tries INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  late INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, seq);
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook_id, seq) WHERE late = 0;
CREATE INDEX webhook_deliveries_late ON webhook_deliveries (webhook_id, next_at) WHERE late = 1;
CREATE INDEX webhook_deliveries_by_event ON webhook_deliveries (event_id);
`;

/**
 * Version 3: apps' receivers of events with what is still to be sent to them, from where a change was asked for, and
 * indexes by which what has grown old is found.
 */
export const SCHEMA_3 = `${WEBHOOK_TABLES}
ALTER TABLE audit ADD COLUMN origin TEXT;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX attempts_by_end ON attempts (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tombstones_by_age ON tombstones (at);
`;
