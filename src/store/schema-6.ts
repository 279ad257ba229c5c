/**
 * Version 6: doors that the gateway decides over. Wrong PINs in a row, and codes for one use that were used. Both are
 * on disk before the door opens.
 */
export const SCHEMA_6 = `
CREATE TABLE door_lockouts (
  lock_id TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  -- Epoch milliseconds; no PIN is looked at before.
  until INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE door_uses (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
`;
