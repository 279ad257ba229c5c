/** Version 4: what a snapshot that is being taken in names, so that what it lacks can be told after a restart too. */
export const SCHEMA_4 = `
CREATE TABLE snapshot_items (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
`;
