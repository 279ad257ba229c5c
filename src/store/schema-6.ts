/** Version 6: wrong PINs in a row at doors that the gateway decides over. */
export const SCHEMA_6 = `
CREATE TABLE door_lockouts (
  lock_id TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  -- Epoch milliseconds; no PIN is looked at before.
  until INTEGER
) STRICT, WITHOUT ROWID;
`;
