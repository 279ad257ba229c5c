/**
 * Version 2: the state of a credential's record can be counted and searched without reading the records. A record that
 * is damaged has none, so that the rest of the store still opens.
 */
export const SCHEMA_2 = `
ALTER TABLE objects ADD COLUMN state TEXT
  GENERATED ALWAYS AS (CASE WHEN json_valid(record) THEN record ->> '$.state' END) VIRTUAL;
ALTER TABLE objects ADD COLUMN state_since INTEGER
  GENERATED ALWAYS AS (CASE WHEN json_valid(record) THEN record ->> '$.context.since' END) VIRTUAL;
CREATE INDEX objects_by_state ON objects (kind, denied, state, state_since) WHERE gone = 0 AND state IS NOT NULL;
`;
